#include "model/vote.h"

#include "base/limits.h"
#include "model/canonical.h"
#include "model/tree.h"

/* ---- block ids ---- */

bool block_id_is_complete(const struct block_id *id)
{
    return id->hash.n == HASH_BYTES && id->part_set_header.total > 0 &&
           id->part_set_header.hash.n == HASH_BYTES;
}

bool block_id_eq(const struct block_id *a, const struct block_id *b)
{
    return span_eq(a->hash, b->hash) &&
           a->part_set_header.total == b->part_set_header.total &&
           span_eq(a->part_set_header.hash, b->part_set_header.hash);
}

/* The text that CometBFT keys a block id by, for hashes that are valid. */
static struct span key_of(const struct block_id *id, uint8_t out[128])
{
    size_t n = pb_size(&part_set_header_desc, &id->part_set_header);

    if (id->hash.n > HASH_BYTES || n > 64)
        return (struct span){ 0 };
    if (id->hash.n)
        memcpy(out, id->hash.p, id->hash.n);
    pb_encode_to(&part_set_header_desc, &id->part_set_header, out + id->hash.n,
                 n);
    return SPAN(out, id->hash.n + n);
}

int block_id_cmp(const struct block_id *a, const struct block_id *b)
{
    uint8_t of_a[128], of_b[128];

    return span_cmp(key_of(a, of_a), key_of(b, of_b));
}

static bool copy_span(struct span *s, struct arena *a)
{
    *s = arena_copy(a, *s);
    return s->n == 0 || s->p;
}

bool block_id_copy(struct block_id *out, const struct block_id *in,
                   struct arena *a)
{
    *out = *in;
    return copy_span(&out->hash, a) && copy_span(&out->part_set_header.hash, a);
}

bool vote_copy(struct vote *out, const struct vote *in, struct arena *a)
{
    struct vote v = *in;

    if (!block_id_copy(&v.block_id, &in->block_id, a) ||
        !copy_span(&v.validator_address, a) || !copy_span(&v.signature, a) ||
        !copy_span(&v.extension, a) || !copy_span(&v.extension_signature, a))
        return false;
    *out = v;
    return true;
}

/* ---- what is well formed ---- */

static bool is_hash_or_empty(struct span s)
{
    return s.n == 0 || s.n == HASH_BYTES;
}

enum reject part_set_header_validate(const struct part_set_header *h)
{
    return is_hash_or_empty(h->hash) ? ACCEPT : REJECT_LENGTH;
}

enum reject block_id_validate(const struct block_id *id)
{
    if (!is_hash_or_empty(id->hash))
        return REJECT_LENGTH;
    return part_set_header_validate(&id->part_set_header);
}

static enum reject signature_validate(struct span s)
{
    if (s.n == 0)
        return REJECT_MISSING;
    return s.n <= SIGNATURE_BYTES_MAX ? ACCEPT : REJECT_LENGTH;
}

/* An extension needs its signature.  The signature alone is allowed: an empty
 * extension is signed as well.  Whether they are due is not known here. */
static enum reject extension_validate(const struct vote *v)
{
    if (!vote_is_for_block(v))
        return v->extension.n || v->extension_signature.n ? REJECT_MISMATCH
                                                          : ACCEPT;
    if (v->extension_signature.n > SIGNATURE_BYTES_MAX)
        return REJECT_LENGTH;
    if (v->extension.n && v->extension_signature.n == 0)
        return REJECT_MISSING;
    return ACCEPT;
}

enum reject vote_validate(const struct vote *v)
{
    enum reject r;

    if (v->type != TYPE_PREVOTE && v->type != TYPE_PRECOMMIT)
        return REJECT_RANGE;
    if (v->height <= 0 || v->round < 0 || v->validator_index < 0)
        return REJECT_RANGE;
    if (!block_id_is_nil(&v->block_id) && !block_id_is_complete(&v->block_id))
        return REJECT_LENGTH;
    if (v->validator_address.n != ADDRESS_BYTES)
        return REJECT_LENGTH;
    r = signature_validate(v->signature);
    return r ? r : extension_validate(v);
}

enum reject proposal_validate(const struct proposal *p, int64_t max_block_bytes)
{
    if (p->type != TYPE_PROPOSAL || p->height < 0 || p->round < 0 ||
        p->pol_round < -1)
        return REJECT_RANGE;
    if (!block_id_is_complete(&p->block_id))
        return REJECT_LENGTH;
    if (max_block_bytes == -1)
        max_block_bytes = BLOCK_BYTES_MAX;
    if (max_block_bytes && p->block_id.part_set_header.total >
                               (max_block_bytes - 1) / PART_BYTES + 1)
        return REJECT_LIMIT;
    return signature_validate(p->signature);
}

/* ---- what is signed ---- */

static const struct span nothing = { NULL, 0 };

/* The canonical block id: NULL for nil. */
static struct block_id *canonical(const struct block_id *id,
                                  struct block_id       *out)
{
    if (block_id_is_nil(id))
        return NULL;
    *out = *id;
    return out;
}

struct span vote_sign_bytes(const struct vote *v, struct span chain_id,
                            struct arena *a)
{
    struct block_id       id;
    struct canonical_vote c = { .type      = v->type,
                                .height    = v->height,
                                .round     = v->round,
                                .block_id  = canonical(&v->block_id, &id),
                                .timestamp = v->timestamp,
                                .chain_id  = chain_id };

    if (!stamp_valid(v->timestamp) || block_id_validate(&v->block_id))
        return nothing;
    return pb_encode_delimited(&canonical_vote_desc, &c, a);
}

struct span vote_extension_sign_bytes(const struct vote *v,
                                      struct span chain_id, struct arena *a)
{
    struct canonical_vote_extension c = { .extension = v->extension,
                                          .height    = v->height,
                                          .round     = v->round,
                                          .chain_id  = chain_id };

    return pb_encode_delimited(&canonical_vote_extension_desc, &c, a);
}

struct span proposal_sign_bytes(const struct proposal *p, struct span chain_id,
                                struct arena *a)
{
    struct block_id           id;
    struct canonical_proposal c = { .type      = TYPE_PROPOSAL,
                                    .height    = p->height,
                                    .round     = p->round,
                                    .pol_round = p->pol_round,
                                    .block_id  = canonical(&p->block_id, &id),
                                    .timestamp = p->timestamp,
                                    .chain_id  = chain_id };

    if (!stamp_valid(p->timestamp) || block_id_validate(&p->block_id))
        return nothing;
    return pb_encode_delimited(&canonical_proposal_desc, &c, a);
}

static bool signs(const struct pubkey *k, struct span message, struct span sig)
{
    return message.p && pubkey_verify(k, message, sig);
}

bool vote_verify(const struct vote *v, struct span chain_id,
                 const struct pubkey *k, struct arena *a)
{
    uint8_t address[ADDRESS_BYTES];

    pubkey_address(address, k);
    return span_eq(SPAN_OF(address), v->validator_address) &&
           signs(k, vote_sign_bytes(v, chain_id, a), v->signature);
}

bool vote_verify_extension(const struct vote *v, struct span chain_id,
                           const struct pubkey *k, struct arena *a)
{
    if (!vote_is_for_block(v))
        return true;
    return signs(k, vote_extension_sign_bytes(v, chain_id, a),
                 v->extension_signature);
}

bool vote_verify_extended(const struct vote *v, struct span chain_id,
                          const struct pubkey *k, struct arena *a)
{
    if (vote_is_for_block(v) && v->extension_signature.n == 0)
        return false;
    return vote_verify(v, chain_id, k, a) &&
           vote_verify_extension(v, chain_id, k, a);
}

bool proposal_verify(const struct proposal *p, struct span chain_id,
                     const struct pubkey *k, struct arena *a)
{
    return signs(k, proposal_sign_bytes(p, chain_id, a), p->signature);
}
