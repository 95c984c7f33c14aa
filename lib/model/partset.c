#include "model/partset.h"

#include "crypto/merkle.h"

enum { WORD_BITS = 64 };

static bool allocate(struct part_set *s, struct arena *a)
{
    size_t words = (s->total + WORD_BITS - 1) / WORD_BITS;

    s->arena  = a;
    s->have   = arena_newn(a, uint64_t, words);
    s->proofs = arena_newn(a, struct proof, s->total);
    return s->have && s->proofs;
}

static void mark(struct part_set *s, uint32_t index)
{
    s->have[index / WORD_BITS] |= UINT64_C(1) << index % WORD_BITS;
    s->count++;
}

/* Bytes of the part at index in a set of s->size bytes. */
static size_t length_at(const struct part_set *s, uint32_t index)
{
    return index + 1 < s->total ? s->part_size : s->last;
}

static struct span bytes_at(const struct part_set *s, uint32_t index)
{
    return SPAN(s->bytes + index * s->part_size, length_at(s, index));
}

static bool prove(struct part_set *s, struct arena *a)
{
    struct span         *leaf = arena_newn(a, struct span, s->total);
    struct merkle_proof *p    = arena_newn(a, struct merkle_proof, s->total);

    if (!leaf || !p)
        return false;
    for (uint32_t i = 0; i < s->total; i++)
        leaf[i] = bytes_at(s, i);
    if (!merkle_proofs(&s->root, p, leaf, s->total, a))
        return false;
    for (uint32_t i = 0; i < s->total; i++) {
        struct span *aunts = arena_newn(a, struct span, p[i].aunt_count);

        if (!aunts)
            return false;
        for (size_t k = 0; k < p[i].aunt_count; k++)
            aunts[k] = p[i].aunts[k];
        s->proofs[i] = (struct proof){ .total     = p[i].total,
                                       .index     = p[i].index,
                                       .leaf_hash = p[i].leaf_hash,
                                       .aunts = { aunts, p[i].aunt_count } };
        mark(s, i);
    }
    return true;
}

bool part_set_cut(struct part_set *out, struct span data, size_t part_size,
                  struct arena *a)
{
    size_t total = data.n / part_size + (data.n % part_size != 0);

    *out = (struct part_set){ .total     = (uint32_t)total,
                              .bytes     = data.p,
                              .part_size = part_size,
                              .size      = data.n,
                              .last      = data.n };
    if (total > UINT32_MAX)
        return false;
    if (total)
        out->last = data.n - (total - 1) * part_size;
    return allocate(out, a) && prove(out, a);
}

bool part_set_from_bytes(struct part_set *out, struct span data,
                         struct arena *a)
{
    if (data.n > (size_t)BLOCK_PARTS_MAX * PART_BYTES)
        return false;
    return part_set_cut(out, data, PART_BYTES, a);
}

bool part_set_init(struct part_set *out, const struct part_set_header *h,
                   struct arena *a)
{
    *out = (struct part_set){ .total = h->total, .part_size = PART_BYTES };
    if (h->total == 0 || h->total > BLOCK_PARTS_MAX || h->hash.n != HASH_BYTES)
        return false;
    memcpy(out->root.b, h->hash.p, HASH_BYTES);
    out->room  = arena_alloc(a, (size_t)h->total * PART_BYTES);
    out->bytes = out->room;
    return out->room && allocate(out, a);
}

static enum reject proof_validate(const struct proof *p)
{
    if (p->total < 0 || p->index < 0)
        return REJECT_RANGE;
    if (p->aunts.n > AUNTS_MAX)
        return REJECT_LIMIT;
    if (p->leaf_hash.n != HASH_BYTES)
        return REJECT_LENGTH;
    for (size_t i = 0; i < p->aunts.n; i++)
        if (p->aunts.v[i].n != HASH_BYTES)
            return REJECT_LENGTH;
    return ACCEPT;
}

enum reject part_validate(const struct part *p)
{
    if (p->bytes.n > PART_BYTES)
        return REJECT_LENGTH;
    /* Compared this way round: a total of the lowest number must not wrap. */
    if (p->proof.total > (int64_t)p->index + 1 && p->bytes.n != PART_BYTES)
        return REJECT_LENGTH;
    if (p->proof.index != p->index)
        return REJECT_MISMATCH;
    return proof_validate(&p->proof);
}

static bool copy_proof(struct proof *out, const struct proof *in,
                       struct arena *a)
{
    struct span *aunts = arena_newn(a, struct span, in->aunts.n);

    *out           = *in;
    out->leaf_hash = arena_copy(a, in->leaf_hash);
    out->aunts.v   = aunts;
    if (!aunts || !out->leaf_hash.p)
        return false;
    for (size_t i = 0; i < in->aunts.n; i++) {
        aunts[i] = arena_copy(a, in->aunts.v[i]);
        if (!aunts[i].p)
            return false;
    }
    return true;
}

static bool proves(const struct part_set *s, const struct part *p)
{
    struct merkle_proof m = { .total      = p->proof.total,
                              .index      = p->proof.index,
                              .leaf_hash  = p->proof.leaf_hash,
                              .aunts      = p->proof.aunts.v,
                              .aunt_count = p->proof.aunts.n };

    return merkle_verify(hash_span(&s->root), p->bytes, &m);
}

enum reject part_set_add(struct part_set *s, const struct part *p, bool *is_new)
{
    size_t       used = s->arena->used;
    struct proof proof;
    enum reject  r;

    *is_new = false;
    if (p->index >= s->total)
        return REJECT_RANGE;
    if (part_set_has(s, p->index))
        return ACCEPT;
    if (p->proof.total != s->total)
        return REJECT_MISMATCH;
    r = part_validate(p);
    if (r)
        return r;
    if (!proves(s, p))
        return REJECT_MISMATCH;
    if (!copy_proof(&proof, &p->proof, s->arena)) {
        s->arena->used = used;
        return REJECT_LIMIT;
    }
    if (p->bytes.n)
        memcpy(s->room + p->index * s->part_size, p->bytes.p, p->bytes.n);
    s->proofs[p->index] = proof;
    s->size += p->bytes.n;
    if (p->index + 1 == s->total)
        s->last = p->bytes.n;
    mark(s, p->index);
    *is_new = true;
    return ACCEPT;
}

bool part_set_has(const struct part_set *s, uint32_t index)
{
    return index < s->total &&
           (s->have[index / WORD_BITS] >> index % WORD_BITS & 1);
}

bool part_set_is_complete(const struct part_set *s)
{
    return s->count == s->total;
}

struct part part_set_part(const struct part_set *s, uint32_t index)
{
    must(part_set_has(s, index));
    return (struct part){ .index = index,
                          .bytes = bytes_at(s, index),
                          .proof = s->proofs[index] };
}

struct span part_set_bytes(const struct part_set *s)
{
    must(part_set_is_complete(s));
    return SPAN(s->bytes, s->size);
}

struct part_set_header part_set_header(const struct part_set *s)
{
    return (struct part_set_header){ .total = s->total,
                                     .hash  = hash_span(&s->root) };
}

bool part_set_has_header(const struct part_set        *s,
                         const struct part_set_header *h)
{
    return s->total == h->total && span_eq(h->hash, hash_span(&s->root));
}
