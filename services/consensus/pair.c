#include "consensus/pair.h"

static struct block_response *decode(const struct sync_slot *slot,
                                     struct arena           *a)
{
    struct blocksync_msg m;

    if (pb_decode(&blocksync_msg_desc, &m, a, SPAN(slot->body, slot->n)) !=
            ACCEPT ||
        m.which != BLOCKSYNC_BLOCK_RESPONSE || !m.block_response->block)
        return NULL;
    return m.block_response;
}

const char *pair_read(struct pair *p, const struct sync_slot *first,
                      const struct sync_slot *second, struct arena *a)
{
    struct span bytes;

    *p =
        (struct pair){ .first = decode(first, a), .second = decode(second, a) };
    p->fault = (p->first ? 0 : PAIR_FIRST) | (p->second ? 0 : PAIR_SECOND);
    if (p->fault)
        return "a block that is malformed";
    p->fault = PAIR_FIRST;
    if (block_validate(p->first->block, a) != ACCEPT)
        return "a block that is malformed";
    bytes = block_encode(p->first->block, a);
    if (!bytes.p || !part_set_from_bytes(&p->parts, bytes, a) ||
        !block_id_make(&p->id, &p->first->block->header, &p->parts, a))
        return "a block that is too large";
    return NULL;
}

/* The commit in the second block is not one for the first.  Whose fault that
 * is shows when it is one for another block. */
static unsigned fault_of(const struct pair *p, const struct validators *set,
                         struct span chain_id, struct arena *a)
{
    const struct commit *k      = p->second->block->last_commit;
    int64_t              height = p->first->block->header.height;

    return commit_verify(set, chain_id, &k->block_id, height, k, a) == ACCEPT
               ? PAIR_FIRST
               : PAIR_SECOND;
}

const char *pair_verify(struct pair *p, const struct validators *set,
                        struct span chain_id, struct arena *a)
{
    struct commit *k = p->second->block->last_commit;

    p->fault = PAIR_SECOND;
    if (!k || commit_validate(k) != ACCEPT)
        return "a commit that is malformed";
    if (commit_verify(set, chain_id, &p->id, p->first->block->header.height, k,
                      a) == ACCEPT)
        return NULL;
    p->fault = fault_of(p, set, chain_id, a);
    return "a commit that does not hold";
}

bool pair_is_of(const struct pair *p, const struct validators *set)
{
    struct hash h;

    validators_hash(&h, set);
    return span_eq(hash_span(&h), p->first->block->header.validators_hash);
}

static const char *check_extended(const struct pair        *p,
                                  const struct chain_state *c, struct arena *a)
{
    struct extended_commit *e = p->first->ext_commit;

    if (p->is_extended != (e != NULL))
        return "vote extensions where there are none, or the reverse";
    if (!p->is_extended)
        return NULL;
    if (extended_commit_validate(e) != ACCEPT ||
        extended_commit_ensure(e, true) != ACCEPT ||
        extended_commit_verify(&c->validators, c->chain_id, &p->id,
                               p->first->block->header.height, e, a) != ACCEPT)
        return "an extended commit that does not hold";
    return NULL;
}

const char *pair_follows(struct pair *p, const struct chain_state *c,
                         const struct commit *known, struct arena *a)
{
    const struct block *b = p->first->block;
    const char         *why;

    p->is_extended = params_has_extensions(&c->params, b->header.height);
    p->fault       = PAIR_FIRST;
    why            = check_extended(p, c, a);
    if (why)
        return why;
    /* It was decided: if not we, then all are wrong. */
    p->fault = PAIR_FIRST | PAIR_SECOND;
    if (block_extends(b, c, known, a, &why) != ACCEPT)
        return why;
    p->has_followed = true;
    return NULL;
}
