/* Tables on disk: what is committed stays, what is not goes, and a full or
 * damaged disk is an error, never a signal. */
#include "test.h"

#include "kv/kv.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { A, B };
static const char *const names[] = { "a", "b" };
static char              dir[64];

static void dir_make(void)
{
    snprintf(dir, sizeof dir, "/tmp/test_kv.XXXXXX");
    must(mkdtemp(dir));
}

static void dir_remove(void)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    must(system(command) == 0);
}

static struct kv *open_kv(void)
{
    struct kv *kv = NULL;

    CHECK_EQ(kv_open(&kv, dir, names, COUNT(names), KV_SYNC), OK);
    return kv;
}

static void put_one(struct kv *kv, kv_table t, const char *k, const char *v)
{
    struct kv_txn *w;

    CHECK_EQ(kv_write(&w, kv), OK);
    CHECK_EQ(kv_put(w, t, span_str(k), span_str(v)), OK);
    CHECK_EQ(kv_commit(w), OK);
}

static void check_one(struct kv *kv, kv_table t, const char *k, const char *v)
{
    struct kv_txn *r;
    struct span    got = { 0 };

    CHECK_EQ(kv_read(&r, kv), OK);
    CHECK_EQ(kv_get(r, t, span_str(k), &got), v ? OK : ERR_NOT_FOUND);
    if (v)
        CHECK_BYTES(got, span_str(v));
    kv_abort(r);
}

TEST(committed_values_are_there_after_reopening)
{
    struct kv     *kv;
    struct kv_txn *w;

    dir_make();
    kv = open_kv();
    put_one(kv, A, "k", "first");
    put_one(kv, A, "k", "second");
    put_one(kv, B, "k", "other table");
    CHECK_EQ(kv_write(&w, kv), OK);
    CHECK_EQ(kv_put(w, A, span_str("lost"), span_str("x")), OK);
    kv_abort(w);
    kv_close(kv);
    kv = open_kv();
    check_one(kv, A, "k", "second");
    check_one(kv, B, "k", "other table");
    check_one(kv, A, "lost", NULL);
    CHECK_EQ(kv_write(&w, kv), OK);
    CHECK_EQ(kv_del(w, A, span_str("k")), OK);
    CHECK_EQ(kv_del(w, A, span_str("k")), ERR_NOT_FOUND);
    CHECK_EQ(kv_commit(w), OK);
    check_one(kv, A, "k", NULL);
    CHECK(kv_disk_bytes(kv) > 0);
    kv_close(kv);
    dir_remove();
}

TEST(cursors_walk_in_the_order_of_bytes)
{
    static const char *const keys[] = { "a", "aa", "b", "b\xff", "c" };
    struct kv               *kv;
    struct kv_txn           *w;
    struct kv_cursor        *c;
    struct span              k, v;

    dir_make();
    kv = open_kv();
    CHECK_EQ(kv_write(&w, kv), OK);
    for (size_t i = 0; i < COUNT(keys); i++)
        CHECK_EQ(kv_append(w, A, span_str(keys[i]), span_str("v")), OK);
    CHECK_EQ(kv_cursor_open(&c, w, A), OK);
    CHECK_EQ(kv_seek(c, SPAN(NULL, 0), &k, &v), OK);
    for (size_t i = 0; i < COUNT(keys); i++) {
        CHECK_BYTES(k, span_str(keys[i]));
        CHECK_EQ(kv_next(c, &k, &v), i + 1 < COUNT(keys) ? OK : ERR_NOT_FOUND);
    }
    CHECK_EQ(kv_seek(c, span_str("ab"), &k, &v), OK);
    CHECK_BYTES(k, span_str("b"));
    CHECK_EQ(kv_prev(c, &k, &v), OK);
    CHECK_BYTES(k, span_str("aa"));
    CHECK_EQ(kv_last(c, &k, &v), OK);
    CHECK_BYTES(k, span_str("c"));
    CHECK_EQ(kv_seek(c, span_str("d"), &k, &v), ERR_NOT_FOUND);
    kv_cursor_close(c);
    CHECK_EQ(kv_commit(w), OK);
    kv_close(kv);
    dir_remove();
}

TEST(readers_see_the_moment_they_began)
{
    struct kv     *kv;
    struct kv_txn *r1, *r2;
    struct span    v;

    dir_make();
    kv = open_kv();
    put_one(kv, A, "k", "old");
    CHECK_EQ(kv_read(&r1, kv), OK);
    put_one(kv, A, "k", "new");
    CHECK_EQ(kv_read(&r2, kv), OK);
    CHECK_EQ(kv_get(r1, A, span_str("k"), &v), OK);
    CHECK_BYTES(v, span_str("old"));
    CHECK_EQ(kv_get(r2, A, span_str("k"), &v), OK);
    CHECK_BYTES(v, span_str("new"));
    kv_abort(r1);
    kv_abort(r2);
    kv_close(kv);
    dir_remove();
}

TEST(reserved_values_are_filled_in_place)
{
    struct kv     *kv;
    struct kv_txn *w;
    uint8_t       *p;
    char           want[3000];

    dir_make();
    kv = open_kv();
    CHECK_EQ(kv_write(&w, kv), OK);
    CHECK_EQ(kv_reserve(w, A, span_str("k"), sizeof want - 1, &p), OK);
    memset(want, 'r', sizeof want - 1);
    want[sizeof want - 1] = 0;
    memcpy(p, want, sizeof want - 1);
    CHECK_EQ(kv_commit(w), OK);
    check_one(kv, A, "k", want);
    kv_close(kv);
    dir_remove();
}

TEST(the_map_grows_by_itself)
{
    struct kv     *kv;
    struct kv_txn *w;
    uint8_t        value[4000] = { 0 };
    int            fulls       = 0;

    dir_make();
    kv = open_kv();
    kv_set_map(kv, 1 << 20);
    for (uint32_t i = 0; i < 20; i++) {
        enum err e = OK;

        CHECK_EQ(kv_write(&w, kv), OK);
        for (uint32_t k = 0; k < 50 && e == OK; k++) {
            uint8_t key[8];

            store_be32(key, i);
            store_be32(key + 4, k);
            e = kv_append(w, A, SPAN_OF(key), SPAN_OF(value));
        }
        if (e == OK)
            e = kv_commit(w);
        else
            kv_abort(w);
        fulls += e != OK;
    }
    CHECK_EQ(fulls, 0, "4 MB of values in a map of 1 MB");
    /* More at once than the map holds: that one fails, the next succeeds. */
    for (int tries = 0; tries < 4; tries++) {
        uint8_t *p;
        enum err e;

        CHECK_EQ(kv_write(&w, kv), OK);
        e = kv_reserve(w, B, span_str("big"), 20 << 20, &p);
        if (e == OK) {
            memset(p, 1, 20 << 20);
            CHECK_EQ(kv_commit(w), OK);
            CHECK(tries > 0);
            kv_close(kv);
            dir_remove();
            return;
        }
        CHECK_EQ(e, ERR_DISK);
        kv_abort(w);
    }
    CHECK(false, "the map never grew");
}

/* ---- trouble ---- */

TEST(a_file_cut_short_is_refused)
{
    struct kv *kv;
    char       path[96];
    uint8_t    big[100000] = { 1 };

    dir_make();
    kv = open_kv();
    struct kv_txn *w;
    CHECK_EQ(kv_write(&w, kv), OK);
    CHECK_EQ(kv_put(w, A, span_str("k"), SPAN_OF(big)), OK);
    CHECK_EQ(kv_commit(w), OK);
    kv_close(kv);
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    CHECK_EQ(truncate(path, 60000), 0);
    CHECK_EQ(kv_open(&kv, dir, names, COUNT(names), KV_SYNC), ERR_CORRUPT);
    CHECK_EQ(truncate(path, 100), 0);
    CHECK_EQ(kv_open(&kv, dir, names, COUNT(names), KV_SYNC), ERR_CORRUPT);
    dir_remove();
}

TEST(a_list_of_tables_that_was_wiped_is_damage_and_no_new_database)
{
    struct kv     *kv;
    struct kv_txn *w;
    char           path[96];
    uint8_t        zero[4000] = { 0 };
    int            fd, said = 0;
    off_t          size;

    dir_make();
    kv = open_kv();
    CHECK_EQ(kv_write(&w, kv), OK);
    CHECK_EQ(kv_put(w, A, span_str("k"), span_str("v")), OK);
    CHECK_EQ(kv_commit(w), OK);
    kv_close(kv);
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    fd   = open(path, O_RDWR);
    size = lseek(fd, 0, SEEK_END);
    for (off_t page = 8192; page < size; page += 4096) {
        uint8_t was[4000];

        CHECK_EQ(pread(fd, was, sizeof was, page + 96), sizeof was);
        CHECK_EQ(pwrite(fd, zero, sizeof zero, page + 96), sizeof zero);
        if (kv_open(&kv, dir, names, COUNT(names), KV_SYNC) == OK)
            kv_close(kv);
        else
            said++;
        CHECK_EQ(pwrite(fd, was, sizeof was, page + 96), sizeof was);
    }
    CHECK(said > 0, "the page that lists the tables was one of them");
    close(fd);
    kv = open_kv();
    CHECK_EQ(kv_read(&w, kv), OK);
    struct span v;
    CHECK_EQ(kv_get(w, A, span_str("k"), &v), OK);
    kv_abort(w);
    kv_close(kv);
    dir_remove();
}

TEST(nonsense_instead_of_a_database_is_refused)
{
    struct kv *kv;
    char       path[96];
    uint8_t    junk[20000];
    int        fd;

    dir_make();
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    memset(junk, 0x5a, sizeof junk);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    CHECK_EQ(write(fd, junk, sizeof junk), sizeof junk);
    close(fd);
    CHECK_EQ(kv_open(&kv, dir, names, COUNT(names), KV_SYNC), ERR_CORRUPT);
    dir_remove();
    CHECK_EQ(kv_open(&kv, "/nonexistent/dir", names, COUNT(names), KV_SYNC),
             ERR_DISK);
}

static bool mount_small(const char *options)
{
    dir_make();
    if (mount("tmpfs", dir, "tmpfs", 0, options) == 0)
        return true;
    dir_remove();
    skip("mounting a small file system needs root");
    return false;
}

static void unmount(void)
{
    CHECK_EQ(umount(dir), 0);
    dir_remove();
}

/* Writes until the disk is full; the count of what was committed. */
static uint32_t fill(struct kv *kv, enum err *last)
{
    static const uint8_t value[50000];
    struct kv_txn       *w;
    uint8_t              key[4];
    uint32_t             n = 0;

    for (*last = OK; *last == OK; n += *last == OK) {
        store_be32(key, n);
        CHECK_EQ(kv_write(&w, kv), OK);
        *last = kv_put(w, A, SPAN_OF(key), SPAN_OF(value));
        if (*last == OK)
            *last = kv_commit(w);
        else
            kv_abort(w);
    }
    return n;
}

TEST(a_disk_that_fills_up_loses_nothing_and_recovers)
{
    struct kv     *kv;
    struct kv_txn *t;
    struct span    v;
    enum err       e;
    uint32_t       n;
    uint8_t        key[4];

    if (!mount_small("size=16m"))
        return;
    kv = open_kv();
    n  = fill(kv, &e);
    CHECK_EQ(e, ERR_DISK);
    CHECK(n > 100, "%u", n);
    CHECK_EQ(kv_read(&t, kv), OK);
    for (uint32_t i = 0; i < n; i++) {
        store_be32(key, i);
        CHECK_EQ(kv_get(t, A, SPAN_OF(key), &v), OK);
    }
    kv_abort(t);
    kv_close(kv);
    CHECK_EQ(kv_open(&kv, dir, names, COUNT(names), KV_SYNC), ERR_DISK,
             "refused at start");
    CHECK_EQ(mount(NULL, dir, NULL, MS_REMOUNT, "size=32m"), 0);
    kv = open_kv();
    put_one(kv, B, "again", "fine");
    kv_close(kv);
    unmount();
}

TEST(a_disk_that_is_full_before_the_start_is_an_error_not_a_signal)
{
    struct kv *kv;
    char       path[96];
    int        fd;

    if (!mount_small("size=1m"))
        return;
    CHECK_EQ(kv_open(&kv, dir, names, COUNT(names), KV_SYNC), ERR_DISK);
    CHECK_EQ(mount(NULL, dir, NULL, MS_REMOUNT, "size=8m"), 0);
    snprintf(path, sizeof path, "%s/filler", dir);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    while (write(fd, path, sizeof path) > 0)
        ;
    close(fd);
    CHECK_EQ(kv_open(&kv, dir, names, COUNT(names), KV_SYNC), ERR_DISK);
    unmount();
}

TEST(a_killed_writer_leaves_what_it_committed)
{
    int        fd[2];
    pid_t      pid;
    uint32_t   acked = 0;
    struct kv *kv;

    dir_make();
    must(pipe(fd) == 0);
    pid = fork();
    if (pid == 0) {
        kv = open_kv();
        for (uint32_t i = 0;; i++) {
            char name[16];

            snprintf(name, sizeof name, "%u", i);
            put_one(kv, A, name, name);
            must(write(fd[1], &i, sizeof i) == sizeof i);
        }
    }
    must(read(fd[0], &acked, sizeof acked) == sizeof acked);
    acked = 1; /* it has begun */
    usleep(100000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fd[1]);
    kv = open_kv();
    for (uint32_t i; read(fd[0], &i, sizeof i) == sizeof i; acked++) {
        char name[16];

        snprintf(name, sizeof name, "%u", i);
        check_one(kv, A, name, name);
    }
    check_one(kv, A, "0", "0");
    close(fd[0]);
    kv_close(kv);
    dir_remove();
}
