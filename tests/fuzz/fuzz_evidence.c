/* Evidence: nobody is accused without a signature.
 *
 * Properties: what decodes encodes to itself; valid evidence is the same
 * after CometBFT's re-encoding, by bytes and by hash; verification against
 * sets of which no secret key is known never accepts. */
#include "fuzz.h"

#include "model/evidence.h"

static const struct span chain = { (const uint8_t *)"chain", 5 };

static const struct pubkey *some_key(void)
{
    static struct pubkey key;
    struct privkey       secret;

    if (key.type == KEY_TYPE_NONE) {
        privkey_generate(&secret, KEY_TYPE_ED25519);
        privkey_public(&key, &secret);
    }
    return &key;
}

/* One validator, who has that address. */
static struct validators set_of(struct span address, int64_t power)
{
    struct val       *v = arena_new(&fuzz_arena, struct val);
    struct validators s = { .v = v, .n = 1, .total = power };

    must(v);
    v->key   = *some_key();
    v->power = power;
    if (address.n == ADDRESS_BYTES)
        memcpy(v->address, address.p, ADDRESS_BYTES);
    return s;
}

static void check_duplicate(const struct evidence *e)
{
    const struct duplicate_vote_evidence *d = e->duplicate_vote_evidence;
    struct evidence                      *again;
    struct validators                     s;

    must(d->vote_a && d->vote_b);
    s       = set_of(d->vote_a->validator_address, d->validator_power);
    s.total = d->total_voting_power;
    must(duplicate_vote_verify(d, chain, &s, &fuzz_arena) != ACCEPT);
    again = duplicate_vote_make(d->vote_a, d->vote_b, d->timestamp, &s,
                                &fuzz_arena);
    must(again && evidence_validate(again, &fuzz_arena) == ACCEPT);
    must(span_eq(evidence_bytes(again, &fuzz_arena),
                 evidence_bytes(e, &fuzz_arena)));
}

static void check_attack(const struct light_client_attack_evidence *a)
{
    const struct signed_header *conflicting =
        a->conflicting_block->signed_header;
    struct header        h       = *conflicting->header;
    struct commit        c       = *conflicting->commit;
    struct signed_header trusted = { &h, &c };
    struct validators    s =
        set_of(c.signatures.n ? c.signatures.v[0].validator_address
                              : (struct span){ 0 },
               a->total_voting_power);
    struct val *who;
    size_t      n;

    for (int i = 0; i < 4; i++) {
        h.height   = conflicting->header->height + i % 2;
        h.app_hash = i < 2 ? conflicting->header->app_hash : chain;
        c.round    = conflicting->commit->round ^ (i & 1);
        if (light_client_attack_culprits(&who, &n, a, &trusted, &s,
                                         &fuzz_arena))
            must(n <= conflicting->commit->signatures.n);
        must(light_client_attack_verify(a, &trusted, &trusted, &s,
                                        &fuzz_arena) != ACCEPT);
    }
}

static void check_same(const struct evidence *e)
{
    struct evidence      again, decoded;
    struct evidence_list one = { .evidence = { &again, 1 } };
    struct hash          x, y;
    struct span          bytes;

    must(evidence_canonical(&again, e, &fuzz_arena));
    must(evidence_validate(&again, &fuzz_arena) == ACCEPT);
    must(span_eq(evidence_bytes(&again, &fuzz_arena),
                 evidence_bytes(e, &fuzz_arena)));
    must(evidence_hash(&x, e, &fuzz_arena));
    must(evidence_hash(&y, &again, &fuzz_arena) && hash_eq(&x, &y));
    must(evidence_height(&again) == evidence_height(e));
    must(evidence_size(&again) == pb_size(&evidence_list_desc, &one));
    bytes = pb_encode(&evidence_desc, &again, &fuzz_arena);
    must(pb_decode(&evidence_desc, &decoded, &fuzz_arena, bytes) == ACCEPT);
    must(evidence_hash(&y, &decoded, &fuzz_arena) && hash_eq(&x, &y));
}

static void check_one(const struct evidence *e)
{
    if (evidence_validate(e, &fuzz_arena) != ACCEPT)
        return;
    check_same(e);
    if (e->which == EVIDENCE_DUPLICATE_VOTE)
        check_duplicate(e);
    else
        check_attack(e->light_client_attack_evidence);
}

/* Lifts a conflicting block over the hashes that bind it together. */
static void put_right(struct evidence *e)
{
    struct light_client_attack_evidence *a = e->light_client_attack_evidence;
    struct light_block                  *b;
    struct validators                    s;
    struct hash                          root;

    if (e->which != EVIDENCE_LIGHT_CLIENT || !a->conflicting_block)
        return;
    b = a->conflicting_block;
    if (!b->signed_header || !b->signed_header->header ||
        !b->signed_header->commit || !b->validator_set ||
        validators_from_msg(&s, b->validator_set, &fuzz_arena) != ACCEPT)
        return;
    validators_hash(&root, &s);
    b->signed_header->header->validators_hash =
        arena_copy(&fuzz_arena, hash_span(&root));
    must(header_hash(&root, b->signed_header->header));
    b->signed_header->commit->block_id.hash =
        arena_copy(&fuzz_arena, hash_span(&root));
    b->signed_header->commit->height = b->signed_header->header->height;
}

void fuzz_one(struct span in)
{
    struct evidence      e;
    struct evidence_list l;

    if (fuzz_decode(&evidence_desc, &e, in)) {
        check_one(&e);
        put_right(&e);
        check_one(&e);
    }
    if (fuzz_decode(&evidence_list_desc, &l, in))
        for (size_t i = 0; i < l.evidence.n; i++)
            check_one(&l.evidence.v[i]);
}
