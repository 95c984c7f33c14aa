/* store - how a chain lies in ordered tables: keys, records, what may be
 * saved next, and where things stand inside what was saved.  Pure.
 *
 * Shapes:  HEIGHTS is keyed by height (8 bytes, big endian) and kind, so that
 *          a new height only appends.  SETS is keyed by kind and height, and
 *          holds a validator set or parameters only where they changed, and
 *          sets every SET_EVERY heights.
 *          A record is a CRC-32C (little endian), a byte of flags and the
 *          payload.  The CRC is over flags and payload, xor that of the key:
 *          a record in another's place is damage too.
 * Memory:  spans borrow from what they were cut out of. */
#ifndef WARREN_STORE_H
#define WARREN_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "crypto/hash.h"
#include "model/types.h"

/* ---- keys ---- */

enum height_kind {
    AT_META     = 1, /* BlockMeta */
    AT_BLOCK    = 2, /* the bytes of its part set */
    AT_RESULTS  = 3, /* ResponseFinalizeBlock */
    AT_EXTENDED = 4, /* ExtendedCommit */
    AT_COMMIT   = 5, /* Commit; only of heights whose next block is pruned */
};
enum set_kind { SET_VALIDATORS = 'v', SET_PARAMS = 'p' };

enum {
    STORE_KEY_BYTES   = 9,
    RECORD_HEAD_BYTES = 5,
    SET_EVERY         = 256,
    METAS_MAX         = 20,
    BLOCKS_MAX        = 64,
    STATE_GAP_MAX     = 3,
    EVIDENCE_MAX      = 4096, /* pending */
};

struct store_key {
    uint8_t b[STORE_KEY_BYTES];
};
struct store_key height_key(int64_t height, enum height_kind kind);
struct store_key set_key(enum set_kind kind, int64_t height);
/* *_of - what a key in that table says; false for another kind. */
NODISCARD bool height_of(int64_t *height, enum height_kind *kind,
                         struct span key);
NODISCARD bool set_height_of(int64_t *height, enum set_kind kind,
                             struct span key);

/* ---- records ---- */

enum record_flags { RECORD_PLAIN = 0, RECORD_PACKED = 1 };

struct record {
    uint8_t     flags;
    struct span payload;
};

/* record_seal - fill in the head of a record whose payload stands already
 * RECORD_HEAD_BYTES behind out. */
void record_seal(uint8_t *out, struct span key, uint8_t flags,
                 size_t payload_n);
/* record_open - false when the bytes are not what was sealed under key. */
NODISCARD bool record_open(struct record *r, struct span key, struct span in);

/* ---- what a chain holds ---- */

struct heads {
    int64_t lowest, height; /* blocks; 0: none */
    int64_t evidence;       /* metas and commits are kept from here on */
    int64_t state;          /* height of the state */
    int64_t results;        /* highest height with results */
    int64_t indexed;        /* txs up to here are in the index on disk */
    int64_t entries;        /* that the index on disk holds */
};
enum { HEADS_BYTES = 56 };
void           heads_encode(uint8_t out[HEADS_BYTES], const struct heads *h);
NODISCARD bool heads_decode(struct heads *h, struct span in);

struct binding {
    struct span chain_id;
    struct span genesis_hash; /* 32 bytes */
    int64_t     initial_height;
};
enum { BINDING_BYTES_MAX = 100 };
size_t binding_encode(uint8_t out[BINDING_BYTES_MAX], const struct binding *b);
NODISCARD bool binding_decode(struct binding *b, struct span in);

/* ---- blocks ---- */

struct block_to_save {
    int64_t     height;
    struct span block_id, block, seen_commit, extended_commit;
};
/* What is stored beside the bytes of a block. */
struct block_facts {
    struct span                 meta; /* BlockMeta */
    struct span                 seen; /* Commit */
    struct hash                 hash;
    const span_list            *txs;
    const struct evidence_list *evidence;
};

/* block_examine - decode, check against its id, and derive what is stored.
 *
 * NULL, or what is wrong.  Results live in the arena. */
NODISCARD const char *block_examine(struct block_facts         *out,
                                    const struct block_to_save *b,
                                    struct span chain_id, struct arena *a);
/* block_may_follow - is height the next one? */
bool block_may_follow(const struct heads *h, const struct binding *b,
                      int64_t height);
/* block_last_commit - the Commit for the height before, re-encoded in the
 * arena; empty when there is none. */
struct span block_last_commit(struct span block, struct arena *a);

/* ---- the state ---- */

struct state_facts {
    int64_t     height, initial_height;
    int64_t     validators_changed, params_changed;
    struct span chain_id, params;
    struct span last_validators, validators, next_validators;
};
/* state_examine - cut a tendermint.state.State apart; false if malformed. */
NODISCARD bool state_examine(struct state_facts *out, struct span state);

struct set_to_save {
    enum set_kind kind;
    int64_t       height;
    struct span   bytes;
};
enum { SETS_TO_SAVE_MAX = 4 };
/* state_sets - what SETS must get with this state; is_whole when the states
 * before it were not all saved.  Returns how many. */
size_t state_sets(struct set_to_save        out[SETS_TO_SAVE_MAX],
                  const struct state_facts *s, bool is_whole);
/* state_may_follow - the first, one seen before, or one of the next: states
 * that were acknowledged but not synced may have been lost with the process.
 * No set is missed as long as a state holds those of STATE_GAP_MAX heights. */
bool state_may_follow(const struct heads *h, int64_t height);

/* validators_turned - the set bytes after times turns of the proposer; p is
 * NULL when they do not decode. */
struct span validators_turned(struct span set, int64_t times, struct arena *a);
/* validators_are - does the set have this hash? */
bool validators_are(struct span set, struct span hash, struct arena *a);

enum { RESULTS_TX_FIELD = 2 }; /* ResponseFinalizeBlock.tx_results */

#endif
