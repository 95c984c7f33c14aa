/* bans_file - bans on disk, so that they outlive the process.
 *
 * Shapes:  JSON, {"bans": [{"id": 40 hex digits, "until": time}, ...]}, in
 *          bans.json beside the address book; replaced as a whole.
 * Memory:  at most BANS_MAX entries, the file at most BANS_FILE_MAX. */
#ifndef WARREN_P2P_BANS_FILE_H
#define WARREN_P2P_BANS_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "p2p/bans.h"

enum {
    BANS_FILE_MAX = 1 << 18,
    BAN_DAYS_MAX  = 30, /* of a ban that is read: clocks have been wrong */
};

/* bans_path - in the folder of the address book; false: too long. */
NODISCARD bool bans_path(char *out, size_t n, const char *book_path);

/* bans_print - the text of the file: those that hold at now. */
void bans_print(struct buf *out, const struct bans *b, int64_t now);
/* bans_parse - adds those that still hold; false when the text is no list of
 * bans. */
NODISCARD bool bans_parse(struct bans *b, struct span json, int64_t now);

/* bans_load - no file is no bans; one that cannot be read as such is put
 * aside as FILE.bad. */
NODISCARD enum err bans_load(struct bans *b, const char *path, int64_t now);
/* bans_save - a failure is logged and that is all. */
void bans_save(const struct bans *b, const char *path, int64_t now);

#endif
