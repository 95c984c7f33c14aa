/* The evidence pool's surroundings: store, peers, api and the core.
 *
 * What the pool wants to know of the past it asks store, one question at a
 * time.  Pending evidence is store's to keep: that of conflicting votes is
 * saved with their block (proof_foretold), the rest when it is added; what a
 * block commits store marks when it saves the block. */
#include "base/log.h"
#include "consensus/explain.h"
#include "consensus/measure.h"
#include "consensus/shell.h"
#include "peers/peers.h"
#include "proto/consensus.pb-c.h"

enum {
    POOL_STORE_BYTES    = 64 << 20,
    POOL_INBOX_BYTES    = 32 << 20,
    POOL_CONFLICT_BYTES = 16 << 20,
    REASON_BYTES        = 1000,
};

static void note_pending(const struct shell *s)
{
    size_t bytes = 0;

    for (size_t i = 0; i < s->pool.count; i++)
        bytes += s->pool.items[i].size;
    measure_evidence(s->pool.count, bytes);
}

/* ---- to store ---- */

static void on_kept(struct shell *s, enum err status, const char *text,
                    const Store__Reply *r)
{
    UNUSED(s);
    UNUSED(r);
    if (status)
        log_event(LOG_WARN, "store did not keep evidence",
                  LOG_STR("why", text));
}

static void save(struct shell *s, const struct pool_effect *e)
{
    Store__AddEvidence add = STORE__ADD_EVIDENCE__INIT;
    Store__Request     req = STORE__REQUEST__INIT;

    log_event(LOG_INFO, "evidence of misbehaviour",
              LOG_INT("height", e->height),
              LOG_HEXV("hash", hash_span(&e->hash)));
    add.evidence.data = (uint8_t *)(uintptr_t)e->bytes.p;
    add.evidence.len  = e->bytes.n;
    req.kind_case     = STORE__REQUEST__KIND_ADD_EVIDENCE;
    req.add_evidence  = &add;
    store_ask(s, &req, on_kept);
    note_pending(s);
    deferred_set(&s->reactor.later);
}

static void drop(struct shell *s, const struct pool_effect *e)
{
    Store__DropEvidence drop = STORE__DROP_EVIDENCE__INIT;
    Store__Request      req  = STORE__REQUEST__INIT;

    drop.height       = e->height;
    drop.hash.data    = (uint8_t *)(uintptr_t)e->hash.b;
    drop.hash.len     = HASH_BYTES;
    req.kind_case     = STORE__REQUEST__KIND_DROP_EVIDENCE;
    req.drop_evidence = &drop;
    store_ask(s, &req, on_kept);
}

/* ---- what is known of the past ---- */

struct known {
    struct block_meta        meta;
    struct commit            commit;
    struct signed_header     header;
    struct validator_set_msg set_msg;
    struct validators        set;
};

static bool decode(const struct pb_desc *d, void *out, ProtobufCBinaryData b,
                   struct arena *a)
{
    return b.len > 0 && pb_decode(d, out, a, SPAN(b.data, b.len)) == ACCEPT;
}

static const struct signed_header *read_header(ProtobufCBinaryData meta,
                                               ProtobufCBinaryData commit,
                                               struct arena       *a)
{
    struct known *k = arena_new(a, struct known);

    if (!k || !decode(&block_meta_desc, &k->meta, meta, a))
        return NULL;
    k->header.header = &k->meta.header;
    if (decode(&commit_desc, &k->commit, commit, a))
        k->header.commit = &k->commit;
    return &k->header;
}

static const struct validators *read_set(ProtobufCBinaryData set,
                                         struct arena       *a)
{
    struct known *k = arena_new(a, struct known);

    if (!k || !decode(&validator_set_desc, &k->set_msg, set, a) ||
        validators_from_msg(&k->set, &k->set_msg, a) != ACCEPT)
        return NULL;
    return &k->set;
}

/* A store that cannot tell is one that has nothing. */
static void on_facts(struct shell *s, enum err status, const char *text,
                     const Store__Reply *r)
{
    struct pool_facts   f = { 0 };
    const Store__Facts *x;
    struct arena       *a = &s->proof_arena;

    arena_reset(a);
    if (status || r->kind_case != STORE__REPLY__KIND_FACTS) {
        log_event(LOG_WARN,
                  "store cannot tell what evidence is checked against",
                  LOG_STR("why", text));
    } else {
        x              = r->facts;
        f.is_committed = x->committed;
        f.common       = read_header(x->meta, x->commit, a);
        f.validators   = read_set(x->validators, a);
        f.trusted      = x->other_meta.len > 0
                             ? read_header(x->other_meta, x->other_commit, a)
                             : NULL;
    }
    pool_loaded(&s->pool, &f);
}

static void load(struct shell *s, const struct pool_effect *e)
{
    Store__GetFacts get = STORE__GET_FACTS__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    get.height       = e->height;
    get.other_height = e->other_height;
    get.hash.data    = (uint8_t *)(uintptr_t)e->hash.b;
    get.hash.len     = HASH_BYTES;
    req.kind_case    = STORE__REQUEST__KIND_GET_FACTS;
    req.get_facts    = &get;
    store_ask(s, &req, on_facts);
}

/* ---- effects ---- */

static void checked(struct shell *s, const struct pool_effect *e)
{
    checked_fn *fn = s->checked;

    s->checked = NULL;
    if (fn)
        fn(s, e->text);
}

static void punish(struct shell *s, const struct pool_effect *e)
{
    struct remote *p = reactor_find(&s->reactor, e->peer);

    if (p && !p->is_dropped)
        reactor_drop(&s->reactor, p, e->text, 0);
}

static void reply(struct bus_call call, const char *refused)
{
    Consensus__Evidence evidence = CONSENSUS__EVIDENCE__INIT;
    Consensus__Reply    out      = CONSENSUS__REPLY__INIT;
    uint8_t             bytes[REASON_BYTES + 64];

    evidence.refused = (char *)(uintptr_t)refused;
    out.kind_case    = CONSENSUS__REPLY__KIND_EVIDENCE;
    out.evidence     = &evidence;
    bus_reply(call, OK, NULL, SPAN(bytes, consensus__reply__pack(&out, bytes)));
}

static void answer(struct shell *s, const struct pool_effect *e)
{
    char       why[REASON_BYTES + 1];
    struct buf b;

    buf_use(&b, why, REASON_BYTES);
    if (e->text)
        explain(&b, &s->pool, e->evidence, e->facts, e->text);
    why[b.len] = 0;
    for (size_t i = 0; i < COUNT(s->askers); i++)
        if (s->askers[i].number == e->peer) {
            s->askers[i].number = 0;
            reply(s->askers[i].call, why);
            return;
        }
}

static void emit(void *ctx, const struct pool_effect *e)
{
    struct shell *s = ctx;

    switch (e->kind) {
    case POOL_SAVE: save(s, e); break;
    case POOL_DROP: drop(s, e); break;
    case POOL_COMMITTED: break; /* store knows from the block */
    case POOL_LOAD: load(s, e); break;
    case POOL_CHECKED: checked(s, e); break;
    case POOL_PUNISH: punish(s, e); break;
    case POOL_ANSWER: answer(s, e); break;
    }
}

/* ---- opening ---- */

void proof_open(struct shell *s)
{
    struct pool *p = &s->pool;

    arena_open(&p->store, POOL_STORE_BYTES);
    arena_open(&p->inbox, POOL_INBOX_BYTES);
    arena_open(&p->conflicts, POOL_CONFLICT_BYTES);
    arena_open(&p->scratch, DECODE_ARENA_BYTES);
    arena_open(&p->work, DECODE_ARENA_BYTES);
    arena_open(&p->state, DECODE_ARENA_BYTES);
    arena_open(&s->proof_arena, DECODE_ARENA_BYTES);
    p->emit = emit;
    p->ctx  = s;
}

void proof_close(struct shell *s)
{
    struct pool *p = &s->pool;

    arena_close(&p->store);
    arena_close(&p->inbox);
    arena_close(&p->conflicts);
    arena_close(&p->scratch);
    arena_close(&p->work);
    arena_close(&p->state);
    arena_close(&s->proof_arena);
}

static void on_pending(struct shell *s, enum err status, const char *text,
                       const Store__Reply *r)
{
    if (status || r->kind_case != STORE__REPLY__KIND_PENDING)
        log_event(LOG_WARN, "store does not tell what evidence is pending",
                  LOG_STR("why", text));
    else
        for (size_t i = 0; i < r->pending->n_evidence; i++)
            if (!pool_restore(&s->pool, SPAN(r->pending->evidence[i].data,
                                             r->pending->evidence[i].len)))
                log_event(LOG_WARN, "evidence of the store cannot be read");
    note_pending(s);
    boot_evidence_read(s);
}

void proof_start(struct shell *s)
{
    Store__GetPending get = STORE__GET_PENDING__INIT;
    Store__Request    req = STORE__REQUEST__INIT;

    pool_init(&s->pool, &s->chain);
    req.kind_case   = STORE__REQUEST__KIND_GET_PENDING;
    req.get_pending = &get;
    store_ask(s, &req, on_pending);
}

/* ---- the core's and block sync's ---- */

void proof_check(struct shell *s, const struct evidence_list *l,
                 bool is_decided, checked_fn *fn)
{
    must(!s->checked);
    s->checked = fn;
    pool_check(&s->pool, l, is_decided);
}

bool proof_is_checking(const struct shell *s)
{
    return s->checked != NULL;
}

bool proof_foretold(struct shell *s, const struct chain_state *next,
                    span_list *out, struct arena *a)
{
    struct evidence_list l;

    *out = (span_list){ 0 };
    if (!pool_foretell(&s->pool, next, &l, a))
        return false;
    out->v = arena_newn(a, struct span, l.evidence.n);
    if (l.evidence.n > 0 && !out->v)
        return false;
    for (size_t i = 0; i < l.evidence.n; i++) {
        out->v[i] = pb_encode(&evidence_desc, &l.evidence.v[i], a);
        if (!out->v[i].p)
            return false;
        out->n++;
    }
    return true;
}

void proof_committed(struct shell *s, const struct apply *a)
{
    pool_update(&s->pool, &a->next, &a->block->evidence);
    note_pending(s);
}

/* ---- the api ---- */

void proof_ask(struct shell *s, struct bus_call call, struct span evidence)
{
    struct arena   *a    = &s->scratch;
    size_t          mark = arena_mark(a), i = 0;
    struct evidence ev;

    if (s->phase < PHASE_REPLAY || s->is_halted) {
        bus_reply(call, ERR_BUSY, "consensus is not ready", SPAN(NULL, 0));
        return;
    }
    while (i < COUNT(s->askers) && s->askers[i].number)
        i++;
    if (pb_decode(&evidence_desc, &ev, a, evidence) != ACCEPT ||
        evidence_validate(&ev, a) != ACCEPT) {
        bus_reply(call, ERR_USAGE, "malformed evidence", SPAN(NULL, 0));
    } else if (i == COUNT(s->askers)) {
        bus_reply(call, ERR_BUSY, "much evidence is being checked",
                  SPAN(NULL, 0));
    } else {
        s->askers[i].number = ++s->asked;
        s->askers[i].call   = call;
        if (!pool_ask(&s->pool, s->asked, &ev)) {
            s->askers[i].number = 0;
            bus_reply(call, ERR_BUSY, "much evidence is being checked",
                      SPAN(NULL, 0));
        }
    }
    arena_release(a, mark);
}

/* ---- peers ---- */

void proof_hear(struct shell *s, struct remote *p, struct span bytes)
{
    if (s->phase < PHASE_REPLAY || s->is_halted)
        return;
    if (!pool_hear(&s->pool, p->number, bytes))
        reactor_drop(&s->reactor, p, "malformed evidence", 0);
}

size_t proof_say(struct shell *s, struct remote *p, size_t bytes_max)
{
    struct reactor *r    = &s->reactor;
    size_t          said = 0;
    struct span     bytes;

    while ((p->room & ROOM_EVIDENCE) && said < bytes_max) {
        arena_reset(&r->out);
        bytes =
            pool_next(&s->pool, &p->evidence_cursor, p->view.height, &r->out);
        if (bytes.n == 0)
            break;
        peers_send(r->peers, p->number, EVIDENCE_CHANNEL, bytes);
        said += bytes.n;
    }
    return said;
}

void proof_offer_again(struct shell *s)
{
    struct reactor *r = &s->reactor;

    for (size_t i = 0; i < r->n; i++)
        r->v[i]->evidence_cursor = 0;
}
