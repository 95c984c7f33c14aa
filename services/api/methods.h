/* methods - every method of the RPC; the table is in methods.c. */
#ifndef WARREN_METHODS_H
#define WARREN_METHODS_H

#include "api/call.h"

/* info.c */
void method_health(struct call *c);
void method_status(struct call *c);
void method_net_info(struct call *c);
void method_genesis(struct call *c);
void method_genesis_chunked(struct call *c);
void method_consensus_params(struct call *c);
void method_validators(struct call *c);

/* blocks.c */
void method_blockchain(struct call *c);
void method_block(struct call *c);
void method_block_by_hash(struct call *c);
void method_block_results(struct call *c);
void method_commit(struct call *c);
void method_header(struct call *c);
void method_header_by_hash(struct call *c);

/* txs.c */
void method_tx(struct call *c);
void method_check_tx(struct call *c);
void method_broadcast_tx_async(struct call *c);
void method_broadcast_tx_sync(struct call *c);
void method_broadcast_tx_commit(struct call *c);
void method_unconfirmed_txs(struct call *c);
void method_num_unconfirmed_txs(struct call *c);
void method_unsafe_flush_mempool(struct call *c);

/* trace.c */
void method_trace(struct call *c);

/* evidence.c */
void method_broadcast_evidence(struct call *c);

/* subscribe.c */
void method_subscribe(struct call *c);
void method_unsubscribe(struct call *c);
void method_unsubscribe_all(struct call *c);

/* app.c */
void method_abci_info(struct call *c);
void method_abci_query(struct call *c);

#endif
