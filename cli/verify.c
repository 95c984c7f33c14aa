/* warren verify: a saved proof against a header that is trusted. */
#include "light.h"
#include "proof.h"

#include "home.h"

#include "base/text.h"

#include <stdlib.h>

enum { FILE_BYTES_MAX = 64 << 20, ARENA_BYTES = 512 << 20 };

struct checking {
    struct cli         *c;
    struct arena        arena;
    struct json_doc     doc, header_doc;
    struct record_proof proof;
    struct span         app_hash;
    char                by[256]; /* who vouches for it */
};

static enum err read_json(struct json_doc *d, const char *file, struct arena *a)
{
    struct span text;
    enum err    code;

    if (strcmp(file, "-") == 0) {
        uint8_t *p = arena_alloc(a, FILE_BYTES_MAX);

        must(p);
        text = SPAN(p, fread(p, 1, FILE_BYTES_MAX, stdin));
    } else {
        code = home_read(&text, file, FILE_BYTES_MAX, a);
        if (code == ERR_NOT_FOUND)
            return fail(ERR_NOT_FOUND, "%s: there is no such file", file);
        if (code != OK)
            return code;
    }
    if (json_doc_parse(d, text, JSON_KEYS_UNIQUE) != ACCEPT)
        return fail(ERR_VERIFY, "%s: is no JSON: %s", file, d->why);
    return OK;
}

/* The header must be of this chain and of the height after the proof's. */
static enum err check_place(const struct checking *k, const struct header *h)
{
    if (!span_eq(h->chain_id, k->proof.chain_id))
        return fail(ERR_VERIFY,
                    "the header is of chain '%.*s', the proof of"
                    " '%.*s'",
                    (int)h->chain_id.n, (const char *)h->chain_id.p,
                    (int)(k->proof.chain_id.n < 99 ? k->proof.chain_id.n : 99),
                    (const char *)k->proof.chain_id.p);
    if (h->height - 1 != k->proof.height)
        return fail(ERR_VERIFY,
                    "the header is of height %" PRId64 "; the app hash after"
                    " height %" PRId64 " stands in that of %" PRId64,
                    h->height, k->proof.height, k->proof.height + 1);
    return OK;
}

static enum err own_header(struct header *h, struct checking *k)
{
    if (!light_read_header(h, json_get(k->proof.signed_header, "header"),
                           &k->arena))
        return fail(ERR_VERIFY, "the file has no header of its own; give one"
                                " with --header");
    return check_place(k, h);
}

static enum err trust_app_hash(struct checking *k, const char *hex)
{
    size_t   n = strlen(hex) / 2;
    uint8_t *p = arena_alloc(&k->arena, n + 1);

    if (n == 0 || !p || !hex_decode(p, n, span_str(hex)))
        return fail(ERR_USAGE, "--app-hash=%.80s: expected hex digits", hex);
    k->app_hash = SPAN(p, n);
    snprintf(k->by, sizeof k->by, "the app hash given");
    return OK;
}

static enum err trust_hash(struct checking *k, const char *hex)
{
    struct header h;
    struct hash   want, got;
    enum err      code = own_header(&h, k);

    if (code != OK)
        return code;
    if (!hex_decode(want.b, sizeof want.b, span_str(hex)))
        return fail(ERR_USAGE, "--trusted-hash=%.80s: expected 64 hex digits",
                    hex);
    if (!header_hash(&got, &h) || !hash_eq(&want, &got))
        return fail(ERR_VERIFY, "the header in the file has another hash than"
                                " the trusted one");
    k->app_hash = h.app_hash;
    snprintf(k->by, sizeof k->by, "the header hash given");
    return OK;
}

static enum err trust_header(struct checking *k, const char *file)
{
    const struct json_value *v;
    struct header            h;
    enum err                 code;

    code = read_json(&k->header_doc, file, &k->arena);
    if (code != OK)
        return code;
    v = light_find_header(k->header_doc.root);
    if (!v || !light_read_header(&h, v, &k->arena))
        return fail(ERR_USAGE,
                    "%s: expected the answer of /header or /commit, or a"
                    " header alone",
                    file);
    code = check_place(k, &h);
    if (code == OK)
        snprintf(k->by, sizeof k->by, "the header in %.200s", file);
    k->app_hash = h.app_hash;
    return code;
}

/* Without anything given: the validators that this home's genesis names. */
static enum err trust_genesis(struct checking *k)
{
    struct genesis    g;
    struct validators trusted, own;
    struct header     h;
    struct commit     commit;
    const char       *why;
    enum err          code = cli_config(k->c);

    if (code == OK)
        code = home_genesis(&g, k->c->config, &k->arena);
    if (code != OK)
        return fail(code, "without a genesis file to trust, give --header,"
                          " --trusted-hash or --app-hash");
    if (!span_eq(g.chain_id, k->proof.chain_id))
        return fail(ERR_VERIFY,
                    "the proof is of another chain than the"
                    " genesis of %s",
                    k->c->config->home);
    code = own_header(&h, k);
    if (code != OK)
        return code;
    if (!light_read_commit(&commit, json_get(k->proof.signed_header, "commit"),
                           &k->arena) ||
        !light_read_validators(&own, k->proof.validators, &k->arena))
        return fail(ERR_VERIFY, "the file has no commit and validators of its"
                                " own; give --header or --trusted-hash");
    if (validators_new(&trusted, g.validators, g.validator_count, &k->arena) !=
            ACCEPT ||
        g.validator_count == 0)
        return fail(ERR_GENESIS, "the genesis names no validators; give"
                                 " --header or --trusted-hash");
    why = light_verify(&h, &commit, &own, &trusted, &k->arena);
    if (why)
        return fail(ERR_VERIFY, "the header cannot be trusted: %s", why);
    k->app_hash = h.app_hash;
    snprintf(k->by, sizeof k->by, "validators that the genesis names");
    return OK;
}

static enum err find_trust(struct checking *k)
{
    const char *app_hash = cli_flag(k->c, "app-hash");
    const char *hash     = cli_flag(k->c, "trusted-hash");
    const char *header   = cli_flag(k->c, "header");

    if (app_hash)
        return trust_app_hash(k, app_hash);
    if (hash)
        return trust_hash(k, hash);
    if (header)
        return trust_header(k, header);
    return trust_genesis(k);
}

static enum err say(struct checking *k)
{
    struct cli *c = k->c;
    struct buf  hex;
    enum err    code;

    buf_init(&hex, 256);
    buf_hex_upper(&hex, k->app_hash);
    out_begin(c);
    out_bool(c, "verified", true);
    out_str(c, "trusting", k->by);
    out_span(c, "chain_id", k->proof.chain_id);
    out_int(c, "at_height", k->proof.height);
    out_str(c, "app_hash", buf_cstr(&hex));
    out_span(c, "collection", k->proof.collection);
    out_span(c, "key", k->proof.key);
    out_bool(c, "exists", k->proof.store_value.n != 0);
    if (k->proof.store_value.n)
        record_say(c, &k->proof.record);
    code = out_end(c);
    buf_fini(&hex);
    return code;
}

static enum err check_file(struct checking *k)
{
    const char *why;
    enum err    code = read_json(&k->doc, k->c->word[0], &k->arena);

    if (code != OK)
        return code;
    why = proof_read(&k->proof, &k->doc, &k->arena);
    if (why)
        return fail(ERR_VERIFY, "%s: no proof that holds: %s", k->c->word[0],
                    why);
    code = find_trust(k);
    if (code != OK)
        return code;
    why = proof_holds(&k->proof, k->app_hash, &k->arena);
    if (why)
        return fail(ERR_VERIFY, "%s: the proof does not hold: %s",
                    k->c->word[0], why);
    return say(k);
}

enum err cmd_verify(struct cli *c)
{
    struct checking k    = { .c = c };
    enum err        code = cli_words(c, 1, 1);

    if (code != OK)
        return code;
    arena_open(&k.arena, ARENA_BYTES);
    code = check_file(&k);
    if (k.doc.root)
        json_doc_fini(&k.doc);
    if (k.header_doc.root)
        json_doc_fini(&k.header_doc);
    arena_close(&k.arena);
    return code;
}
