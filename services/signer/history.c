/* history - has the key signed later than the state file says?
 *
 * A state file restored from a backup is the classic way to sign twice.  The
 * store of the same node holds the last commit, and consensus gives it; if it
 * carries our signature for a later height or round, the file is stale.
 *
 * At our own node nothing is signed before the answer.  At an address that
 * was configured another node may listen, CometBFT's for one, which cannot be
 * asked: there the wait ends, and says so. */
#include "base/log.h"
#include "model/block.h"
#include "proto/consensus.pb-c.h"
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

static void ask(struct shell *s);

/* The store behind it is starting, or is damaged: then it says so itself. */
static void try_again(void *ctx)
{
    ask(ctx);
}

static void later(struct shell *s)
{
    if (!then_dial)
        return; /* the timer is for dialling by now */
    timer_fini(&s->redial);
    timer_init(&s->redial, s->svc->loop, try_again, s);
    timer_set(&s->redial, 100000);
}

static void answered(void *ctx, uint64_t tag, enum err status, const char *text,
                     struct span body)
{
    struct shell     *s = ctx;
    Consensus__Reply *r =
        status == OK ? consensus__reply__unpack(NULL, body.n, body.p) : NULL;
    struct commit c = { 0 };
    bool          is_fine;

    UNUSED(tag);
    UNUSED(text);
    is_fine = r && r->kind_case == CONSENSUS__REPLY__KIND_LAST_COMMIT &&
              pb_decode(&commit_desc, &c, &s->arena,
                        SPAN(r->last_commit->commit.data,
                             r->last_commit->commit.len)) == ACCEPT;
    if (!is_fine)
        later(s);
    else if (has_signed(s, &c) && is_later(&s->privval.last, &c))
        stale(s, &c);
    else
        go_on(s);
    arena_reset(&s->arena);
    if (r)
        consensus__reply__free_unpacked(r, NULL);
}

static void ask(struct shell *s)
{
    Consensus__GetLastCommit get = CONSENSUS__GET_LAST_COMMIT__INIT;
    Consensus__Request       req = CONSENSUS__REQUEST__INIT;
    uint8_t                  packed[16];

    req.kind_case       = CONSENSUS__REQUEST__KIND_GET_LAST_COMMIT;
    req.get_last_commit = &get;
    bus_request(s->consensus, BUS_SERVICE,
                SPAN(packed, consensus__request__pack(&req, packed)), 0,
                answered, s, 0);
}

static void on_foreign_wait(void *ctx)
{
    struct shell *s = ctx;

    log_event(LOG_WARN,
              "nobody to ask: the state file alone says what this key has"
              " signed",
              LOG_STR("file", s->state_path));
    go_on(s);
}

void signer_check_history(struct shell *s, void (*then)(struct shell *s))
{
    static const struct bus_client_fns fns = { 0 };

    then_dial = then;
    timer_init(&s->idle, s->svc->loop, on_foreign_wait, s);
    if (!signer_is_at_home(s))
        timer_set(&s->idle, FOREIGN_WAIT_US);
    s->consensus = svc_connect(s->svc, "consensus", &fns, s);
    timer_init(&s->redial, s->svc->loop, try_again, s);
    svc_condition(s->svc, "history", "waiting for consensus");
    ask(s);
}
