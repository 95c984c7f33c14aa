/* book - addresses of other nodes, so that there is always somebody to dial,
 * arranged so that nobody can fill it with his own.
 *
 * Source:  CometBFT v0.38 p2p/pex/addrbook.go, itself after Bitcoin's
 *          address manager: addresses heard of are "new", those that proved
 *          useful "old"; which bucket an address may lie in depends on its
 *          network and on the network of who told us, under a secret key.
 * Units:   moments in seconds since 1970.
 * Memory:  about 3 MB, fixed, touched as it fills; addresses beyond that push
 *          out others. */
#ifndef WARREN_P2P_BOOK_H
#define WARREN_P2P_BOOK_H

#include "p2p/dice.h"
#include "p2p/netaddr.h"

enum {
    BOOK_ENTRIES_MAX  = 20480, /* all buckets full */
    BOOK_NEW_BUCKETS  = 256,
    BOOK_OLD_BUCKETS  = 64,
    BOOK_BUCKET_SIZE  = 64,
    BOOK_PLACES_MAX   = 4, /* new buckets that one address may lie in */
    BOOK_ENOUGH       = 1000,
    BOOK_KEY_TEXT     = 24,
    BOOK_SELECTED_MAX = 250,
};

struct book_entry {
    struct netaddr addr, src;
    int64_t        last_attempt, last_success, banned_until;
    int32_t        attempts; /* since the last success */
    int32_t        failures; /* dials since it was last reached; not saved */
    bool           is_used, is_old, is_banned;
    uint16_t       place[BOOK_PLACES_MAX]; /* buckets */
    uint8_t        place_count;
};

struct book_bucket {
    uint16_t entry[BOOK_BUCKET_SIZE];
    uint8_t  count;
};

struct book {
    char               key[BOOK_KEY_TEXT + 1]; /* hex */
    bool               is_strict;
    struct dice        dice;
    struct book_entry  entries[BOOK_ENTRIES_MAX];
    struct book_bucket fresh[BOOK_NEW_BUCKETS], old[BOOK_OLD_BUCKETS];
    uint16_t           by_id[2 * BOOK_ENTRIES_MAX]; /* entry + 1 */
    uint16_t           free[BOOK_ENTRIES_MAX];
    size_t             free_count;
    size_t             fresh_count, old_count;
};

/* book_init - in zeroed memory.  Strict books take only routable addresses.
 * key is 24 random hex digits. */
void book_init(struct book *b, bool is_strict, const char *key, uint64_t seed);

/* book_add - somebody at src says that there is a node at addr.
 *
 * False when it is not taken: invalid, banned, or not routable.  One that is
 * known already may get another place. */
bool book_add(struct book *b, const struct netaddr *addr,
              const struct netaddr *src, int64_t now);
void book_remove(struct book *b, const uint8_t id[ADDRESS_BYTES]);

/* book_restore - an entry of a file, whose buckets are worked out anew. */
bool book_restore(struct book *b, const struct book_entry *e);

struct book_entry *book_find(struct book *b, const uint8_t id[ADDRESS_BYTES]);

void book_mark_attempt(struct book *b, const uint8_t id[ADDRESS_BYTES],
                       int64_t now);
/* book_mark_good - it did something useful: from new to old. */
void book_mark_good(struct book *b, const uint8_t id[ADDRESS_BYTES],
                    int64_t now);
/* book_mark_bad - not to be picked, passed on or added until then. */
void book_mark_bad(struct book *b, const uint8_t id[ADDRESS_BYTES],
                   int64_t until);
/* book_reinstate - those whose ban is over are new again. */
void book_reinstate(struct book *b, int64_t now);

size_t book_size(const struct book *b); /* without banned ones */
bool   book_needs_more(const struct book *b);

/* book_pick - somebody to dial; bias 0 to 100 is towards new addresses.
 * NULL when there is none. */
const struct book_entry *book_pick(struct book *b, unsigned bias);

/* book_select - some addresses to pass on, 23 % of all but at least 32 (or
 * all) and at most BOOK_SELECTED_MAX; bias as above, or -1 for any. */
size_t book_select(struct book *b, struct netaddr out[BOOK_SELECTED_MAX],
                   int bias);

#endif
