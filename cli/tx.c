/* warren tx put | delete */
#include "canonical.h"
#include "keystore.h"
#include "records.h"

#include "base/text.h"
#include "config/duration.h"
#include "cosmos/tx.h"
#include "loop/loop.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    ARENA_BYTES     = 64 << 20,
    VALUE_BYTES_MAX = 1 << 20,
    POLL_US         = 50000,
    SIGN_TRIES      = 40,
};

/* What is sent, and what became of it. */
struct sending {
    struct cli          *c;
    struct rpc           rpc;
    struct arena         arena;
    struct privkey       key;
    char                 address[64];
    struct span          chain_id;
    uint64_t             number, sequence;
    struct record_change change;
    bool                 is_delete;
    int64_t              timeout_ns;
    struct span          bytes;
    struct hash          hash;
    int64_t              height; /* 0: not in a block yet */
};

/* ---- the change ---- */

static enum err read_stdin(struct span *out, struct arena *a)
{
    uint8_t *p = arena_alloc(a, VALUE_BYTES_MAX + 1);
    size_t   n;

    must(p);
    n = fread(p, 1, VALUE_BYTES_MAX + 1, stdin);
    if (n > VALUE_BYTES_MAX || ferror(stdin))
        return fail(ERR_USAGE, "standard input: expected at most %d bytes",
                    VALUE_BYTES_MAX);
    while (n && (p[n - 1] == '\n' || p[n - 1] == '\r'))
        n--;
    *out = SPAN(p, n);
    return OK;
}

/* Only what cannot be meant as JSON is a text. */
static bool looks_like_json(struct span s)
{
    struct json_doc d;

    if (s.n && memchr("{[\"", s.p[0], 3))
        return true;
    if (json_doc_parse(&d, s, JSON_KEYS_UNIQUE) != ACCEPT)
        return false;
    json_doc_fini(&d);
    return true;
}

static enum err read_value(struct span *out, struct cli *c, const char *word,
                           struct arena *a)
{
    char        reason[200];
    const char *why   = NULL;
    struct span given = span_str(word);
    struct buf  b;
    enum err    code = OK;

    if (strcmp(word, "-") == 0)
        code = read_stdin(&given, a);
    if (code != OK)
        return code;
    UNUSED(c);
    buf_init(&b, 8 * VALUE_BYTES_MAX);
    if (looks_like_json(given))
        why = canonical_json(&b, given, reason);
    else if (utf8_valid(given))
        canonical_string(&b, given);
    else
        why = "it is no UTF-8";
    if (why)
        code = fail(ERR_USAGE, "the value cannot be stored: %s", why);
    *out = arena_copy(a, buf_span(&b));
    buf_fini(&b);
    return code;
}

static enum err read_condition(struct sending *s)
{
    static struct record_precondition p;
    int64_t                           version;
    enum err code = cli_number(&version, s->c, "if-version", 0, 1, INT64_MAX);

    if (code != OK)
        return code;
    if (version && cli_switch(s->c, "if-absent", false))
        return fail(ERR_USAGE, "--if-version and --if-absent exclude each"
                               " other");
    if (version) {
        p.which   = RECORD_IF_VERSION;
        p.version = (uint64_t)version;
    } else if (cli_switch(s->c, "if-absent", false)) {
        p.which  = RECORD_IF_ABSENT;
        p.absent = true;
    }
    s->change.precondition = p.which ? &p : NULL;
    return OK;
}

/* ---- the signer ---- */

static enum err open_signer(struct sending *s)
{
    const char   *from = cli_flag(s->c, "from");
    struct pubkey pub;
    enum err code = keystore_open(&s->key, s->c->config, from ? from : "admin",
                                  cli_flag(s->c, "passphrase-file"));

    if (code != OK)
        return code;
    privkey_public(&pub, &s->key);
    account_address(s->address, &pub);
    s->change.signer = span_str(s->address);
    return OK;
}

static enum err load_chain_id(struct sending *s)
{
    struct rpc_reply reply;
    enum err         code = rpc_call(&reply, &s->rpc, "header", SPAN(NULL, 0));

    if (code != OK)
        return code;
    s->chain_id = arena_copy(&s->arena, rpc_text(&reply, "header.chain_id"));
    rpc_reply_fini(&reply);
    if (s->chain_id.n == 0)
        return fail(ERR_BUSY, "the chain has no block yet; try again in a"
                              " moment");
    return OK;
}

/* Number and next sequence of the signer's account. */
static enum err load_account(struct sending *s)
{
    struct query_account_request  ask = { span_str(s->address) };
    struct query_account_response answer;
    struct base_account           account;
    struct query_reply            reply;
    struct span data = pb_encode(&query_account_request_desc, &ask, &s->arena);
    enum err    code;

    must(data.p);
    code = query(&reply, &s->rpc, "/cosmos.auth.v1beta1.Query/Account", data, 0,
                 false, &s->arena);
    if (code != OK)
        return code;
    if (reply.code)
        return fail(ERR_NOT_FOUND,
                    "the chain knows no account %s; name another key with"
                    " --from: accounts stand in app_state of the genesis",
                    s->address);
    if (pb_decode(&query_account_response_desc, &answer, &s->arena,
                  reply.value) != ACCEPT ||
        !answer.account ||
        pb_decode(&base_account_desc, &account, &s->arena,
                  answer.account->value) != ACCEPT)
        return fail(ERR_APP, "the application's account %s cannot be read",
                    s->address);
    s->number   = account.account_number;
    s->sequence = account.sequence;
    return OK;
}

/* ---- sending ---- */

static enum err build(struct sending *s)
{
    const struct pb_desc *desc =
        s->is_delete ? &record_delete_desc : &record_put_desc;
    struct cosmos_any message = {
        .type_url = span_str(s->is_delete ? "/warren.ledger.v1.MsgDelete"
                                          : "/warren.ledger.v1.MsgPut"),
        .value    = pb_encode(desc, &s->change, &s->arena),
    };
    struct tx_draft     draft  = { .messages = &message, .message_count = 1 };
    struct draft_signer signer = { .key      = &s->key,
                                   .number   = s->number,
                                   .sequence = s->sequence };

    privkey_public(&signer.pub, &s->key);
    must(message.value.p);
    s->bytes = cosmos_tx_build(&draft, &signer, 1, s->chain_id, &s->arena);
    if (!s->bytes.p)
        return fail(ERR_FAILED, "the transaction cannot be built");
    sha256(&s->hash, s->bytes);
    return OK;
}

struct verdict {
    int64_t     code;
    struct span codespace, log;
};

static void read_verdict(struct verdict *v, const struct json_value *at)
{
    *v = (struct verdict){ .codespace = span_str(""), .log = span_str("") };
    (void)!json_read_int(&v->code, json_get(at, "code"));
    (void)!json_read_str(&v->codespace, json_get(at, "codespace"));
    (void)!json_read_str(&v->log, json_get(at, "log"));
}

static enum err refused(const struct verdict *v, const char *what)
{
    char codespace[32];

    snprintf(codespace, sizeof codespace, "%.*s",
             (int)(v->codespace.n < 31 ? v->codespace.n : 31),
             (const char *)v->codespace.p);
    return fail(ledger_exit(codespace, (uint32_t)v->code),
                "the transaction %s: %.*s (code %" PRId64 " of %s)", what,
                (int)(v->log.n < 500 ? v->log.n : 500), (const char *)v->log.p,
                v->code, codespace);
}

/* The sequence that a refusal asks for: it counts what waits for a block, so
 * many can write with one account between two blocks. */
static bool read_expected(uint64_t *out, struct span log)
{
    static const char word[] = "expected ";
    const uint8_t    *at     = memmem(log.p, log.n, word, sizeof word - 1);
    size_t            n      = 0;

    if (!at)
        return false;
    at += sizeof word - 1;
    while (at + n < log.p + log.n && at[n] >= '0' && at[n] <= '9')
        n++;
    return uint64_parse(out, SPAN(at, n));
}

/* OK: accepted.  *is_stale: another transaction took the sequence; the next
 * one is in *s if the node said so. */
static enum err broadcast(struct sending *s, bool *is_stale)
{
    struct buf         params;
    struct json_writer w;
    struct rpc_reply   reply;
    struct verdict     v;
    enum err           code;

    *is_stale = false;
    buf_init(&params, 2 * s->bytes.n + 4096);
    jw_init(&w, &params, 0);
    jw_object(&w);
    JW(&w, "tx", base64_text, s->bytes);
    jw_object_end(&w);
    code = rpc_ask(&reply, &s->rpc, "broadcast_tx_sync", buf_span(&params));
    buf_fini(&params);
    if (code != OK)
        return code;
    if (!reply.result) {
        /* sent before, perhaps by a call whose answer was lost */
        code =
            strstr(reply.error, "already exists in cache")
                ? OK
                : fail(strstr(reply.error, "mempool is full")      ? ERR_BUSY
                       : strstr(reply.error, "not answer in time") ? ERR_TIMEOUT
                                                                   : ERR_FAILED,
                       "the node does not take the transaction: %s",
                       reply.error);
        rpc_reply_fini(&reply);
        return code;
    }
    read_verdict(&v, reply.result);
    *is_stale = v.code == COSMOS_WRONG_SEQUENCE &&
                span_eq(v.codespace, span_str("sdk"));
    if (*is_stale && !read_expected(&s->sequence, v.log))
        code = load_account(s);
    if (v.code && !*is_stale)
        code = refused(&v, "is refused");
    rpc_reply_fini(&reply);
    return code;
}

/* Sign and send; once more when the sequence was taken meanwhile. */
static enum err sign_and_send(struct sending *s)
{
    bool     is_stale = true;
    enum err code     = load_account(s);

    for (int i = 0; i < SIGN_TRIES && code == OK; i++) {
        code = build(s);
        if (code == OK)
            code = broadcast(s, &is_stale);
        if (code == OK && !is_stale)
            return OK;
        usleep(POLL_US / 5);
    }
    if (code != OK)
        return code;
    return fail(ERR_BUSY,
                "the account %s is used by others at the same time: its"
                " sequence was taken %d times; try again",
                s->address, SIGN_TRIES);
}

/* In a block?  s->height stays 0 while it is not.  What it came to there is
 * the code: of a deletion also ERR_NOT_FOUND. */
static enum err look_up(struct sending *s)
{
    struct buf         params;
    struct json_writer w;
    struct rpc_reply   reply;
    struct verdict     v;
    enum err           code;

    buf_init(&params, 4096);
    jw_init(&w, &params, 0);
    jw_object(&w);
    JW(&w, "hash", base64_text, hash_span(&s->hash));
    jw_object_end(&w);
    code = rpc_ask(&reply, &s->rpc, "tx", buf_span(&params));
    buf_fini(&params);
    if (code != OK)
        return code;
    if (!reply.result) {
        code = strstr(reply.error, "not found")
                   ? OK
                   : fail(ERR_FAILED,
                          "the node cannot look the transaction"
                          " up: %s",
                          reply.error);
        rpc_reply_fini(&reply);
        return code;
    }
    read_verdict(&v, rpc_get(&reply, "tx_result"));
    if (!json_read_int_text(&s->height, rpc_get(&reply, "height")))
        code = fail(ERR_FAILED, "the node's answer to tx has no height");
    else if (v.code)
        code = refused(&v, "failed in its block");
    rpc_reply_fini(&reply);
    return code;
}

static enum err wait_for_block(struct sending *s)
{
    uint64_t   end  = now_us() + (uint64_t)s->timeout_ns / 1000;
    enum err   code = look_up(s);
    struct buf hash;

    while (code == OK && !s->height && now_us() <= end) {
        usleep(POLL_US);
        code = look_up(s);
    }
    if (code != OK || s->height)
        return code;
    buf_init(&hash, 128);
    buf_hex_upper(&hash, hash_span(&s->hash));
    code = fail(ERR_TIMEOUT,
                "not in a block after %" PRId64 " ms; it may still get into"
                " one: look again with 'warren trace %s'",
                s->timeout_ns / 1000000, buf_cstr(&hash));
    buf_fini(&hash);
    return code;
}

/* ---- the commands ---- */

static enum err say(const struct sending *s)
{
    struct cli *c = s->c;
    struct buf  hash;
    enum err    code;

    buf_init(&hash, 128);
    buf_hex_upper(&hash, hash_span(&s->hash));
    out_begin(c);
    out_str(c, "tx", buf_cstr(&hash));
    if (s->height)
        out_int(c, "height", s->height);
    out_str(c, "status", s->height ? "committed" : "pending");
    out_span(c, "collection", s->change.collection);
    out_span(c, "key", s->change.key);
    code = out_end(c);
    buf_fini(&hash);
    return code;
}

static enum err prepare(struct sending *s)
{
    const char *timeout = cli_flag(s->c, "timeout");
    enum err    code    = cli_config(s->c);

    s->timeout_ns = INT64_C(30000000000);
    if (timeout &&
        (!duration_parse(&s->timeout_ns, timeout) || s->timeout_ns <= 0))
        return fail(ERR_USAGE, "--timeout=%s: expected one such as 30s",
                    timeout);
    s->change.collection = span_str(s->c->word[0]);
    s->change.key        = span_str(s->c->word[1]);
    if (code == OK && !s->is_delete)
        code = read_value(&s->change.value, s->c, s->c->word[2], &s->arena);
    if (code == OK)
        code = read_condition(s);
    if (code == OK)
        code = rpc_open(&s->rpc, s->c);
    if (code == OK)
        code = open_signer(s);
    return code;
}

static enum err send(struct cli *c, bool is_delete)
{
    struct sending s    = { .c = c, .is_delete = is_delete };
    enum err       code = cli_words(c, is_delete ? 2 : 3, is_delete ? 2 : 3);

    if (code != OK)
        return code;
    arena_open(&s.arena, ARENA_BYTES);
    code = prepare(&s);
    if (code == OK)
        code = load_chain_id(&s);
    if (code == OK)
        code = sign_and_send(&s);
    privkey_wipe(&s.key);
    if (code == OK && !cli_switch(c, "no-wait", false))
        code = wait_for_block(&s);
    if (code == OK)
        code = say(&s);
    arena_close(&s.arena);
    return code;
}

enum err cmd_tx_put(struct cli *c)
{
    return send(c, false);
}

enum err cmd_tx_delete(struct cli *c)
{
    return send(c, true);
}
