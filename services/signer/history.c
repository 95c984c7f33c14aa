/* history - has the key signed later than the state file says?
 *
 * A state file restored from a backup is the classic way to sign twice.  The
 * store of the same node holds the last commits; if one of them carries our
 * signature for a later height or round, the file is stale.
 *
 * At our own node's socket nothing is signed before the store has answered.
 * At an address that was configured another node may listen, CometBFT's for
 * one, which has no such store: there the wait ends, and says so. */
#include "base/log.h"
#include "model/block.h"
#include "proto/store.pb-c.h"
#include "signer/shell.h"

enum { FOREIGN_WAIT_US = 1000000 };

static void (*then_dial)(struct shell *s);

/* Once; an answer that comes late can still end the process. */
static void go_on(struct shell *s)
{
    void (*then)(struct shell * s) = then_dial;

    then_dial = NULL;
    if (then)
        then(s);
}

static void stale(struct shell *s, const struct commit *c)
{
    const struct last_signed *l = &s->privval.last;

    svc_exit(s->svc,
             fail(ERR_SIGNSTATE,
                  "%s says height %" PRId64 " round %" PRId32
                  ", but the chain holds this key's signature for height "
                  "%" PRId64 " round %" PRId32
                  "; restore the newest copy, never an old one",
                  s->state_path, l->height, l->round, c->height, c->round));
}

static bool is_later(const struct last_signed *l, const struct commit *c)
{
    enum { PRECOMMIT = 3 };

    if (c->height != l->height)
        return c->height > l->height;
    return c->round > l->round || (c->round == l->round && l->step < PRECOMMIT);
}

static bool has_signed(const struct shell *s, const struct commit *c)
{
    uint8_t address[ADDRESS_BYTES];

    pubkey_address(address, &s->privval.pub);
    for (size_t i = 0; i < c->signatures.n; i++)
        if (c->signatures.v[i].block_id_flag != FLAG_ABSENT &&
            span_eq(c->signatures.v[i].validator_address, SPAN_OF(address)))
            return true;
    return false;
}

static void send_store(struct shell *s, Store__Request *req, bus_reply_fn *fn)
{
    uint8_t packed[64];
    size_t  n = store__request__pack(req, packed);

    bus_request(s->store, BUS_SERVICE, SPAN(packed, n), 0, fn, s, 0);
}

static void ask_status(struct shell *s);

/* The store is starting, or is damaged: then it says so itself. */
static void try_again(void *ctx)
{
    ask_status(ctx);
}

static void later(struct shell *s)
{
    if (!then_dial)
        return; /* the timer is for dialling by now */
    timer_fini(&s->redial);
    timer_init(&s->redial, s->svc->loop, try_again, s);
    timer_set(&s->redial, 100000);
}

static void got_commit(void *ctx, uint64_t tag, enum err status,
                       const char *text, struct span body)
{
    struct shell *s = ctx;
    Store__Reply *r =
        status == OK ? store__reply__unpack(NULL, body.n, body.p) : NULL;
    struct commit c = { 0 };
    bool          is_fine;

    UNUSED(tag);
    UNUSED(text);
    is_fine = r && r->kind_case == STORE__REPLY__KIND_COMMIT &&
              (r->commit->commit.len == 0 ||
               pb_decode(&commit_desc, &c, &s->arena,
                         SPAN(r->commit->commit.data, r->commit->commit.len)) ==
                   ACCEPT);
    if (!is_fine)
        later(s);
    else if (has_signed(s, &c) && is_later(&s->privval.last, &c))
        stale(s, &c);
    else
        go_on(s);
    arena_reset(&s->arena);
    if (r)
        store__reply__free_unpacked(r, NULL);
}

static void got_status(void *ctx, uint64_t tag, enum err status,
                       const char *text, struct span body)
{
    struct shell *s = ctx;
    Store__Reply *r =
        status == OK ? store__reply__unpack(NULL, body.n, body.p) : NULL;
    Store__GetCommit get = STORE__GET_COMMIT__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    UNUSED(tag);
    UNUSED(text);
    if (!r || r->kind_case != STORE__REPLY__KIND_STATUS) {
        later(s);
    } else if (r->status->height == 0) {
        go_on(s);
    } else {
        get.height     = r->status->height;
        req.kind_case  = STORE__REQUEST__KIND_GET_COMMIT;
        req.get_commit = &get;
        send_store(s, &req, got_commit);
    }
    if (r)
        store__reply__free_unpacked(r, NULL);
}

static void ask_status(struct shell *s)
{
    Store__GetStatus get = STORE__GET_STATUS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    req.kind_case  = STORE__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    send_store(s, &req, got_status);
}

static void on_foreign_wait(void *ctx)
{
    struct shell *s = ctx;

    log_event(LOG_WARN,
              "no store to ask: the state file alone says what this"
              " key has signed",
              LOG_STR("file", s->state_path));
    go_on(s);
}

void signer_check_history(struct shell *s, void (*then)(struct shell *s))
{
    static const struct bus_client_fns fns = { 0 };

    then_dial = then;
    timer_init(&s->idle, s->svc->loop, on_foreign_wait, s);
    if (*s->svc->config->priv_validator_laddr)
        timer_set(&s->idle, FOREIGN_WAIT_US);
    s->store = svc_connect(s->svc, "store", &fns, s);
    timer_init(&s->redial, s->svc->loop, try_again, s);
    svc_condition(s->svc, "history", "waiting for the store");
    ask_status(s);
}
