/* What the files of the database share. */
#ifndef WARREN_STORE_DB_INTERNAL_H
#define WARREN_STORE_DB_INTERNAL_H

#include "store/db.h"

enum {
    TABLE_MAIN,
    TABLE_HEIGHTS,
    TABLE_SETS,
    TABLE_RUNS,
    TABLE_EVIDENCE,
    TABLE_COUNT
};

/* Single records of MAIN. */
#define KEY_BINDING  "chain"
#define KEY_HEADS    "heads"
#define KEY_STATE    "state"
#define KEY_SEEN     "seen"     /* height (8 bytes), Commit */
#define KEY_EVIDENCE "evidence" /* every block has marked its evidence */

/* db_put - a record in the batch, which must be open. */
NODISCARD enum err db_put(struct db *db, kv_table table, struct span key,
                          struct span payload);
NODISCARD enum err db_put_flagged(struct db *db, kv_table table,
                                  struct span key, uint8_t flags,
                                  struct span payload);
/* db_txn - to read with: the batch when one is open, else a read. */
NODISCARD enum err db_txn(struct db *db, struct kv_txn **t);
/* db_get - a record checked; ERR_NOT_FOUND when absent, ERR_CORRUPT said
 * with its place. */
NODISCARD enum err db_get(struct db *db, kv_table table, struct span key,
                          struct record *out);
NODISCARD enum err db_begin(struct db *db);
NODISCARD enum err db_damaged(const char *what, int64_t height);
/* db_refuse - ERR_FAILED, or whatever code, with its reason in db->why. */
NODISCARD enum err db_refuse(struct db *db, enum err code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* db_stage_entries - what the index gets once the batch is committed. */
void db_stage_entries(struct db *db, int64_t height, const struct hash *block,
                      const span_list *txs);
void views_drop(struct db *db, int64_t height); /* 0: all */

/* ---- evidence.c ---- */

/* db_open_evidence - drop damaged records; mark what the blocks have
 * committed if that was not done yet. */
NODISCARD enum err db_open_evidence(struct db *db, struct arena *a);
/* db_mark_evidence - committed by this block; in the batch. */
NODISCARD enum err db_mark_evidence(struct db *db, int64_t height,
                                    const struct evidence_list *l,
                                    struct arena               *a);
/* db_forget_evidence - some of what was committed of heights below; in the
 * batch. */
NODISCARD enum err db_forget_evidence(struct db *db, int64_t below,
                                      struct arena *a);

static inline struct span key_span(const struct store_key *k)
{
    return SPAN(k->b, STORE_KEY_BYTES);
}

#endif
