/* wal_files - the files of one log: names, order, bytes.  For wal*.c only. */
#ifndef WARREN_CONSENSUS_WAL_FILES_H
#define WARREN_CONSENSUS_WAL_FILES_H

#include "base/err.h"

enum { WAL_PATH_BYTES = 4096 };

/* Indices begin to end - 1 are the files PATH.NNN, end is the head. */
struct wal_files {
    char head[WAL_PATH_BYTES];
    char dir[WAL_PATH_BYTES];
    int  begin, end;
};

/* wal_files_find - make the directory and see what is in it. */
NODISCARD enum err wal_files_find(struct wal_files *f, const char *path);
NODISCARD enum err wal_files_sync_dir(const struct wal_files *f);
/* wal_files_rotate - the head becomes the last numbered file. */
NODISCARD enum err wal_files_rotate(struct wal_files *f);
/* wal_files_trim - of the files before `ended`, which no replay reads, drop the
 * oldest: all but a sixteenth of total bytes, more if all files are above it.
 * The others stay, however many: what we are locked on may be in the first. */
NODISCARD enum err wal_files_trim(struct wal_files *f, uint64_t total,
                                  int ended);

/* wal_files_read - the bytes of one file; wal_files_unread frees them. */
NODISCARD enum err wal_files_read(const struct wal_files *f, int index,
                                  struct span *bytes);
void               wal_files_unread(struct span bytes);
/* wal_files_damaged - say so, and what to do; returns ERR_CORRUPT. */
NODISCARD enum err wal_files_damaged(const struct wal_files *f, int index,
                                     uint64_t at, const char *why);

struct wal;
struct wal_files *wal_files_of(struct wal *w);

#endif
