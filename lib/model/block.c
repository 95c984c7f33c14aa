#include "model/block.h"

#include "base/limits.h"
#include "model/evidence.h"
#include "model/tree.h"
#include "model/vote.h"

/* ---- headers ---- */

static size_t put_number(uint8_t *out, uint8_t tag, uint64_t v)
{
    if (v == 0)
        return 0;
    *out = tag;
    return 1 + uvarint_put(out + 1, v);
}

static void add_version(struct tree *t, const struct version *v)
{
    uint8_t     bytes[22];
    struct span leaf = { bytes, put_number(bytes, 0x08, v->block) };

    leaf.n += put_number(bytes + leaf.n, 0x10, v->app);
    tree_add(t, &leaf, 1);
}

/* In pieces, since nobody has bounded the hashes' lengths yet. */
static void add_block_id(struct tree *t, const struct block_id *id)
{
    const struct part_set_header *h = &id->part_set_header;
    uint8_t                       head[11], set[22], mid[33];
    size_t                        n;
    struct span part[4] = { { head, 0 }, id->hash, { mid, 0 }, h->hash };

    part[0].n = put_number(head, 0x0a, id->hash.n);
    n         = put_number(set, 0x08, h->total);
    n += put_number(set + n, 0x12, h->hash.n);
    mid[0]    = 0x12;
    part[2].n = 1 + uvarint_put(mid + 1, n + h->hash.n);
    memcpy(mid + part[2].n, set, n);
    part[2].n += n;
    tree_add(t, part, 4);
}

static void add_stamp(struct tree *t, struct stamp at)
{
    uint8_t     bytes[22];
    struct span leaf = { bytes, put_number(bytes, 0x08, (uint64_t)at.seconds) };

    leaf.n += put_number(bytes + leaf.n, 0x10, (uint64_t)(int64_t)at.nanos);
    tree_add(t, &leaf, 1);
}

static void add_height(struct tree *t, int64_t height)
{
    uint8_t     bytes[11];
    struct span leaf = { bytes, put_number(bytes, 0x08, (uint64_t)height) };

    tree_add(t, &leaf, 1);
}

bool header_hash(struct hash *out, const struct header *h)
{
    struct tree t;

    if (h->validators_hash.n == 0 || !stamp_valid(h->time))
        return false;
    tree_begin(&t);
    add_version(&t, &h->version);
    tree_add_wrapped(&t, h->chain_id);
    add_height(&t, h->height);
    add_stamp(&t, h->time);
    add_block_id(&t, &h->last_block_id);
    tree_add_wrapped(&t, h->last_commit_hash);
    tree_add_wrapped(&t, h->data_hash);
    tree_add_wrapped(&t, h->validators_hash);
    tree_add_wrapped(&t, h->next_validators_hash);
    tree_add_wrapped(&t, h->consensus_hash);
    tree_add_wrapped(&t, h->app_hash);
    tree_add_wrapped(&t, h->last_results_hash);
    tree_add_wrapped(&t, h->evidence_hash);
    tree_add_wrapped(&t, h->proposer_address);
    tree_end(&t, out);
    return true;
}

enum reject header_validate(const struct header *h)
{
    const struct span *const hashes[] = {
        &h->last_commit_hash, &h->data_hash,      &h->evidence_hash,
        &h->validators_hash,  &h->consensus_hash, &h->next_validators_hash,
        &h->last_results_hash /* but not app_hash: its length is free */
    };

    if (h->version.block != BLOCK_PROTOCOL || h->height <= 0)
        return REJECT_RANGE;
    if (h->chain_id.n > CHAIN_ID_BYTES_MAX ||
        h->proposer_address.n != ADDRESS_BYTES)
        return REJECT_LENGTH;
    for (size_t i = 0; i < COUNT(hashes); i++)
        if (hashes[i]->n && hashes[i]->n != HASH_BYTES)
            return REJECT_LENGTH;
    return block_id_validate(&h->last_block_id);
}

/* ---- transactions and results ---- */

void tx_hash(struct hash *out, struct span tx)
{
    sha256(out, tx);
}

void data_hash(struct hash *out, const struct data *d)
{
    struct tree t;

    tree_begin(&t);
    for (size_t i = 0; i < d->txs.n; i++) {
        struct hash h;

        tx_hash(&h, d->txs.v[i]);
        tree_add(&t, &(struct span){ h.b, HASH_BYTES }, 1);
    }
    tree_end(&t, out);
}

/* ExecTxResult {1 code, 2 data, 5 gas_wanted, 6 gas_used}, in pieces so that
 * data is not copied. */
static void add_result(struct tree *t, const struct exec_result_kept *r)
{
    uint8_t     head[22], tail[22];
    struct span part[3] = { { head, 0 }, r->data, { tail, 0 } };

    part[0].n = put_number(head, 0x08, r->code);
    part[0].n += put_number(head + part[0].n, 0x12, r->data.n);
    part[2].n = put_number(tail, 0x28, (uint64_t)r->gas_wanted);
    part[2].n += put_number(tail + part[2].n, 0x30, (uint64_t)r->gas_used);
    tree_add(t, part, 3);
}

void results_hash(struct hash *out, const struct exec_result_kept *r, size_t n)
{
    struct tree t;

    tree_begin(&t);
    for (size_t i = 0; i < n; i++)
        add_result(&t, &r[i]);
    tree_end(&t, out);
}

int64_t tx_size(struct span tx)
{
    uint8_t prefix[10];

    return (int64_t)(1 + uvarint_put(prefix, tx.n) + tx.n);
}

int64_t block_tx_budget(int64_t max_bytes, int64_t evidence_bytes,
                        size_t validators)
{
    enum { OVERHEAD = 11, HEADER = 626, COMMIT = 94, COMMIT_SIG = 109 + 2 };

    return max_bytes - OVERHEAD - HEADER - COMMIT -
           COMMIT_SIG * (int64_t)validators - evidence_bytes;
}

/* ---- blocks ---- */

bool evidence_list_hash(struct hash *out, const struct evidence_list *l,
                        struct arena *a)
{
    struct tree t;

    tree_begin(&t);
    for (size_t i = 0; i < l->evidence.n; i++) {
        size_t      mark  = a->used;
        struct span bytes = evidence_bytes(&l->evidence.v[i], a);

        if (!bytes.p)
            return false;
        tree_add(&t, &bytes, 1);
        a->used = mark;
    }
    tree_end(&t, out);
    return true;
}

enum reject block_validate(struct block *b, struct arena *a)
{
    const struct header *h = &b->header;
    struct hash          root;
    enum reject          r = header_validate(h);

    if (r)
        return r;
    if (!b->last_commit)
        return REJECT_MISSING;
    r = commit_validate(b->last_commit);
    if (r)
        return r;
    if (!commit_hash(&root, b->last_commit, a))
        return REJECT_LIMIT;
    if (!span_eq(h->last_commit_hash, hash_span(&root)))
        return REJECT_MISMATCH;
    data_hash(&root, &b->data);
    if (!span_eq(h->data_hash, hash_span(&root)))
        return REJECT_MISMATCH;
    for (size_t i = 0; i < b->evidence.evidence.n && !r; i++)
        r = evidence_validate(&b->evidence.evidence.v[i], a);
    if (r)
        return r;
    if (!evidence_list_hash(&root, &b->evidence, a))
        return REJECT_LIMIT;
    return span_eq(h->evidence_hash, hash_span(&root)) ? ACCEPT
                                                       : REJECT_MISMATCH;
}

struct span block_encode(const struct block *b, struct arena *a)
{
    struct block     copy = *b;
    size_t           n    = b->evidence.evidence.n;
    struct evidence *list = arena_newn(a, struct evidence, n);

    if (!list)
        return (struct span){ 0 };
    for (size_t i = 0; i < n; i++)
        if (!evidence_canonical(&list[i], &b->evidence.evidence.v[i], a))
            return (struct span){ 0 };
    copy.evidence.evidence.v = list;
    return pb_encode(&block_desc, &copy, a);
}
