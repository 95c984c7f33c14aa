/* The file of the address book.
 *
 * Property: what is read is printed and read again as the same. */
#include "fuzz.h"

#include "p2p/book_file.h"

#include <stdlib.h>

static struct book *read_book(struct span in, bool is_strict)
{
    struct book *b = calloc(1, sizeof *b);

    must(b != NULL);
    book_init(b, is_strict, "0123456789abcdef01234567", 1);
    if (book_parse(b, in))
        return b;
    free(b);
    return NULL;
}

void fuzz_one(struct span in)
{
    struct book *b = read_book(in, in.n % 2), *again;
    struct buf   text;

    if (!b)
        return;
    buf_init(&text, BOOK_FILE_MAX);
    book_print(&text, b);
    again = read_book(buf_span(&text), in.n % 2);
    must(again != NULL && book_size(again) == book_size(b));
    must(again->old_count == b->old_count);
    buf_fini(&text);
    free(again);
    free(b);
}
