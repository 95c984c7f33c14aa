/* book_file - the address book on disk.
 *
 * Source:  CometBFT v0.38 p2p/pex/file.go (addrbook.json). */
#ifndef WARREN_P2P_BOOK_FILE_H
#define WARREN_P2P_BOOK_FILE_H

#include "base/err.h"
#include "p2p/book.h"

enum { BOOK_FILE_MAX = 32 << 20 };

/* book_print - the text of the file. */
void book_print(struct buf *out, const struct book *b);

/* book_parse - into an empty book: key and entries.  Entries that make no
 * sense are left out; false when the text is not an address book. */
NODISCARD bool book_parse(struct book *b, struct span json);

/* book_load - a file that is not there is an empty book; one that cannot be
 * read as one is put aside as FILE.bad, and the book starts empty. */
NODISCARD enum err book_load(struct book *b, const char *path);
/* book_save - a failure is logged and that is all. */
void book_save(const struct book *b, const char *path);

#endif
