/* What the store cuts out of bytes without decoding them whole.
 *
 * Properties: the last commit of a block is the one that the decoder finds;
 * a state that decodes has the facts that the decoder finds. */
#include "fuzz.h"

#include "model/block.h"
#include "model/state.h"
#include "store/store.h"

static void try_block(struct span in)
{
    struct block b;
    struct span  got, want;

    if (pb_decode(&block_desc, &b, &fuzz_arena, in) != ACCEPT)
        return;
    got = block_last_commit(in, &fuzz_arena);
    if (!b.last_commit) {
        must(got.n == 0);
        return;
    }
    want = pb_encode(&commit_desc, b.last_commit, &fuzz_arena);
    must(span_eq(got, want));
}

static void try_state(struct span in)
{
    struct chain_state s;
    struct state_facts f;
    struct set_to_save sets[SETS_TO_SAVE_MAX];
    struct span        whole;

    if (state_decode(&s, in, &fuzz_arena) != ACCEPT || s.last_height < 0)
        return;
    whole = state_encode(&s, &fuzz_arena);
    if (!state_examine(&f, whole))
        return;
    must(f.height == s.last_height && f.initial_height == s.initial_height);
    must(span_eq(f.chain_id, s.chain_id));
    must(state_sets(sets, &f, true) <= SETS_TO_SAVE_MAX);
}

void fuzz_one(struct span in)
{
    struct record  r;
    struct heads   h;
    struct binding b;

    try_block(in);
    try_state(in);
    must(!record_open(&r, span_str("key"), in) || r.payload.n + 5 == in.n);
    must(!heads_decode(&h, in) || h.lowest <= h.height);
    must(!binding_decode(&b, in) || b.chain_id.n <= CHAIN_ID_BYTES_MAX);
}
