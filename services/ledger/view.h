/* view - a state to read and write: what is committed, and changes on it.
 *
 * Shapes:  keys of the stores, as proto/ledger.proto describes them.
 * Memory:  values are borrowed until the next read from the same view. */
#ifndef WARREN_LEDGER_VIEW_H
#define WARREN_LEDGER_VIEW_H

#include "abci/types.h"
#include "crypto/hash.h"
#include "ledger/changes.h"
#include "ledger/limits.h"
#include "ledger/messages.h"

#define ADDRESS_PREFIX "warren"

/* One committed state, read through functions: a database, or a test's
 * table.  They cannot fail: a disk that does ends the process. */
struct ledger_db {
    void   *ctx;
    int64_t height;
    bool (*get)(void *ctx, enum ledger_store store, struct span key,
                struct span *value);
    /* fn for each key from `from` on below `to`, until it returns false. */
    void (*range)(void *ctx, enum ledger_store store, struct span from,
                  struct span to,
                  bool (*fn)(void *fn_ctx, struct span key, struct span value),
                  void *fn_ctx);
};

/* store_name - of a tree; store_find - its number, or LEDGER_TREES. */
const char       *store_name(enum ledger_store store);
enum ledger_store store_find(struct span name);

struct ledger_view {
    const struct ledger_db *db;
    struct changes         *changes; /* NULL: read only */
};

bool view_get(const struct ledger_view *v, enum ledger_store store,
              struct span key, struct span *value);

/* ---- keys ---- */

/* The longest: 'r', a collection, a zero byte, a key; or of the history: two
 * lengths, both, a version. */
enum { STATE_KEY_MAX = 16 + COLLECTION_BYTES_MAX + KEY_BYTES_MAX };

struct state_key {
    uint8_t b[STATE_KEY_MAX];
    size_t  n;
};

static inline struct span state_key_span(const struct state_key *k)
{
    return SPAN(k->b, k->n);
}

/* The one record that a store has from the start, so that absence can be
 * proved in it. */
#define FORMAT_KEY   "format"
#define FORMAT_VALUE "warren.ledger.v1"

/* collection_is_valid - 1 to 64 of a-z 0-9 . _ - */
bool collection_is_valid(struct span name);
bool key_is_valid(struct span key);

void key_account(struct state_key *k, struct span address);
void key_collection(struct state_key *k, struct span name);
/* kind 'r' or 'd'; collection and key must be valid. */
void key_record(struct state_key *k, char kind, struct span collection,
                struct span key);
void key_history(struct state_key *k, struct span collection, struct span key,
                 uint64_t version);

/* ---- objects ---- */

/* Each load decodes into the arena; false when there is none.  What is
 * stored was written by us: anything malformed aborts. */
bool account_load(struct ledger_account *out, const struct ledger_view *v,
                  struct span address, struct arena *a);
void account_save(const struct ledger_view    *v,
                  const struct ledger_account *account, struct arena *a);
bool collection_load(struct ledger_collection *out, const struct ledger_view *v,
                     struct span name, struct arena *a);
void collection_save(const struct ledger_view       *v,
                     const struct ledger_collection *c, struct arena *a);
/* record_load - the latest version, or the deletion if the record is gone. */
bool record_load(struct ledger_record *out, const struct ledger_view *v,
                 struct span collection, struct span key, struct arena *a);

/* record_head - what a next version must know of it; version 0: there never
 * was one.  The value is not copied. */
struct record_head {
    uint64_t    version;
    int64_t     height;
    bool        is_deleted;
    struct hash digest; /* SHA-256 of the record as stored */
};
struct record_head record_head(const struct ledger_view *v,
                               struct span collection, struct span key);
/* record_save - its version is the next one. */
void record_save(const struct ledger_view *v, const struct ledger_record *r,
                 struct span collection, struct span key, struct arena *a);

/* account_address_text - "warren1..." in the arena. */
struct span account_address_text(struct span address, struct arena *a);
/* account_address_parse - an address of 20 bytes with our prefix. */
NODISCARD bool account_address_parse(uint8_t     out[ADDRESS_BYTES],
                                     struct span text);

#endif
