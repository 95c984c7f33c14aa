#include "wire/mempool.h"

#include "base/limits.h"

enum { GROUP = 3, BYTES = 2 };

PB_DESC(txs_desc, struct txs,
        PB_LIST(struct txs, 1, txs, PB_BYTES, BLOCK_TXS_MAX));
PB_DESC(mempool_msg_desc, struct mempool_msg,
        PB_ONEOF_MSG(struct mempool_msg, MEMPOOL_TXS, which, txs, txs_desc));
PB_DESC(seen_msg_desc, struct seen_msg,
        PB_FIELD(struct seen_msg, 1, prefixes, PB_BYTES));

struct tally {
    size_t max_tx, max_batch;
    size_t count, bytes;
};

/* The next field 1 of wire type 2 in *in: 1, at the end 0, malformed -1. */
static int next_entry(struct span *in, struct span *entry)
{
    struct pb_field f;
    int             more;

    while ((more = pb_next(in, &f)) > 0) {
        if (f.type == GROUP)
            return -1;
        if (f.num == 1 && f.type == BYTES) {
            *entry = f.bytes;
            return 1;
        }
    }
    return more;
}

static enum reject count_txs(struct tally *t, struct span in)
{
    struct span tx;
    int         more;

    while ((more = next_entry(&in, &tx)) > 0) {
        if (tx.n == 0)
            return REJECT_LENGTH;
        if (t->max_tx && tx.n > t->max_tx)
            return REJECT_LIMIT;
        t->count++;
        t->bytes += tx.n;
        if (t->max_batch && t->bytes > t->max_batch)
            return REJECT_LIMIT;
    }
    return more < 0 ? REJECT_MALFORMED : ACCEPT;
}

enum reject mempool_filter(struct span in, size_t max_tx_bytes,
                           size_t max_batch_bytes)
{
    struct tally t        = { .max_tx    = max_tx_bytes,
                              .max_batch = max_tx_bytes > max_batch_bytes
                                               ? max_tx_bytes
                                               : max_batch_bytes };
    bool         is_empty = in.n == 0; /* fails when decoded */
    struct span  txs;
    int          more;

    while ((more = next_entry(&in, &txs)) > 0) {
        enum reject r = count_txs(&t, txs);

        if (r)
            return r;
    }
    if (more < 0)
        return REJECT_MALFORMED;
    return t.count || is_empty ? ACCEPT : REJECT_MISSING;
}

enum reject mempool_msg_validate(const struct mempool_msg *m)
{
    return m->which == MEMPOOL_TXS ? ACCEPT : REJECT_MISSING;
}

enum reject seen_msg_validate(const struct seen_msg *m)
{
    size_t n = m->prefixes.n / SEEN_PREFIX_BYTES;

    return n > 0 && n <= SEEN_MAX && m->prefixes.n % SEEN_PREFIX_BYTES == 0
               ? ACCEPT
               : REJECT_LENGTH;
}
