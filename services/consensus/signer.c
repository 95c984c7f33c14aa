#include "consensus/signer.h"

#include "base/log.h"
#include "metrics/metrics.h"
#include "model/vote.h"
#include "privval/conn.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    GIVE_UP_US = 5000000, /* as long as CometBFT tries */
    PING_US    = 3000000,
    SILENT_US  = 8000000,
    AGAIN_US   = 2000000, /* after a refusal */

    SIGN_BYTES = 256 << 10, /* to check one signature */
};

static const char UNASKED[] = "it answered what was not asked";

struct signer {
    struct loop         *loop;
    struct listener     *listener;
    struct privval_conn *conn;
    struct signer_fns    fns;
    void                *ctx;
    struct span          chain_id;
    bool                 is_secret, is_ready; /* its key is known */
    struct pubkey        key;
    uint64_t             down_since, heard_us;
    struct timer         ping, give_up, again;
    struct arena         arena;
    /* The request that is open. */
    const struct vote     *vote;
    const struct proposal *proposal;
    signer_vote_fn        *vote_fn;
    signer_proposal_fn    *proposal_fn;
    void                  *request_ctx;
    bool                   is_extended, is_sent;
    struct stamp           bounds[2]; /* of the vote's time */
    uint64_t               sent_us;
};

static bool is_asking(const struct signer *g)
{
    return g->vote || g->proposal;
}

static void answer(struct signer *g, enum signed_verdict verdict,
                   const struct vote *v, const struct proposal *p)
{
    bool is_vote = g->vote != NULL;

    if (!is_asking(g))
        return;
    timer_clear(&g->give_up);
    if (verdict != SIGNER_AWAY)
        metric_since(&metric_consensus_signer_seconds, NULL, NULL, g->sent_us);
    if (verdict == SIGNING_REFUSED)
        timer_set(&g->again, AGAIN_US);
    g->vote     = NULL;
    g->proposal = NULL;
    g->is_sent  = false;
    if (is_vote)
        g->vote_fn(g->request_ctx, verdict, v);
    else
        g->proposal_fn(g->request_ctx, verdict, p);
}

/* ---- asking ---- */

static void send_request(struct signer *g)
{
    struct vote                  vote;
    struct proposal              proposal;
    struct sign_vote_request     v = { .vote = &vote, .chain_id = g->chain_id };
    struct sign_proposal_request p = { .proposal = &proposal,
                                       .chain_id = g->chain_id };
    struct privval_msg           m = { .which = PRIVVAL_SIGN_VOTE_REQUEST,
                                       .sign_vote_request = &v };

    if (!g->is_ready || g->is_sent || !is_asking(g))
        return;
    if (g->vote) {
        vote = *g->vote;
    } else {
        proposal                = *g->proposal;
        m.which                 = PRIVVAL_SIGN_PROPOSAL_REQUEST;
        m.sign_proposal_request = &p;
    }
    g->is_sent = privval_send(g->conn, &m);
    g->sent_us = now_us();
    if (!g->is_sent)
        log_event(LOG_WARN, "a request to the signer is too long to be sent");
}

static void begin(struct signer *g)
{
    uint64_t away =
        g->is_ready || !g->down_since ? 0 : now_us() - g->down_since;

    /* One that has just gone may be restarting; one that never came, or has
     * been away for long, is not waited for. */
    if (!g->is_ready && (!g->down_since || away >= GIVE_UP_US))
        timer_set(&g->give_up, 0);
    else
        timer_set(&g->give_up, GIVE_UP_US - away);
    send_request(g);
}

void signer_sign_vote(struct signer *g, const struct vote *v,
                      const struct stamp bounds[2], bool is_extended,
                      signer_vote_fn *fn, void *ctx)
{
    must(!is_asking(g));
    g->vote        = v;
    g->bounds[0]   = bounds[0];
    g->bounds[1]   = bounds[1];
    g->is_extended = is_extended;
    g->vote_fn     = fn;
    g->request_ctx = ctx;
    begin(g);
}

void signer_sign_proposal(struct signer *g, const struct proposal *p,
                          signer_proposal_fn *fn, void *ctx)
{
    must(!is_asking(g));
    g->proposal    = p;
    g->proposal_fn = fn;
    g->request_ctx = ctx;
    begin(g);
}

/* ---- answers ---- */

static void went_down(struct signer *g, const char *why)
{
    g->conn    = NULL;
    g->is_sent = false;
    timer_clear(&g->ping);
    if (g->is_ready)
        g->down_since = now_us();
    g->is_ready = false;
    g->fns.on_down(g->ctx, why);
}

static void drop(struct signer *g, const char *why)
{
    privval_close(g->conn);
    went_down(g, why);
}

static bool is_refused(const struct remote_signer_error *e)
{
    char   text[161];
    size_t n;

    if (!e)
        return false;
    n = e->description.n < sizeof text - 1 ? e->description.n : sizeof text - 1;
    if (n > 0)
        memcpy(text, e->description.p, n);
    text[n] = 0;
    log_event(LOG_WARN, "the signer refuses", LOG_STR("why", text));
    return true;
}

static void take_key(struct signer *g, const struct pub_key_response *r)
{
    struct pubkey key;

    if (is_refused(r->error) ||
        !pubkey_make(&key, (enum key_type)r->pub_key.type, r->pub_key.bytes)) {
        drop(g, "it has no key for this chain");
        return;
    }
    if (g->key.type != KEY_TYPE_NONE &&
        (g->key.type != key.type ||
         !span_eq(pubkey_span(&g->key), pubkey_span(&key)))) {
        log_event(LOG_WARN, "a signer with another key is turned away; for a "
                            "new key, restart consensus");
        drop(g, "it has another key than before");
        return;
    }
    g->is_ready = true;
    g->key      = key;
    g->fns.on_key(g->ctx, &key);
    send_request(g);
}

/* Is this our key's signature under what was asked?  Only the time may be
 * another: a signer gives what it signed before once more.  What peers would
 * refuse must not go out, nor be taken for a vote that was cast. */
static bool is_signed_vote(struct signer *g, const struct vote *answered)
{
    struct vote v = *g->vote;

    v.timestamp           = answered->timestamp;
    v.signature           = answered->signature;
    v.extension_signature = answered->extension_signature;
    arena_reset(&g->arena);
    if (!vote_verify(&v, g->chain_id, &g->key, &g->arena))
        return false;
    return !g->is_extended || v.extension_signature.n == 0 ||
           vote_verify_extension(&v, g->chain_id, &g->key, &g->arena);
}

static bool is_signed_proposal(struct signer         *g,
                               const struct proposal *answered)
{
    struct proposal p = *g->proposal;

    p.timestamp = answered->timestamp;
    p.signature = answered->signature;
    arena_reset(&g->arena);
    return proposal_verify(&p, g->chain_id, &g->key, &g->arena);
}

static void distrust(struct signer *g)
{
    drop(g, "its signature does not fit its key and what was to be signed");
    answer(g, SIGNER_AWAY, NULL, NULL);
}

/* Cast, such a vote could be the one that no block may follow. */
static bool is_out_of_bounds(const struct signer *g, const struct vote *v)
{
    if (stamp_cmp(v->timestamp, g->bounds[0]) >= 0 &&
        stamp_cmp(v->timestamp, g->bounds[1]) <= 0)
        return false;
    log_event(LOG_WARN,
              "the signer's time for a precommit is not later than its block,"
              " or far ahead of our clock, so it is not cast",
              LOG_INT("height", v->height),
              LOG_INT("time", v->timestamp.seconds),
              LOG_INT("earliest", g->bounds[0].seconds),
              LOG_INT("latest", g->bounds[1].seconds));
    return true;
}

static void take_vote(struct signer *g, const struct signed_vote_response *r)
{
    if (!g->vote || !g->is_sent)
        drop(g, UNASKED);
    else if (is_refused(r->error))
        answer(g, SIGNING_REFUSED, NULL, NULL);
    else if (!is_signed_vote(g, &r->vote))
        distrust(g);
    else if (is_out_of_bounds(g, &r->vote))
        answer(g, SIGNING_REFUSED, NULL, NULL);
    else
        answer(g, SIGNED, &r->vote, NULL);
}

static void take_proposal(struct signer                         *g,
                          const struct signed_proposal_response *r)
{
    if (!g->proposal || !g->is_sent)
        drop(g, UNASKED);
    else if (is_refused(r->error))
        answer(g, SIGNING_REFUSED, NULL, NULL);
    else if (is_signed_proposal(g, &r->proposal))
        answer(g, SIGNED, NULL, &r->proposal);
    else
        distrust(g);
}

static void on_message(void *ctx, const struct privval_msg *m)
{
    struct signer *g = ctx;

    if (g->is_ready) /* until then only its key counts as a sign of life */
        g->heard_us = now_us();
    switch (m->which) {
    case PRIVVAL_PUB_KEY_RESPONSE:
        if (g->is_ready)
            break;
        take_key(g, m->pub_key_response);
        return;
    case PRIVVAL_SIGNED_VOTE_RESPONSE:
        take_vote(g, m->signed_vote_response);
        return;
    case PRIVVAL_SIGNED_PROPOSAL_RESPONSE:
        take_proposal(g, m->signed_proposal_response);
        return;
    case PRIVVAL_PING_RESPONSE: return;
    case PRIVVAL_NONE:
    case PRIVVAL_PUB_KEY_REQUEST:
    case PRIVVAL_SIGN_VOTE_REQUEST:
    case PRIVVAL_SIGN_PROPOSAL_REQUEST:
    case PRIVVAL_PING_REQUEST: break;
    }
    drop(g, UNASKED);
}

/* ---- connection ---- */

static void on_open(void *ctx)
{
    struct signer         *g   = ctx;
    struct pub_key_request key = { .chain_id = g->chain_id };
    struct privval_msg     m   = { .which           = PRIVVAL_PUB_KEY_REQUEST,
                                   .pub_key_request = &key };

    g->heard_us = now_us();
    timer_set(&g->ping, PING_US);
    if (!privval_send(g->conn, &m))
        drop(g, "it cannot be written to");
}

static void on_close(void *ctx, const char *why)
{
    went_down(ctx, why);
}

static void on_ping(void *ctx)
{
    struct signer      *g    = ctx;
    struct privval_ping ping = { 0 };
    struct privval_msg  m    = { .which        = PRIVVAL_PING_REQUEST,
                                 .ping_request = &ping };

    if (!g->conn)
        return;
    if (now_us() - g->heard_us > SILENT_US || !privval_send(g->conn, &m)) {
        drop(g, "it is silent");
        return;
    }
    timer_set(&g->ping, PING_US);
}

static void on_give_up(void *ctx)
{
    struct signer *g = ctx;

    /* A late answer would be taken for that to the next request. */
    if (g->conn && g->is_sent)
        drop(g, "it did not answer in time");
    answer(g, SIGNER_AWAY, NULL, NULL);
}

/* What was refused may be signed now: a disk is no longer full, a signer that
 * was behind has caught up.  Nobody else would ask for it again. */
static void on_again(void *ctx)
{
    struct signer *g = ctx;

    if (g->is_ready)
        g->fns.on_key(g->ctx, &g->key);
}

static void on_accept(void *ctx, int fd, const char *peer)
{
    static const struct privval_conn_fns fns = { on_open, on_message,
                                                 on_close };
    struct signer                       *g   = ctx;

    if (g->conn && g->is_ready) { /* one key, one signer */
        log_event(LOG_WARN, "a second signer is turned away",
                  LOG_STR("from", peer));
        close(fd);
        return;
    }
    if (g->conn) /* or whoever says nothing would keep the right one out */
        drop(g, "another one came before it gave a key");
    log_event(LOG_INFO, "signer connects", LOG_STR("from", peer));
    g->conn = privval_adopt(g->loop, fd, g->is_secret, &fns, g);
}

enum err signer_open(struct signer **out, struct loop *l, const char *address,
                     struct span chain_id, const struct signer_fns *fns,
                     void *ctx)
{
    struct signer *g = calloc(1, sizeof *g);
    enum err       e;

    must(g);
    g->loop      = l;
    g->fns       = *fns;
    g->ctx       = ctx;
    g->chain_id  = chain_id;
    g->is_secret = privval_is_secret(address);
    timer_init(&g->ping, l, on_ping, g);
    timer_init(&g->give_up, l, on_give_up, g);
    timer_init(&g->again, l, on_again, g);
    arena_open(&g->arena, SIGN_BYTES);
    e = listener_open(&g->listener, l, address, on_accept, g);
    if (e) {
        signer_close(g);
        return e;
    }
    *out = g;
    return OK;
}

void signer_close(struct signer *g)
{
    if (g->conn)
        privval_close(g->conn);
    if (g->listener)
        listener_close(g->listener);
    timer_fini(&g->ping);
    timer_fini(&g->give_up);
    timer_fini(&g->again);
    arena_close(&g->arena);
    free(g);
}
