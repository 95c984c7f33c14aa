#include "kv/kv.h"

#include "base/log.h"
#include "kv/guard.h"
#include "loop/loop.h"
#include "metrics/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum {
    TABLES_MAX      = 16,
    LOCK_FILE_BYTES = 16384, /* reader slots: 64 bytes each */
    SPACE_MIN       = 4 << 20,
    KEY_BYTES_MAX   = 511,
};

#define MAP_FIRST (UINT64_C(64) << 30) /* address space, not memory */
#define MAP_LEAST (UINT64_C(1) << 30)

struct kv_txn {
    struct kv *kv;
    MDB_txn   *txn;
    bool       is_write;
};

struct kv {
    MDB_env              *env;
    char                 *path; /* of data.mdb */
    MDB_dbi               tables[TABLES_MAX];
    size_t                table_count;
    unsigned              readers; /* read transactions that are open */
    uint64_t              map_bytes;
    bool                  is_full;   /* a transaction met the end of the map */
    struct kv_txn        *idle;      /* a read transaction to use again */
    bool                  is_synced; /* by every commit */
    struct metrics_source numbers;
};

struct kv_cursor {
    MDB_cursor *cursor;
    struct kv  *kv;
};

/* A call into LMDB: should a damaged page make it fault, the guard knows. */
#define GUARDED(kv, call) (guard_enter((kv)->path), guarded(call))
static int guarded(int r)
{
    guard_leave();
    return r;
}

/* ---- errors ---- */

static enum err code_of(int r)
{
    switch (r) {
    case MDB_SUCCESS: return OK;
    case MDB_NOTFOUND: return ERR_NOT_FOUND;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_DBI:
    case MDB_BAD_TXN:     /* after another error */
    case MDB_BAD_VALSIZE: /* keys are checked before: the file's fault */
    case EINVAL: return ERR_CORRUPT;
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case MDB_MAP_FULL:
    case MDB_PANIC: return ERR_DISK;
    case MDB_READERS_FULL: return ERR_BUSY;
    default: return ERR_FAILED;
    }
}

static uint64_t space_at(const char *path)
{
    struct statvfs v;

    return statvfs(path, &v) == 0 ? (uint64_t)v.f_bavail * v.f_frsize : 0;
}

/* Says what happened, but for absence, which is an answer. */
static enum err failure(const struct kv *kv, int r, const char *doing)
{
    if (r == MDB_SUCCESS || r == MDB_NOTFOUND)
        return code_of(r);
    if (code_of(r) == ERR_CORRUPT)
        return fail(ERR_CORRUPT,
                    "%s: damaged (%s while %s); restore a backup, or remove "
                    "the directory and synchronize again",
                    kv->path, mdb_strerror(r), doing);
    return fail(code_of(r), "%s: %s failed: %s (%" PRIu64 " KiB free)",
                kv->path, doing, mdb_strerror(r), space_at(kv->path) / 1024);
}

/* ---- opening ---- */

static enum err check_space(const char *dir)
{
    uint64_t space = space_at(dir);

    if (space >= SPACE_MIN)
        return OK;
    return fail(ERR_DISK,
                "%s: the disk is full (%" PRIu64 " KiB free, %d needed); "
                "make room and start again",
                dir, space / 1024, SPACE_MIN / 1024);
}

/* LMDB writes the lock file through a map: give it real blocks first, so
 * that a full disk is an error here and not SIGBUS there. */
static enum err allocate_lock(const char *dir)
{
    char path[4200];
    int  fd, r;

    snprintf(path, sizeof path, "%s/lock.mdb", dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(ERR_DISK, "%s: %s", path, strerror(errno));
    r = posix_fallocate(fd, 0, LOCK_FILE_BYTES);
    close(fd);
    if (r != 0)
        return fail(ERR_DISK, "%s: cannot allocate: %s", path, strerror(r));
    return OK;
}

static uint64_t file_bytes(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static unsigned flags_for(const char *path, int flags)
{
    struct sysinfo info;
    unsigned       f = MDB_NOTLS;

    if (flags & KV_NOSYNC)
        f |= MDB_NOSYNC;
    /* Reading ahead pays only while most of the file stays in memory. */
    if (sysinfo(&info) == 0 &&
        file_bytes(path) > (uint64_t)info.totalram * info.mem_unit / 2)
        f |= MDB_NORDAHEAD;
    return f;
}

/* A file that is shorter than its own pages would be SIGBUS when read. */
static enum err check_length(const struct kv *kv)
{
    MDB_envinfo info;
    MDB_stat    st;
    uint64_t    want;

    mdb_env_info(kv->env, &info);
    mdb_env_stat(kv->env, &st);
    want = ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
    if (file_bytes(kv->path) >= want)
        return OK;
    return fail(ERR_CORRUPT,
                "%s: cut short (%" PRIu64 " bytes, %" PRIu64
                " expected); restore a backup, or remove the directory and "
                "synchronize again",
                kv->path, file_bytes(kv->path), want);
}

static void on_assert(MDB_env *env, const char *text)
{
    const char *dir = "";

    mdb_env_get_path(env, &dir);
    must_ok(fail(ERR_CORRUPT,
                 "%s: damaged (%s); restore a backup, or remove the directory "
                 "and synchronize again",
                 dir, text),
            "read the database");
}

/* As much address space as the system grants. */
static int map_and_open(struct kv *kv, const char *dir, unsigned flags)
{
    int r;

    guard_install();
    kv->map_bytes = MAP_FIRST;
    while (kv->map_bytes < 4 * file_bytes(kv->path))
        kv->map_bytes *= 2;
    for (;;) {
        r = mdb_env_create(&kv->env);
        must(r == 0);
        mdb_env_set_maxdbs(kv->env, (MDB_dbi)kv->table_count);
        mdb_env_set_mapsize(kv->env, kv->map_bytes);
        mdb_env_set_assert(kv->env, on_assert);
        r = GUARDED(kv, mdb_env_open(kv->env, dir, flags, 0600));
        if (r == 0)
            return 0;
        mdb_env_close(kv->env);
        kv->env = NULL;
        if (r != ENOMEM || kv->map_bytes <= MAP_LEAST)
            return r;
        kv->map_bytes /= 2;
    }
}

/* LMDB counts tables apart from the page that names them, so a page that was
 * lost, which would read as an empty database, shows by the count. */
static int none_lost(struct kv *kv, MDB_txn *t)
{
    size_t      found = 0;
    MDB_dbi     list;
    MDB_stat    st;
    MDB_val     k, v;
    MDB_cursor *c;
    int         r = GUARDED(kv, mdb_dbi_open(t, NULL, 0, &list));

    if (r == 0)
        r = GUARDED(kv, mdb_stat(t, list, &st));
    if (r == 0)
        r = GUARDED(kv, mdb_cursor_open(t, list, &c));
    if (r != 0)
        return r;
    while ((r = GUARDED(kv, mdb_cursor_get(c, &k, &v, MDB_NEXT))) == 0)
        found += k.mv_size > 0 && v.mv_size > 0;
    mdb_cursor_close(c);
    if (r == MDB_NOTFOUND)
        r = found == st.ms_entries ? 0 : MDB_CORRUPTED;
    return r;
}

static enum err open_tables(struct kv *kv, const char *const *names)
{
    MDB_txn *t;
    int      r = GUARDED(kv, mdb_txn_begin(kv->env, NULL, 0, &t));

    if (r != 0)
        return failure(kv, r, "opening");
    r = none_lost(kv, t);
    for (size_t i = 0; i < kv->table_count && r == 0; i++)
        r = GUARDED(kv, mdb_dbi_open(t, names[i], MDB_CREATE, &kv->tables[i]));
    if (r != 0)
        mdb_txn_abort(t);
    else
        r = GUARDED(kv, mdb_txn_commit(t));
    return failure(kv, r, "opening");
}

static void measure(void *ctx)
{
    const struct kv *kv = ctx;

    metric_set(&metric_map_size_bytes, NULL, NULL, (double)kv->map_bytes);
    metric_set(&metric_map_used_bytes, NULL, NULL, (double)kv_disk_bytes(kv));
    metrics_disk(kv->path);
}

enum err kv_open(struct kv **out, const char *dir, const char *const *tables,
                 size_t table_count, int flags)
{
    struct kv *kv;
    enum err   e;
    int        r, dead;

    must(table_count <= TABLES_MAX);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail(ERR_DISK, "cannot make %s: %s", dir, strerror(errno));
    e = check_space(dir);
    if (e == OK)
        e = allocate_lock(dir);
    if (e != OK)
        return e;
    kv = calloc(1, sizeof *kv);
    must(kv && asprintf(&kv->path, "%s/data.mdb", dir) > 0);
    kv->table_count = table_count;
    kv->is_synced   = !(flags & KV_NOSYNC);
    kv->numbers     = (struct metrics_source){ .fn = measure, .ctx = kv };
    metrics_join(&kv->numbers);
    r = map_and_open(kv, dir, flags_for(kv->path, flags));
    e = failure(kv, r, "opening");
    if (e == OK)
        e = check_length(kv);
    if (e == OK) {
        mdb_reader_check(kv->env, &dead);
        e = open_tables(kv, tables);
    }
    if (e != OK) {
        kv_close(kv);
        return e;
    }
    *out = kv;
    return OK;
}

void kv_close(struct kv *kv)
{
    if (!kv)
        return;
    must(kv->readers == 0);
    metrics_leave(&kv->numbers);
    if (kv->idle)
        mdb_txn_abort(kv->idle->txn);
    free(kv->idle);
    if (kv->env)
        mdb_env_close(kv->env);
    free(kv->path);
    free(kv);
}

enum err kv_sync(struct kv *kv)
{
    uint64_t began = now_us();
    int      r     = mdb_env_sync(kv->env, 1);

    metric_since(&metric_fsync_seconds, "database", NULL, began);
    return failure(kv, r, "syncing");
}

size_t kv_disk_bytes(const struct kv *kv)
{
    struct stat st;

    return stat(kv->path, &st) == 0 ? (size_t)st.st_blocks * 512 : 0;
}

void kv_set_map(struct kv *kv, size_t bytes)
{
    must(kv->readers == 0);
    if (mdb_env_set_mapsize(kv->env, bytes) == 0)
        kv->map_bytes = bytes;
}

/* ---- transactions ---- */

/* Before writing: at least half of the map must be free.  The map can only
 * move while nobody reads. */
static void grow_map(struct kv *kv)
{
    MDB_envinfo info;
    MDB_stat    st;
    uint64_t    used;

    mdb_env_info(kv->env, &info);
    mdb_env_stat(kv->env, &st);
    used = ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
    if ((used < kv->map_bytes / 2 && !kv->is_full) || kv->readers > 0)
        return;
    if (mdb_env_set_mapsize(kv->env, kv->map_bytes * 2) == 0) {
        kv->map_bytes *= 2;
        kv->is_full = false;
    }
}

/* Another process may have made the map larger. */
static int begin(struct kv *kv, unsigned flags, MDB_txn **t)
{
    int r = GUARDED(kv, mdb_txn_begin(kv->env, NULL, flags, t));

    if (r == MDB_MAP_RESIZED && kv->readers == 0 &&
        mdb_env_set_mapsize(kv->env, 0) == 0)
        r = mdb_txn_begin(kv->env, NULL, flags, t);
    return r;
}

enum err kv_read(struct kv_txn **out, struct kv *kv)
{
    struct kv_txn *t = kv->idle;
    int            r;

    kv->idle = NULL;
    if (t) {
        r = mdb_txn_renew(t->txn);
        if (r != 0) {
            mdb_txn_abort(t->txn);
            r = begin(kv, MDB_RDONLY, &t->txn);
        }
    } else {
        t = calloc(1, sizeof *t);
        must(t);
        t->kv = kv;
        r     = begin(kv, MDB_RDONLY, &t->txn);
    }
    if (r != 0) {
        free(t);
        return failure(kv, r, "starting to read");
    }
    kv->readers++;
    *out = t;
    return OK;
}

enum err kv_write(struct kv_txn **out, struct kv *kv)
{
    struct kv_txn *t = calloc(1, sizeof *t);
    int            r;

    must(t);
    grow_map(kv);
    *t = (struct kv_txn){ .kv = kv, .is_write = true };
    r  = begin(kv, 0, &t->txn);
    if (r != 0) {
        free(t);
        return failure(kv, r, "starting to write");
    }
    *out = t;
    return OK;
}

enum err kv_commit(struct kv_txn *t)
{
    struct kv *kv = t->kv;
    uint64_t   began;
    int        r;

    if (!t->is_write) {
        kv_abort(t);
        return OK;
    }
    began = now_us();
    r     = GUARDED(kv, mdb_txn_commit(t->txn));
    if (kv->is_synced)
        metric_since(&metric_fsync_seconds, "database", NULL, began);
    free(t);
    return failure(kv, r, "committing");
}

void kv_abort(struct kv_txn *t)
{
    struct kv *kv = t->kv;

    if (t->is_write) {
        mdb_txn_abort(t->txn);
        free(t);
        return;
    }
    kv->readers--;
    if (kv->idle) {
        mdb_txn_abort(t->txn);
        free(t);
    } else {
        mdb_txn_reset(t->txn);
        kv->idle = t;
    }
}

/* ---- values ---- */

static MDB_val key_val(struct span s)
{
    must(s.n > 0 && s.n <= KEY_BYTES_MAX);
    return (MDB_val){ s.n, (void *)(uintptr_t)s.p };
}

static MDB_val val(struct span s)
{
    return (MDB_val){ s.n, (void *)(uintptr_t)s.p };
}

static struct span span(MDB_val v)
{
    return SPAN(v.mv_data, v.mv_size);
}

enum err kv_get(struct kv_txn *t, kv_table table, struct span key,
                struct span *value)
{
    MDB_val k = key_val(key), v;
    int     r = GUARDED(t->kv, mdb_get(t->txn, t->kv->tables[table], &k, &v));

    if (r == 0)
        *value = span(v);
    return failure(t->kv, r, "reading");
}

enum err kv_count(struct kv_txn *t, kv_table table, size_t *count)
{
    MDB_stat st = { 0 };
    int      r  = GUARDED(t->kv, mdb_stat(t->txn, t->kv->tables[table], &st));

    *count = st.ms_entries;
    return failure(t->kv, r, "reading");
}

static enum err put(struct kv_txn *t, kv_table table, struct span key,
                    MDB_val *v, unsigned flags)
{
    MDB_val k = key_val(key);
    int r = GUARDED(t->kv, mdb_put(t->txn, t->kv->tables[table], &k, v, flags));

    must(r != MDB_KEYEXIST);
    if (r == MDB_MAP_FULL)
        t->kv->is_full = true;
    return failure(t->kv, r, "writing");
}

enum err kv_put(struct kv_txn *t, kv_table table, struct span key,
                struct span value)
{
    MDB_val v = val(value);

    return put(t, table, key, &v, 0);
}

enum err kv_append(struct kv_txn *t, kv_table table, struct span key,
                   struct span value)
{
    MDB_val v = val(value);

    return put(t, table, key, &v, MDB_APPEND);
}

enum err kv_reserve(struct kv_txn *t, kv_table table, struct span key, size_t n,
                    uint8_t **value)
{
    MDB_val  v = { n, NULL };
    enum err e = put(t, table, key, &v, MDB_RESERVE);

    *value = v.mv_data;
    return e;
}

enum err kv_del(struct kv_txn *t, kv_table table, struct span key)
{
    MDB_val k = key_val(key);

    int r = GUARDED(t->kv, mdb_del(t->txn, t->kv->tables[table], &k, NULL));

    return failure(t->kv, r, "deleting");
}

/* ---- cursors ---- */

enum err kv_cursor_open(struct kv_cursor **out, struct kv_txn *t,
                        kv_table table)
{
    struct kv_cursor *c = calloc(1, sizeof *c);
    int               r;

    must(c);
    c->kv = t->kv;
    r     = mdb_cursor_open(t->txn, t->kv->tables[table], &c->cursor);
    if (r != 0) {
        free(c);
        return failure(t->kv, r, "opening a cursor");
    }
    *out = c;
    return OK;
}

void kv_cursor_close(struct kv_cursor *c)
{
    if (!c)
        return;
    mdb_cursor_close(c->cursor);
    free(c);
}

static enum err move(struct kv_cursor *c, MDB_cursor_op op, struct span *k,
                     struct span *v)
{
    MDB_val key = val(*k), value;
    int     r   = GUARDED(c->kv, mdb_cursor_get(c->cursor, &key, &value, op));

    if (r == 0) {
        *k = span(key);
        *v = span(value);
    }
    return failure(c->kv, r, "reading");
}

enum err kv_seek(struct kv_cursor *c, struct span key, struct span *k,
                 struct span *v)
{
    *k = key;
    return move(c, key.n ? MDB_SET_RANGE : MDB_FIRST, k, v);
}

enum err kv_next(struct kv_cursor *c, struct span *k, struct span *v)
{
    return move(c, MDB_NEXT, k, v);
}

enum err kv_prev(struct kv_cursor *c, struct span *k, struct span *v)
{
    return move(c, MDB_PREV, k, v);
}

enum err kv_last(struct kv_cursor *c, struct span *k, struct span *v)
{
    return move(c, MDB_LAST, k, v);
}
