/* wal - the files that inputs are written to before they take effect.
 *
 * Source:  CometBFT v0.38 consensus/wal.go, libs/autofile/group.go: same
 *          records, same file names, so either node reads the other's.
 * Shapes:  PATH is the head; a head of 10 MB becomes PATH.000, .001 ...; the
 *          oldest are dropped above 1 GB in all, but none from the last
 *          EndHeight on.  Records never span files.
 *          A new log begins with EndHeight(0).
 * Memory:  one buffer for appends; a replay holds one file at a time. */
#ifndef WARREN_CONSENSUS_WAL_H
#define WARREN_CONSENSUS_WAL_H

#include "base/err.h"
#include "wire/walrec.h"

struct wal;

/* wal_open - open or begin the log.
 *
 * What a kill or a power cut tore is cut off, and noted, whole records behind
 * it too: of what was not synced a disk keeps any pages.  ERR_CORRUPT when one
 * of those is a vote of ours: it was signed when all before it was synced.
 * ERR_DISK when a file cannot be used. */
NODISCARD enum err wal_open(struct wal **out, const char *path);
void               wal_close(struct wal *w); /* without a sync */

/* wal_set_limits - of the head and of all files, in bytes; for tests. */
void wal_set_limits(struct wal *w, uint64_t head_max, uint64_t total_max);

/* wal_append - write one record, without waiting for the disk.
 *
 * ERR_BUSY, and nothing written, when the message is over the limit of a
 * record; after ERR_DISK the log must not be used any more. */
NODISCARD enum err wal_append(struct wal *w, const struct timed_wal_msg *m,
                              struct arena *scratch);
NODISCARD enum err wal_append_end_height(struct wal *w, struct stamp now,
                                         int64_t height, struct arena *scratch);
/* wal_take_back - the last record appended is of no use.  It goes unless it is
 * in the file already; nothing else is touched. */
void wal_take_back(struct wal *w);
/* wal_sync - all that was appended is on the disk. */
NODISCARD enum err wal_sync(struct wal *w);
/* wal_flush - hand what is buffered to the system, so that only a power cut
 * can lose it. */
NODISCARD enum err wal_flush(struct wal *w);
bool               wal_is_synced(const struct wal *w);

/* ---- reading back ---- */

struct wal_replay;

/* wal_replay_open - the records behind the last EndHeight(ended).
 *
 * *out is NULL when there is no such record.  *highest, where it is asked for,
 * is the highest that ended in the files looked at, -1 for none.  Without it
 * a later height is ERR_CORRUPT (the store was set back); so is a file that is
 * damaged on the way there, and *out is NULL then. */
NODISCARD enum err wal_replay_open(struct wal_replay **out, struct wal *w,
                                   int64_t ended, int64_t *highest);
/* wal_replay_next - the next record; false at the end.  Damage is
 * ERR_CORRUPT in *err.  *m borrows from the replay and the arena. */
NODISCARD bool wal_replay_next(struct wal_replay *r, struct timed_wal_msg *m,
                               struct arena *a, enum err *err);
void           wal_replay_close(struct wal_replay *r);

#endif
