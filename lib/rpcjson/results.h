/* results - whole answers of the RPC.
 *
 * Source:  CometBFT v0.38 rpc/core/types/responses.go. */
#ifndef WARREN_RPCJSON_RESULTS_H
#define WARREN_RPCJSON_RESULTS_H

#include "rpcjson/types.h"

void rj_result_commit(struct json_writer *w, const struct header *h,
                      const struct commit *c, bool is_canonical);
/* rj_result_validators - one page of the set of a height. */
void rj_result_validators(struct json_writer *w, int64_t height,
                          const struct validator *page, size_t n, size_t total);
void rj_result_params(struct json_writer *w, int64_t height,
                      const struct params *p);
void rj_result_block_results(struct json_writer *w, int64_t height,
                             const struct abci_res_finalize_block *r);

struct rj_tx {
    struct span           hash;
    int64_t               height;
    uint32_t              index;
    struct abci_tx_result result;
    struct span           tx;
    const struct proof   *proof; /* NULL: none was asked for */
    struct span           root;  /* of the proof: the block's data_hash */
};
void rj_result_tx(struct json_writer *w, const struct rj_tx *t);

void rj_result_broadcast_tx(struct json_writer             *w,
                            const struct abci_res_check_tx *r,
                            struct span                     hash);
void rj_result_query(struct json_writer *w, const struct abci_res_query *r);

#endif
