/* The rules of consensus against three liars.
 *
 * The input is a list of commands: votes, proposals, parts, claims, timers,
 * a signer and an application that come and go.  All of it is signed, since a
 * fuzzer does not find signatures; some is damaged on the way.
 * Properties: no command aborts; our key is never asked for two votes of one
 * height, round and type; what is decided was precommitted by more than two
 * thirds; a height's memory does not grow by what is refused. */
#include "fuzz.h"

#include "../unit/rig.h"
#include "wire/consensus.h"

enum { N = 4, COMMANDS_MAX = 200, ROUNDS = 6 };

struct arena test_arena; /* the rig's */

static char letter_of(const struct rig *r, uint8_t b)
{
    size_t i = b % (r->block_count + 1);

    return i == 0 ? '-' : (char)('A' + i - 1);
}

static char some_block(struct rig *r, uint8_t b)
{
    if (r->block_count == 0 ||
        (b >= 224 && r->block_count + 2 < RIG_BLOCKS_MAX)) {
        uint8_t *tx = arena_alloc(&test_arena, 1);

        *tx   = b;
        r->tx = SPAN(tx, 1);
        return rig_block_new(r, 0, b % N);
    }
    return (char)('A' + b % r->block_count);
}

static void vote(struct rig *r, struct span *in)
{
    int     who   = 1 + (int)(fuzz_take(in, 1) % (N - 1));
    uint8_t how   = (uint8_t)fuzz_take(in, 1);
    uint8_t what  = (uint8_t)fuzz_take(in, 1);
    int32_t type  = how & 1 ? TYPE_PRECOMMIT : TYPE_PREVOTE;
    int32_t round = (how >> 1) % ROUNDS;

    /* Mostly for where we are. */
    if (how & 0x80)
        round = r->nodes[0].core.round;
    rig_vote(r, 0, who, type, round, letter_of(r, what));
}

static void damaged_vote(struct rig *r, struct span *in)
{
    struct vote *v = rig_vote_make(
        r, 1, r->nodes[0].core.height - (int64_t)(fuzz_take(in, 1) % 2),
        TYPE_PRECOMMIT, 0, letter_of(r, (uint8_t)fuzz_take(in, 1)));
    struct event ev = { .kind = EV_VOTE, .vote = v, .peer = { { 1 } } };

    switch (fuzz_take(in, 1) % 6) {
    case 0: v->validator_index = (int32_t)fuzz_take(in, 4); break;
    case 1: v->round = (int32_t)(fuzz_take(in, 4) & INT32_MAX); break;
    case 2: v->timestamp.nanos ^= 1; break;
    case 3: v->signature.n = fuzz_take(in, 1) % 65; break;
    case 4: v->validator_address.n = fuzz_take(in, 1) % 21; break;
    case 5: v->extension = span_str("x"); break;
    }
    rig_event(r, 0, ev);
}

static void claim(struct rig *r, struct span *in)
{
    struct event    ev  = { .kind = EV_CLAIM };
    struct block_id nil = { 0 };
    char            l;

    ev.peer.b[0]    = 1 + (uint8_t)(fuzz_take(in, 1) % 3);
    l               = letter_of(r, (uint8_t)fuzz_take(in, 1));
    ev.claim.height = r->nodes[0].core.height;
    ev.claim.round  = (int32_t)(fuzz_take(in, 1) % ROUNDS);
    ev.claim.type   = TYPE_PREVOTE + (int32_t)(fuzz_take(in, 1) % 2);
    ev.claim.id     = l == '-' ? &nil : &r->blocks[l - 'A'].id;
    rig_event(r, 0, ev);
}

static void key(struct rig *r)
{
    struct event ev = { .kind = EV_KEY };

    privkey_public(&ev.key, &r->keys[0]);
    rig_event(r, 0, ev);
    rig_settle(r);
}

static void command(struct rig *r, struct span *in)
{
    struct rig_node *n = &r->nodes[0];
    uint8_t          b;

    switch (fuzz_take(in, 1) % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: vote(r, in); break;
    case 5:
    case 6:
        if (n->is_timer_set)
            rig_fire(r, 0);
        break;
    case 7:
    case 8:
        b = (uint8_t)fuzz_take(in, 1);
        rig_propose(r, 0, n->core.round, (int32_t)(fuzz_take(in, 1) % 4) - 1,
                    some_block(r, b));
        break;
    case 9:
        rig_proposal(r, 0, n->core.round, (int32_t)(fuzz_take(in, 1) % 7) - 1,
                     some_block(r, (uint8_t)fuzz_take(in, 1)));
        break;
    case 10:
        rig_parts(r, 0, (int32_t)(fuzz_take(in, 1) % ROUNDS),
                  some_block(r, (uint8_t)fuzz_take(in, 1)));
        break;
    case 11: claim(r, in); break;
    case 12: n->is_sign_failing = !n->is_sign_failing; break;
    case 13: key(r); break;
    case 14: n->rejects_blocks = !n->rejects_blocks; break;
    case 15: damaged_vote(r, in); break;
    }
}

/* The transcript says "own conflict" when two of our votes differ, since the
 * rig's signer signs all that it is asked. */
static void check_rules(struct rig *r, int64_t height)
{
    const char             *said = rig_said(r, 0);
    const struct consensus *c    = &r->nodes[0].core;

    must(!strstr(said, "own conflict"));
    must(c->height == height || c->height == height + 1);
    if (c->height == height || !c->last_commit)
        return;
    must(vote_set_maj23(c->last_commit) != NULL);
    must(block_id_eq(vote_set_maj23(c->last_commit), &c->state.last_block_id));
    must(power_is_quorum(c->last_commit->maj23->power,
                         c->last_commit->vals->total));
}

void fuzz_one(struct span in)
{
    struct rig_options o = { .extensions_from =
                                 in.n > 0 && in.p[0] & 1 ? 1 : 0 };
    struct rig        *r;

    if (!test_arena.base)
        arena_open(&test_arena, (size_t)1 << 30);
    arena_reset(&test_arena);
    o.skip_timeout_commit = fuzz_take(&in, 1) & 2;
    r                     = rig_new(N, 1, &o);
    rig_start(r);
    for (int i = 0; i < COMMANDS_MAX && in.n > 0; i++) {
        int64_t height = r->nodes[0].core.height;

        if (r->nodes[0].core.is_halted || r->block_count + 2 >= RIG_BLOCKS_MAX)
            break;
        command(r, &in);
        check_rules(r, height);
    }
    rig_free(r);
}
