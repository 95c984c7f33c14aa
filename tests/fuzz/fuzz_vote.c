/* Votes and proposals: no message signs for another.
 *
 * Properties: what decodes encodes to itself; sign bytes are the one encoding
 * of what they say; two votes with equal sign bytes are for the same height,
 * round, type, block and time; a proposal and a vote never share any. */
#include "fuzz.h"

#include "model/canonical.h"
#include "model/vote.h"

static const struct span chain = { (const uint8_t *)"chain", 5 };

/* The body of a delimited message. */
static struct span body(struct span delimited)
{
    struct span in = delimited, out;

    must(pb_delimited_read(&in, delimited.n, &out) == ACCEPT);
    must(in.n == 0);
    return out;
}

static void check_sign_bytes(const struct vote *v)
{
    struct span           bytes = vote_sign_bytes(v, chain, &fuzz_arena), again;
    struct canonical_vote c;

    must((bytes.p != NULL) == (block_id_validate(&v->block_id) == ACCEPT));
    if (!bytes.p)
        return;
    must(fuzz_decode(&canonical_vote_desc, &c, body(bytes)));
    again = pb_encode_delimited(&canonical_vote_desc, &c, &fuzz_arena);
    must(span_eq(again, bytes));
    must(c.height == v->height && c.round == v->round && c.type == v->type);
    must(!c.block_id == block_id_is_nil(&v->block_id));
    must(!c.block_id || block_id_eq(c.block_id, &v->block_id));
    must(span_eq(c.chain_id, chain));
}

static void check_pair(const struct vote *a, const struct vote *b)
{
    struct span x = vote_sign_bytes(a, chain, &fuzz_arena),
                y = vote_sign_bytes(b, chain, &fuzz_arena);

    must(block_id_cmp(&a->block_id, &b->block_id) ==
         -block_id_cmp(&b->block_id, &a->block_id));
    if (!x.p || !y.p || !span_eq(x, y))
        return;
    must(a->height == b->height && a->round == b->round && a->type == b->type);
    must(block_id_eq(&a->block_id, &b->block_id));
    must(stamp_cmp(a->timestamp, b->timestamp) == 0);
}

static void check_vote(struct span in)
{
    struct vote   v, other, copy;
    struct pubkey key = { .type = KEY_TYPE_ED25519 };

    if (!fuzz_decode(&vote_desc, &v, in))
        return;
    check_sign_bytes(&v);
    other = v;
    other.round ^= 1;
    check_pair(&v, &other);
    other               = v;
    other.block_id.hash = SPAN(in.p, in.n < 32 ? in.n : 32);
    check_pair(&v, &other);
    if (vote_validate(&v) == ACCEPT) {
        must(vote_copy(&copy, &v, &fuzz_arena));
        must(vote_validate(&copy) == ACCEPT);
        must(vote_sign_bytes(&v, chain, &fuzz_arena).p);
        must(v.height > 0 && v.round >= 0 && v.validator_index >= 0);
    }
    must(!vote_verify_extended(&v, chain, &key, &fuzz_arena));
}

static void check_proposal(struct span in)
{
    struct proposal p;
    struct vote     v;
    struct span     bytes, other;

    if (!fuzz_decode(&proposal_desc, &p, in))
        return;
    bytes = proposal_sign_bytes(&p, chain, &fuzz_arena);
    if (proposal_validate(&p, -1) == ACCEPT)
        must(bytes.p && p.block_id.part_set_header.total > 0);
    v     = (struct vote){ .type      = TYPE_PRECOMMIT,
                           .height    = p.height,
                           .round     = p.round,
                           .block_id  = p.block_id,
                           .timestamp = p.timestamp };
    other = vote_sign_bytes(&v, chain, &fuzz_arena);
    must(!bytes.p || !span_eq(bytes, other));
}

void fuzz_one(struct span in)
{
    check_vote(in);
    check_proposal(in);
}
