/* limits - sizes, counts and ages of everything that others can make us
 * hold.  Protocol limits carry CometBFT's values; the rest are ours. */
#ifndef WARREN_LIMITS_H
#define WARREN_LIMITS_H

#include <stdint.h>

/* The protocol's (CometBFT v0.38 types/, consensus/, p2p/). */
#define BLOCK_BYTES_MAX         INT64_C(104857600) /* 100 MiB */
#define PART_BYTES              65536              /* of a part set */
#define BLOCK_PARTS_MAX         1601  /* BLOCK_BYTES_MAX / PART_BYTES + 1 */
#define VOTES_MAX               10000 /* validators in a set */
#define CHAIN_ID_BYTES_MAX      50
#define SIGNATURE_BYTES_MAX     64
#define ADDRESS_BYTES           20
#define HASH_BYTES              32
#define EXTENSION_BYTES_MAX     (1 << 20)
#define AUNTS_MAX               100
#define TOTAL_POWER_MAX         (INT64_MAX / 8)
#define CONSENSUS_MSG_BYTES_MAX 1048576
#define MEMPOOL_TX_BYTES_MAX    1048576 /* default of max_tx_bytes */
#define BLOCKSYNC_MSG_BYTES_MAX 104857605
#define SNAPSHOT_MSG_BYTES_MAX  4000000
#define CHUNK_MSG_BYTES_MAX     16000000
#define PEX_MSG_BYTES_MAX       64000
#define SNAPSHOT_CHUNKS_MAX     100000
#define PEX_ADDRS_MAX           250
#define NODE_INFO_BYTES_MAX     10240
#define NODE_INFO_CHANNELS_MAX  16
#define PRIVVAL_MSG_BYTES_MAX   10240
#define WAL_RECORD_BYTES_MAX    1048600
#define ABCI_MSG_BYTES_MAX      (256u << 20) /* Go's own limit is 2^31 - 1 */

/* Ours. */
#define BLOCK_TXS_MAX      (8u << 20) /* txs of a block, before decoding */
#define BUS_MSG_BYTES_MAX  (256u << 20)
#define BUS_PENDING_MAX    65536      /* requests in flight on one client */
#define DECODE_ARENA_BYTES (1u << 30) /* reserved, not touched */
#define GENESIS_BYTES_MAX  (64u << 20)
#define CONFIG_BYTES_MAX   (1u << 20)

#endif
