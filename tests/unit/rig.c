#include "rig.h"

#include "model/genesis.h"
#include "wire/consensus.h"

#include <stdlib.h>

enum { T0 = 1700000000, NODE_ARENA = 64 << 20, TRANSCRIPT_MAX = 1 << 20 };

static struct arena *mem = &test_arena;

static struct stamp at(int64_t ms)
{
    return stamp_add((struct stamp){ .seconds = T0 }, ms * 1000000);
}

static int validator_of(const struct rig *r, int node)
{
    return node + r->opt.first;
}

static struct peer_id id_of(const struct rig *r, int validator)
{
    struct peer_id id;

    memcpy(id.b, r->genesis.validators.v[validator].address, ADDRESS_BYTES);
    return id;
}

/* ---- setting up ---- */

static void make_genesis(struct rig *r)
{
    struct val     vals[RIG_VALIDATORS_MAX];
    struct privkey keys[RIG_VALIDATORS_MAX];
    struct genesis g = { .time            = at(-1000),
                         .chain_id        = span_str("rig"),
                         .initial_height  = r->opt.initial_height ?: 1,
                         .validators      = vals,
                         .validator_count = r->n };

    params_default(&g.params);
    g.params.vote_extensions_enable_height = r->opt.extensions_from;
    for (size_t i = 0; i < r->n; i++) {
        uint8_t seed[32] = { (uint8_t)(i + 1), 42 };

        must(privkey_from_seed(&keys[i], KEY_TYPE_ED25519, SPAN_OF(seed)));
        vals[i] = (struct val){ .power = 1 };
        if (r->opt.powers[i])
            vals[i].power = r->opt.powers[i];
        privkey_public(&vals[i].key, &keys[i]);
        pubkey_address(vals[i].address, &vals[i].key);
    }
    must(state_from_genesis(&r->genesis, &g, mem) == ACCEPT);
    r->genesis.last_results_hash = (struct span){ 0 };
    for (size_t i = 0; i < r->n; i++) {
        int64_t place =
            validators_find(&r->genesis.validators, SPAN_OF(vals[i].address));

        r->keys[place]      = keys[i];
        r->everybody[place] = vals[i];
    }
}

static void open_node(struct rig *r, struct rig_node *n)
{
    struct consensus_config cfg = {
        .propose_ns          = 3000000000,
        .propose_delta_ns    = 500000000,
        .prevote_ns          = 1000000000,
        .prevote_delta_ns    = 500000000,
        .precommit_ns        = 1000000000,
        .precommit_delta_ns  = 500000000,
        .commit_ns           = 1000000000,
        .time_tolerance_ns   = 60000000000,
        .empty_interval_ns   = r->opt.empty_interval_ms * 1000000,
        .skip_timeout_commit = r->opt.skip_timeout_commit,
        .create_empty_blocks = !r->opt.waits_for_txs,
    };
    struct consensus *c = &n->core;

    arena_open(&c->heights[0], NODE_ARENA);
    arena_open(&c->heights[1], NODE_ARENA);
    arena_open(&c->scratch, NODE_ARENA);
    for (size_t i = 0; i < CANDIDATES; i++)
        arena_open(&c->candidates[i].arena, NODE_ARENA);
    arena_open(&n->app, NODE_ARENA);
    buf_init(&n->transcript, TRANSCRIPT_MAX);
    consensus_init(c, &cfg);
}

struct rig *rig_new(size_t validators, size_t cores,
                    const struct rig_options *opt)
{
    struct rig *r = arena_new(mem, struct rig);

    crypto_setup();
    r->n     = validators;
    r->cores = cores;
    r->tx    = span_str("k=v");
    if (opt)
        r->opt = *opt;
    make_genesis(r);
    r->nodes = arena_newn(mem, struct rig_node, cores);
    for (size_t i = 0; i < cores; i++)
        open_node(r, &r->nodes[i]);
    return r;
}

void rig_free(struct rig *r)
{
    for (size_t i = 0; i < r->cores; i++) {
        struct consensus *c = &r->nodes[i].core;

        arena_close(&c->heights[0]);
        arena_close(&c->heights[1]);
        arena_close(&c->scratch);
        for (size_t j = 0; j < CANDIDATES; j++)
            arena_close(&c->candidates[j].arena);
        arena_close(&r->nodes[i].app);
        buf_fini(&r->nodes[i].transcript);
    }
}

void rig_start(struct rig *r)
{
    for (int i = 0; i < (int)r->cores; i++) {
        struct event ev = { .kind  = EV_STATE,
                            .state = { .chain = &r->genesis } };

        rig_event(r, i, ev);
        ev = (struct event){ .kind = EV_KEY };
        privkey_public(&ev.key, &r->keys[validator_of(r, i)]);
        rig_event(r, i, ev);
        rig_event(r, i, (struct event){ .kind = EV_START });
    }
}

/* ---- blocks ---- */

static struct rig_block *block_of(struct rig *r, char letter)
{
    must(letter >= 'A' && letter < 'A' + (char)r->block_count);
    return &r->blocks[letter - 'A'];
}

static const char *letter_of(struct rig *r, const struct block_id *id)
{
    static char name[2];

    if (block_id_is_nil(id))
        return "nil";
    for (size_t i = 0; i < r->block_count; i++)
        if (block_id_eq(&r->blocks[i].id, id)) {
            name[0] = (char)('A' + i);
            return name;
        }
    return "?";
}

static char keep_block(struct rig *r, const struct block *b)
{
    struct rig_block *k     = &r->blocks[r->block_count];
    struct span       bytes = pb_encode(&block_desc, b, mem);

    must(r->block_count < RIG_BLOCKS_MAX);
    must(part_set_from_bytes(&k->parts, bytes, mem));
    must(header_hash(&k->hash, &b->header));
    k->id =
        (struct block_id){ hash_span(&k->hash), part_set_header(&k->parts) };
    for (size_t i = 0; i < r->block_count; i++)
        if (block_id_eq(&r->blocks[i].id, &k->id))
            return (char)('A' + i);
    return (char)('A' + r->block_count++);
}

static char make_block(struct rig *r, struct rig_node *n, int proposer,
                       const struct extended_commit *last)
{
    struct consensus *c      = &n->core;
    struct commit    *commit = last ? extended_commit_strip(last, mem) : NULL;
    struct block     *b =
        state_make_block(&c->state, c->height, &r->tx, 1, commit, NULL, 0,
                         SPAN_OF(c->state.validators.v[proposer].address), mem);

    must(b);
    return keep_block(r, b);
}

char rig_block_new(struct rig *r, int node, int proposer)
{
    struct consensus *c = &r->nodes[node].core;

    return make_block(r, &r->nodes[node], proposer,
                      c->last_commit ? vote_set_commit(c->last_commit, mem)
                                     : NULL);
}

/* ---- messages ---- */

static struct span encode(enum consensus_kind kind, void *member)
{
    struct consensus_msg m = { .which = kind, .new_round_step = member };

    return pb_encode(&consensus_msg_desc, &m, mem);
}

static void send(struct rig *r, int node, struct peer_id from,
                 struct span bytes, int64_t delay)
{
    struct rig_delivery  *d = arena_new(mem, struct rig_delivery);
    struct rig_delivery **p = &r->queue;

    *d = (struct rig_delivery){ r->now + delay, node, from, bytes, NULL };
    while (*p && (*p)->at <= d->at)
        p = &(*p)->next;
    d->next = *p;
    *p      = d;
}

/* Own messages come back at once, others hear them a little later. */
static void spread(struct rig *r, int node, struct span bytes)
{
    send(r, node, (struct peer_id){ { 0 } }, bytes, 0);
    for (int i = 0; i < (int)r->cores; i++)
        if (i != node && !r->nodes[node].is_silent && !r->nodes[i].is_silent)
            send(r, i, id_of(r, validator_of(r, node)), bytes, RIG_DELAY_MS);
}

static struct span part_bytes(int64_t height, int32_t round,
                              const struct part_set *set, uint32_t i)
{
    struct block_part_msg m = { height, round, part_set_part(set, i) };

    return encode(CONSENSUS_BLOCK_PART, &m);
}

struct vote *rig_vote_make(struct rig *r, int validator, int64_t height,
                           int32_t type, int32_t round, char letter)
{
    struct vote *v   = arena_new(mem, struct vote);
    uint8_t     *sig = arena_alloc(mem, 128);

    *v = (struct vote){
        .type            = type,
        .height          = height,
        .round           = round,
        .timestamp       = at(r->now),
        .validator_index = validator,
        .validator_address =
            SPAN_OF(r->genesis.validators.v[validator].address),
        .signature = SPAN(sig, 64),
    };
    if (letter != '-')
        v->block_id = block_of(r, letter)->id;
    privkey_sign(sig, &r->keys[validator],
                 vote_sign_bytes(v, r->genesis.chain_id, mem));
    if (r->opt.extensions_from && height >= r->opt.extensions_from &&
        type == TYPE_PRECOMMIT && letter != '-') {
        v->extension = span_str("their extension");
        privkey_sign(sig + 64, &r->keys[validator],
                     vote_extension_sign_bytes(v, r->genesis.chain_id, mem));
        v->extension_signature = SPAN(sig + 64, 64);
    }
    return v;
}

void rig_vote(struct rig *r, int node, int validator, int32_t type,
              int32_t round, char letter)
{
    struct vote_msg m = { rig_vote_make(
        r, validator, r->nodes[node].core.height, type, round, letter) };

    send(r, node, id_of(r, validator), encode(CONSENSUS_VOTE, &m), 0);
    rig_settle(r);
}

void rig_votes(struct rig *r, int node, int first, int count, int32_t type,
               int32_t round, char letter)
{
    for (int i = first; i < first + count; i++)
        rig_vote(r, node, i, type, round, letter);
}

int rig_proposer(struct rig *r, int node)
{
    struct consensus *c = &r->nodes[node].core;

    return (int)validators_find(&c->state.validators,
                                SPAN_OF(consensus_proposer(c)->address));
}

void rig_proposal(struct rig *r, int node, int32_t round, int32_t pol_round,
                  char letter)
{
    int                 proposer = rig_proposer(r, node);
    uint8_t             sig[64];
    struct proposal_msg m = { { .type      = TYPE_PROPOSAL,
                                .height    = r->nodes[node].core.height,
                                .round     = round,
                                .pol_round = pol_round,
                                .block_id  = block_of(r, letter)->id,
                                .timestamp = at(r->now),
                                .signature = SPAN_OF(sig) } };

    privkey_sign(sig, &r->keys[proposer],
                 proposal_sign_bytes(&m.proposal, r->genesis.chain_id, mem));
    send(r, node, id_of(r, proposer), encode(CONSENSUS_PROPOSAL, &m), 0);
    rig_settle(r);
}

void rig_parts(struct rig *r, int node, int32_t round, char letter)
{
    struct part_set *set = &block_of(r, letter)->parts;

    for (uint32_t i = 0; i < set->total; i++)
        send(r, node, id_of(r, rig_proposer(r, node)),
             part_bytes(r->nodes[node].core.height, round, set, i), 0);
    rig_settle(r);
}

void rig_propose(struct rig *r, int node, int32_t round, int32_t pol_round,
                 char letter)
{
    rig_proposal(r, node, round, pol_round, letter);
    rig_parts(r, node, round, letter);
}

/* ---- what a node says ---- */

static void say(struct rig *r, struct rig_node *n, const struct effect *e,
                const char *what, const char *more)
{
    buf_printf(&n->transcript, "%5" PRId64 " h%" PRId64 " r%d %s%s\n", r->now,
               e->height, e->round, what, more);
}

static const char *step_name(enum step s)
{
    switch (s) {
    case STEP_NEW_HEIGHT: return "height";
    case STEP_NEW_ROUND: return "round";
    case STEP_PROPOSE: return "propose";
    case STEP_PREVOTE_WAIT: return "prevote";
    case STEP_PRECOMMIT_WAIT: return "precommit";
    case STEP_PREVOTE:
    case STEP_PRECOMMIT:
    case STEP_COMMIT: break;
    }
    return "?";
}

static void say_fact(struct rig *r, struct rig_node *n, const struct effect *e)
{
    struct consensus *c = &n->core;

    switch (e->fact) {
    case FACT_LOCK:
        say(r, n, e, "lock ", letter_of(r, &c->candidates[c->locked].id));
        break;
    case FACT_RELOCK:
        say(r, n, e, "relock ", letter_of(r, &c->candidates[c->locked].id));
        break;
    case FACT_UNLOCK: say(r, n, e, "unlock", ""); break;
    case FACT_INVALID_BLOCK: say(r, n, e, "invalid: ", e->text); break;
    case FACT_OWN_CONFLICT: say(r, n, e, "own conflict", ""); break;
    case FACT_NEW_ROUND:
    case FACT_TIMEOUT_PROPOSE:
    case FACT_TIMEOUT_WAIT:
    case FACT_PROPOSAL:
    case FACT_COMPLETE_PROPOSAL:
    case FACT_REJECTED_BLOCK:
    case FACT_POLKA:
    case FACT_VALID_BLOCK:
    case FACT_VOTE:
    case FACT_LATE_VOTE:
    case FACT_DUPLICATE_VOTE:
    case FACT_DUPLICATE_PART: break;
    }
}

static void set_timer(struct rig *r, struct rig_node *n, const struct effect *e)
{
    char    text[64];
    int64_t ms = e->timer.duration / 1000000;

    n->is_timer_set = true;
    n->timer        = e->timer;
    n->timer_at     = r->now + (ms > 0 ? ms : 0);
    if (e->timer.step == STEP_NEW_HEIGHT)
        return;
    snprintf(text, sizeof text, "timer %s %" PRId64 "ms",
             step_name(e->timer.step), ms);
    say(r, n, e, text, "");
}

static void own_proposal(struct rig *r, int node, const struct effect *e)
{
    struct proposal_msg m        = { *e->proposal };
    char                text[32] = "";

    if (e->proposal->pol_round >= 0)
        snprintf(text, sizeof text, " pol %d", e->proposal->pol_round);
    say(r, &r->nodes[node], e, "propose ",
        letter_of(r, &e->proposal->block_id));
    if (text[0]) {
        r->nodes[node].transcript.len--;
        buf_printf(&r->nodes[node].transcript, "%s\n", text);
    }
    spread(r, node, encode(CONSENSUS_PROPOSAL, &m));
}

static void own_vote(struct rig *r, int node, const struct effect *e)
{
    struct vote_msg m = { (struct vote *)(uintptr_t)e->vote };

    say(r, &r->nodes[node], e,
        e->vote->type == TYPE_PREVOTE ? "prevote " : "precommit ",
        letter_of(r, &e->vote->block_id));
    spread(r, node, encode(CONSENSUS_VOTE, &m));
}

/* ---- answers ---- */

static struct event prepare(struct rig *r, int node, const struct effect *e)
{
    struct event ev     = { .kind = EV_PREPARED };
    char         letter = make_block(r, &r->nodes[node], validator_of(r, node),
                                     e->prepare.last_commit);

    ev.prepared.block = part_set_bytes(&block_of(r, letter)->parts);
    ev.prepared.hash  = block_of(r, letter)->hash;
    return ev;
}

static struct event sign(struct rig *r, int node, const struct effect *e)
{
    struct event    ev       = { .kind = EV_SIGNED };
    uint8_t        *sig      = arena_alloc(mem, 128);
    struct privkey *key      = &r->keys[validator_of(r, node)];
    struct span     chain_id = r->genesis.chain_id;

    ev.sign.is_refused = r->nodes[node].is_sign_refused;
    if (r->nodes[node].is_sign_failing || r->nodes[node].is_sign_refused)
        return ev;
    ev.sign.is_ok     = true;
    ev.sign.signature = SPAN(sig, 64);
    if (e->kind == FX_SIGN_PROPOSAL) {
        ev.sign.time = e->proposal->timestamp;
        privkey_sign(sig, key, proposal_sign_bytes(e->proposal, chain_id, mem));
        return ev;
    }
    ev.sign.time = e->vote->timestamp;
    privkey_sign(sig, key, vote_sign_bytes(e->vote, chain_id, mem));
    if (e->is_extended) {
        privkey_sign(sig + 64, key,
                     vote_extension_sign_bytes(e->vote, chain_id, mem));
        ev.sign.extension_signature = SPAN(sig + 64, 64);
    }
    return ev;
}

static struct event apply(struct rig *r, struct rig_node *n,
                          const struct effect *e)
{
    struct chain_state *next   = arena_new(&n->app, struct chain_state);
    struct state_change change = { .header   = &e->apply.block->header,
                                   .block_id = e->apply.id,
                                   .app_hash = n->core.state.app_hash };
    struct val          update;

    if (r->opt.app_hash_changes) {
        uint8_t *h = arena_alloc(mem, 8);

        store_be64(h, (uint64_t)e->height);
        change.app_hash = SPAN(h, 8);
    }
    if (r->opt.update_at == e->height) {
        update                        = r->everybody[r->opt.update_who];
        update.power                  = r->opt.update_power;
        change.validator_updates      = &update;
        change.validator_update_count = 1;
    }
    must(state_next(next, &n->core.state, &change, &n->app) == ACCEPT);
    return (struct event){ .kind = EV_APPLIED, .applied = next };
}

static bool answer(struct rig *r, int node, const struct effect *e,
                   struct event *ev)
{
    struct rig_node *n = &r->nodes[node];

    switch (e->kind) {
    case FX_PREPARE: *ev = prepare(r, node, e); return true;
    case FX_VALIDATE:
        *ev = (struct event){ .kind    = EV_VALIDATED,
                              .verdict = n->rejects_blocks ? VERDICT_REJECT
                                                           : VERDICT_ACCEPT };
        return true;
    case FX_EXTEND:
        *ev = (struct event){ .kind     = EV_EXTENDED,
                              .extended = { true, span_str("extension") } };
        return true;
    case FX_VERIFY_EXTENSION:
        say(r, n, e, "verify extension", "");
        *ev =
            (struct event){ .kind    = EV_EXTENSION_VERIFIED,
                            .verdict = n->rejects_extensions ? VERDICT_REJECT
                                                             : VERDICT_ACCEPT };
        return true;
    case FX_SIGN_PROPOSAL:
    case FX_SIGN_VOTE: *ev = sign(r, node, e); return true;
    case FX_APPLY:
        say(r, n, e, "decide ", letter_of(r, &e->apply.id));
        n->is_apply_held = n->holds_apply;
        n->held          = *e;
        if (!n->holds_apply)
            *ev = apply(r, n, e);
        return !n->holds_apply;
    default: return false;
    }
}

static bool perform(struct rig *r, int node, const struct effect *e,
                    struct event *ev)
{
    struct rig_node *n = &r->nodes[node];

    switch (e->kind) {
    case FX_SET_TIMER: set_timer(r, n, e); return false;
    case FX_NEW_STEP: n->steps++; return false;
    case FX_OWN_PROPOSAL: own_proposal(r, node, e); return false;
    case FX_OWN_PARTS:
        for (uint32_t i = 0; i < e->parts->total; i++)
            spread(r, node, part_bytes(e->height, e->round, e->parts, i));
        return false;
    case FX_OWN_VOTE: own_vote(r, node, e); return false;
    case FX_EVIDENCE:
        n->evidence++;
        say(r, n, e, "evidence", "");
        return false;
    case FX_REFUSED: say(r, n, e, "refuse: ", e->text); return false;
    case FX_FACT: say_fact(r, n, e); return false;
    case FX_HALT: say(r, n, e, "halt: ", e->text); return false;
    case FX_HAS_VOTE: return false;
    case FX_NEW_VALID_BLOCK: n->valid_blocks++; return false;
    case FX_PREPARE:
    case FX_VALIDATE:
    case FX_EXTEND:
    case FX_VERIFY_EXTENSION:
    case FX_SIGN_PROPOSAL:
    case FX_SIGN_VOTE:
    case FX_APPLY: return answer(r, node, e, ev);
    }
    return false;
}

void rig_event(struct rig *r, int node, struct event ev)
{
    struct rig_node *n = &r->nodes[node];
    bool             goes_on;

    do {
        struct event next;

        goes_on = false;
        n->fx.n = 0;
        ev.now  = at(r->now);
        consensus_step(&n->core, &n->fx, &ev);
        for (size_t i = 0; i < n->fx.n; i++)
            goes_on |= perform(r, node, &n->fx.v[i], &next);
        if (goes_on)
            ev = next;
    } while (goes_on);
    arena_reset(&n->app);
}

void rig_apply(struct rig *r, int node)
{
    struct rig_node *n = &r->nodes[node];

    must(n->is_apply_held);
    n->is_apply_held = n->holds_apply = false;
    rig_event(r, node, apply(r, n, &n->held));
    rig_settle(r);
}

void rig_txs(struct rig *r, int node)
{
    rig_event(r, node, (struct event){ .kind = EV_TXS });
    rig_settle(r);
}

/* ---- time ---- */

static void deliver(struct rig *r, struct rig_delivery *d)
{
    struct consensus_msg m;
    struct event         ev = { .peer = d->from };

    if (r->nodes[d->node].is_apply_held)
        return;
    must(consensus_msg_decode(&m, mem, d->bytes) == ACCEPT);
    switch (m.which) {
    case CONSENSUS_PROPOSAL:
        ev.kind     = EV_PROPOSAL;
        ev.proposal = &m.proposal->proposal;
        break;
    case CONSENSUS_BLOCK_PART:
        ev.kind        = EV_PART;
        ev.part.height = m.block_part->height;
        ev.part.round  = m.block_part->round;
        ev.part.part   = &m.block_part->part;
        break;
    case CONSENSUS_VOTE:
        ev.kind = EV_VOTE;
        ev.vote = m.vote->vote;
        break;
    default: must(!"a message of the core");
    }
    rig_event(r, d->node, ev);
}

static struct rig_delivery *take_delivery(struct rig *r, int64_t until)
{
    struct rig_delivery *d = r->queue;

    if (!d || d->at > until)
        return NULL;
    r->queue = d->next;
    return d;
}

void rig_settle(struct rig *r)
{
    struct rig_delivery *d;

    while ((d = take_delivery(r, r->now)))
        deliver(r, d);
}

static void fire(struct rig *r, int node)
{
    struct rig_node *n  = &r->nodes[node];
    struct event     ev = { .kind = EV_TIMEOUT, .timeout = n->timer };

    if (r->now < n->timer_at)
        r->now = n->timer_at;
    n->is_timer_set = false;
    rig_event(r, node, ev);
}

void rig_fire(struct rig *r, int node)
{
    must(r->nodes[node].is_timer_set);
    fire(r, node);
    rig_settle(r);
}

static int first_timer(struct rig *r, int64_t until)
{
    int best = -1;

    for (int i = 0; i < (int)r->cores; i++) {
        struct rig_node *n = &r->nodes[i];

        if (n->is_timer_set && n->timer_at <= until &&
            (best < 0 || n->timer_at < r->nodes[best].timer_at))
            best = i;
    }
    return best;
}

void rig_run(struct rig *r, int64_t ms)
{
    for (;;) {
        int                  node = first_timer(r, ms);
        int64_t              when = node < 0 ? ms : r->nodes[node].timer_at;
        struct rig_delivery *d    = take_delivery(r, when);

        if (d) {
            if (r->now < d->at)
                r->now = d->at;
            deliver(r, d);
        } else if (node >= 0) {
            fire(r, node);
        } else {
            r->now = ms;
            return;
        }
    }
}

const char *rig_said(struct rig *r, int node)
{
    struct buf *b    = &r->nodes[node].transcript;
    struct span text = arena_copy(mem, SPAN(b->p, b->len + 0));
    char       *s    = arena_alloc(mem, text.n + 1);

    if (text.n)
        memcpy(s, text.p, text.n);
    buf_clear(b);
    return s;
}
