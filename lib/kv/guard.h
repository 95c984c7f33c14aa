/* guard - a clear end when a damaged file makes LMDB fault.
 *
 * LMDB trusts the pages that it maps: a flipped bit in one of them can send it
 * outside its page or the file.  While it works, and for addresses in a map of
 * a data.mdb, SIGSEGV and SIGBUS end the process with ERR_CORRUPT and a line
 * that names the database; other faults end it as ever. */
#ifndef WARREN_KV_GUARD_H
#define WARREN_KV_GUARD_H

#include "base/base.h"

/* guard_install - once per process; again does nothing. */
void guard_install(void);
/* guard_enter, guard_leave - around calls into LMDB; they do not nest. */
void guard_enter(const char *path);
void guard_leave(void);

#endif
