/* Transactions from peers.
 *
 * Property: what the filter lets through holds only transactions of 1 to the
 * limit's bytes, together within the batch's. */
#include "fuzz.h"

#include "wire/mempool.h"

enum { TX_MAX = 64, BATCH_MAX = 256 };

void fuzz_one(struct span in)
{
    struct mempool_msg m;
    size_t             sum = 0;

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
