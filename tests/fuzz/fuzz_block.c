/* Blocks: one value, one encoding, one hash.
 *
 * Properties: what decodes encodes to itself; a valid block survives being
 * encoded, cut into parts, put together and decoded, with the same hash;
 * validation against a state ends with a verdict and a reason.  So that the
 * fuzzer gets past the hashes in the header, they are put right first. */
#include "fuzz.h"

#include "model/partset.h"
#include "model/state.h"

static struct span keep(const struct hash *h)
{
    return arena_copy(&fuzz_arena, hash_span(h));
}

/* Hashes of the parts, and what else is always asked of a header. */
static void put_right(struct block *b)
{
    struct header *h = &b->header;
    struct hash    root;

    h->version.block = BLOCK_PROTOCOL;
    if (h->height <= 0)
        h->height = 1;
    if (h->proposer_address.n != ADDRESS_BYTES)
        h->proposer_address = SPAN("01234567890123456789", 20);
    data_hash(&root, &b->data);
    h->data_hash = keep(&root);
    must(commit_hash(&root, b->last_commit, &fuzz_arena));
    h->last_commit_hash = keep(&root);
    must(h->data_hash.p && h->last_commit_hash.p);
    for (size_t i = 0; i < b->evidence.evidence.n; i++)
        if (b->evidence.evidence.v[i].which == EVIDENCE_NONE)
            return;
    must(evidence_list_hash(&root, &b->evidence, &fuzz_arena));
    h->evidence_hash = keep(&root);
}

/* Through parts and back, in an order of the input's choosing. */
static struct span through_parts(struct span bytes, uint32_t turn)
{
    struct part_set        from, to;
    struct part_set_header h;
    bool                   is_new;

    must(part_set_from_bytes(&from, bytes, &fuzz_arena));
    h = part_set_header(&from);
    must(part_set_init(&to, &h, &fuzz_arena));
    for (uint32_t i = 0; i < from.total; i++) {
        struct part p = part_set_part(&from, (i + turn) % from.total);

        must(!part_set_is_complete(&to));
        must(part_validate(&p) == ACCEPT);
        must(part_set_add(&to, &p, &is_new) == ACCEPT && is_new);
    }
    must(part_set_is_complete(&to));
    return part_set_bytes(&to);
}

static void check_valid(struct block *b)
{
    struct span  bytes = block_encode(b, &fuzz_arena), again;
    struct block back;
    struct hash  x, y;
    bool         has_x, has_y;

    must(bytes.p && bytes.n > 0);
    again = through_parts(bytes, (uint32_t)b->header.height);
    must(span_eq(bytes, again));
    must(pb_decode(&block_desc, &back, &fuzz_arena, again) == ACCEPT);
    must(block_validate(&back, &fuzz_arena) == ACCEPT);
    must(span_eq(block_encode(&back, &fuzz_arena), bytes));
    has_x = header_hash(&x, &b->header);
    has_y = header_hash(&y, &back.header);
    must(has_x == has_y && (!has_x || hash_eq(&x, &y)));
}

static void check_against_state(struct block *b)
{
    struct chain_state s = { .version           = b->header.version,
                             .chain_id          = b->header.chain_id,
                             .initial_height    = 1,
                             .last_height       = b->header.height - 1,
                             .last_block_id     = b->header.last_block_id,
                             .last_time         = b->header.time,
                             .app_hash          = b->header.app_hash,
                             .last_results_hash = b->header.last_results_hash };
    struct val         v = { .power = 1, .key = { .type = KEY_TYPE_ED25519 } };
    const char        *why;
    enum reject        r;

    params_default(&s.params);
    memcpy(v.address, b->header.proposer_address.p, ADDRESS_BYTES);
    must(validators_new(&s.validators, &v, 1, &fuzz_arena) == ACCEPT);
    s.next_validators = s.last_validators = s.validators;
    r = block_validate_against(b, &s, &fuzz_arena, &why);
    must((r == ACCEPT) == (*why == 0));
    r = block_extends(b, &s, b->last_commit, &fuzz_arena, &why);
    must((r == ACCEPT) == (*why == 0));
}

void fuzz_one(struct span in)
{
    struct block b;

    if (!fuzz_decode(&block_desc, &b, in))
        return;
    if (block_validate(&b, &fuzz_arena) == ACCEPT)
        check_valid(&b);
    if (!b.last_commit)
        return;
    put_right(&b);
    if (block_validate(&b, &fuzz_arena) != ACCEPT)
        return;
    check_valid(&b);
    check_against_state(&b);
}
