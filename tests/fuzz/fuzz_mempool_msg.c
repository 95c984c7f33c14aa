/* Transactions from peers, and which ones they have.
 *
 * Properties: what the filter lets through holds only transactions of 1 to
 * the limit's bytes, together within the batch's; a list of prefixes is of
 * whole ones, and of no more than may be. */
#include "fuzz.h"

#include "wire/mempool.h"

enum { TX_MAX = 64, BATCH_MAX = 256 };

static void prefixes(struct span in)
{
    struct seen_msg m;

    if (!fuzz_decode(&seen_msg_desc, &m, in) || seen_msg_validate(&m) != ACCEPT)
        return;
    must(m.prefixes.n > 0 && m.prefixes.n % SEEN_PREFIX_BYTES == 0);
    must(m.prefixes.n <= SEEN_MAX * SEEN_PREFIX_BYTES);
}

void fuzz_one(struct span in)
{
    struct mempool_msg m;
    size_t             sum = 0;

    prefixes(in);

    if (mempool_filter(in, TX_MAX, BATCH_MAX) != ACCEPT ||
        !fuzz_decode(&mempool_msg_desc, &m, in) ||
        mempool_msg_validate(&m) != ACCEPT)
        return;
    for (size_t i = 0; i < m.txs->txs.n; i++) {
        must(m.txs->txs.v[i].n > 0 && m.txs->txs.v[i].n <= TX_MAX);
        sum += m.txs->txs.v[i].n;
    }
    must(sum <= BATCH_MAX);
}
