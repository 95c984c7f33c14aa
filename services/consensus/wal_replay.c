#include "base/limits.h"
#include "consensus/wal.h"
#include "consensus/wal_files.h"

#include <stdlib.h>

struct wal_replay {
    struct wal_files *files;
    int               index;
    struct span       bytes;
    struct wal_reader reader;
};

static enum err load(struct wal_replay *r, int index)
{
    enum err e;

    wal_files_unread(r->bytes);
    r->bytes  = (struct span){ 0 };
    r->index  = index;
    e         = wal_files_read(r->files, index, &r->bytes);
    r->reader = (struct wal_reader){ .bytes = r->bytes };
    return e;
}

/* Behind the last EndHeight(ended) of the loaded file, if it has one.  Damage
 * before that does not matter: those heights are in the store. */
static bool find_last(struct wal_replay *r, int64_t ended, struct arena *a,
                      int64_t *highest)
{
    struct wal_reader at       = r->reader;
    bool              is_found = false;
    enum wal_search   s;
    int64_t           last;

    do {
        s = wal_search_end_height(&at, ended, true, a, &last);
        if (last > *highest)
            *highest = last;
        if (s == WAL_FOUND) {
            is_found  = true;
            r->reader = at;
        }
    } while (s == WAL_FOUND);
    return is_found;
}

static enum err set_back(const struct wal_replay *r, int64_t ended,
                         int64_t highest)
{
    return fail(ERR_CORRUPT,
                "wal %s: height %" PRId64 " has ended here, but the store ends"
                " at %" PRId64 ", and nobody else has those blocks: restore"
                " the newer store; if this home was CometBFT's, go on with"
                " that: the only validator of a chain cannot move",
                r->files->head, highest, ended);
}

static enum err seek(struct wal_replay *r, int64_t ended, bool *is_found,
                     int64_t *highest)
{
    struct arena a;
    enum err     e = OK;

    *is_found = false;
    *highest  = -1;
    arena_open(&a, DECODE_ARENA_BYTES);
    for (int i = r->files->end; i >= r->files->begin && !e; i--) {
        e = load(r, i);
        if (!e)
            *is_found = find_last(r, ended, &a, highest);
        /* A file that ended lower heights only: older ones are lower still. */
        if (*is_found || (*highest >= 0 && *highest < ended))
            break;
    }
    arena_close(&a);
    return e;
}

enum err wal_replay_open(struct wal_replay **out, struct wal *w, int64_t ended,
                         int64_t *highest)
{
    struct wal_replay *r = calloc(1, sizeof *r);
    int64_t            last;
    bool               is_found;
    enum err           e;

    must(r);
    *out     = NULL;
    r->files = wal_files_of(w);
    e        = seek(r, ended, &is_found, &last);
    if (!e && !highest && last > ended)
        e = set_back(r, ended, last);
    if (highest)
        *highest = last;
    if (e || !is_found) {
        wal_replay_close(r);
        return e;
    }
    *out = r;
    return OK;
}

bool wal_replay_next(struct wal_replay *r, struct timed_wal_msg *m,
                     struct arena *a, enum err *err)
{
    const char *why;

    *err = OK;
    for (;;) {
        switch (wal_next(&r->reader, m, a, &why)) {
        case WAL_RECORD: return true;
        case WAL_CORRUPT:
            *err = wal_files_damaged(r->files, r->index, r->reader.start, why);
            return false;
        case WAL_END: break;
        }
        if (r->index >= r->files->end)
            return false;
        *err = load(r, r->index + 1);
        if (*err)
            return false;
    }
}

void wal_replay_close(struct wal_replay *r)
{
    if (!r)
        return;
    wal_files_unread(r->bytes);
    free(r);
}
