/* files - whole files: read with a bound, replaced so that a crash leaves
 * either the old one or the new one.
 *
 * Memory:  what is read is appended to the caller's buffer. */
#ifndef WARREN_FILES_H
#define WARREN_FILES_H

#include "base/buf.h"
#include "base/err.h"

/* file_read - ERR_NOT_FOUND, without a word, when there is no such file;
 * ERR_CORRUPT above max bytes; ERR_DISK when it cannot be read. */
NODISCARD enum err file_read(struct buf *out, const char *path, size_t max);

/* file_read_secret - also ERR_KEY when others than the owner may touch it. */
NODISCARD enum err file_read_secret(struct buf *out, const char *path,
                                    size_t max);

/* file_replace - file and directory are synced before it returns.  ERR_DISK
 * leaves what was there. */
NODISCARD enum err file_replace(const char *path, struct span bytes,
                                unsigned mode);

/* file_swap - as file_replace, for a file that is replaced often: the one
 * before it stays as path.old, and is written over the next time.  Cheap when
 * bytes.n is always the same. */
NODISCARD enum err file_swap(const char *path, struct span bytes,
                             unsigned mode);

/* file_create - as file_replace, for a new file; what is there stays as it
 * is, and *is_new is false. */
NODISCARD enum err file_create(const char *path, struct span bytes,
                               unsigned mode, bool *is_new);

#endif
