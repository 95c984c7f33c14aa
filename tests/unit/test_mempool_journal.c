/* The mempool's journal: what it holds after each kind of end. */
#include "test.h"

#include "crypto/hash.h"
#include "loops.h"
#include "mempool/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char            dir[64];
static struct loop    *loop;
static struct journal *journal;

/* What opening found, in words. */
static char       found[1 << 16];
static struct buf words;
static uint64_t   want;
static enum err   failure;

static void on_tx(void *ctx, const struct journal_tx *t)
{
    UNUSED(ctx);
    buf_printf(&words, "tx %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " ",
               t->seq, t->origin, t->height, t->gas);
    buf_add(&words, SPAN(t->bytes.p, t->bytes.n < 8 ? t->bytes.n : 8));
    buf_str(&words, "\n");
}

static void on_block(void *ctx, const struct journal_block *b)
{
    UNUSED(ctx);
    buf_printf(&words, "block %" PRId64 " %" PRId64 " %" PRId64, b->height,
               b->max_bytes, b->max_gas);
    for (size_t i = 0; i < b->n; i++)
        buf_printf(&words, " %c%d", b->txs[i * JOURNAL_BLOCK_TX_BYTES],
                   b->txs[i * JOURNAL_BLOCK_TX_BYTES + HASH_BYTES]);
    buf_str(&words, "\n");
}

static void on_drop(void *ctx, const uint8_t key[HASH_BYTES], bool uncache)
{
    UNUSED(ctx);
    buf_printf(&words, "drop %c %d\n", key[0], uncache);
}

static void on_clear(void *ctx)
{
    UNUSED(ctx);
    buf_str(&words, "clear\n");
}

static void on_durable(void *ctx)
{
    UNUSED(ctx);
    if (journal_durable(journal) >= want)
        loop_stop(loop);
}

static void on_failed(void *ctx, enum err e)
{
    UNUSED(ctx);
    failure = e;
    loop_stop(loop);
}

static const struct journal_fns fns = { on_tx,    on_block,   on_drop,
                                        on_clear, on_durable, on_failed };

static enum err open_it(size_t segment_bytes)
{
    buf_use(&words, found, sizeof found);
    return journal_open(&journal, loop, dir, segment_bytes, &fns, NULL);
}

static void setup(size_t segment_bytes)
{
    snprintf(dir, sizeof dir, "/tmp/warren-journal-XXXXXX");
    must(mkdtemp(dir) != NULL);
    loop    = loop_new();
    failure = OK;
    must(open_it(segment_bytes) == OK);
}

static const char *path_of(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void remove_all(void)
{
    DIR           *d = opendir(dir);
    struct dirent *f;

    while ((f = readdir(d)))
        unlink(path_of(f->d_name));
    closedir(d);
    rmdir(dir);
}

static void teardown(void)
{
    loop_free(loop);
    remove_all();
}

/* Until all that was added is on disk. */
static bool settle(void)
{
    want = journal_mark(journal);
    return journal_durable(journal) >= want || run_for(loop, LONG_MS);
}

static uint32_t add(uint64_t seq, const char *text)
{
    return journal_add_tx(journal,
                          &(struct journal_tx){ .seq    = seq,
                                                .origin = seq + 100,
                                                .height = 7,
                                                .gas    = -1,
                                                .bytes  = span_str(text) });
}

static uint32_t add_synced(uint64_t seq, const char *text)
{
    uint32_t segment = add(seq, text);

    must(settle());
    return segment;
}

static const char forty[] = "0123456789012345678901234567890123456789";

static void add_block(int64_t height, const char *keys)
{
    uint8_t txs[16 * JOURNAL_BLOCK_TX_BYTES];
    size_t  n = strlen(keys);

    for (size_t i = 0; i < n; i++) {
        memset(txs + i * JOURNAL_BLOCK_TX_BYTES, keys[i], HASH_BYTES);
        txs[i * JOURNAL_BLOCK_TX_BYTES + HASH_BYTES] = i == 0;
    }
    journal_add_block(journal, &(struct journal_block){ .height    = height,
                                                        .max_bytes = 1000,
                                                        .max_gas   = -1,
                                                        .n         = n,
                                                        .txs       = txs });
}

static size_t segment_files(void)
{
    DIR           *d = opendir(dir);
    struct dirent *f;
    size_t         n = 0;

    while ((f = readdir(d)))
        n += strstr(f->d_name, ".log") != NULL;
    closedir(d);
    return n;
}

static const char everything[] = "tx 1 101 7 -1 a=1\n"
                                 "tx 2 102 7 -1 \n"
                                 "block 8 1000 -1 a1 b0\n"
                                 "drop c 1\n"
                                 "drop d 0\n"
                                 "clear\n";

static void write_everything(void)
{
    uint8_t key[HASH_BYTES];

    add(1, "a=1");
    add(2, "");
    add_block(8, "ab");
    memset(key, 'c', sizeof key);
    journal_add_drop(journal, key, true);
    memset(key, 'd', sizeof key);
    journal_add_drop(journal, key, false);
    journal_add_clear(journal);
}

TEST(what_was_added_is_found_again)
{
    setup(0);
    write_everything();
    CHECK_STR(found, "", "nothing at first");
    CHECK(settle(), "on disk");
    CHECK_EQ(journal_waiting(journal), 0);
    journal_close(journal);
    CHECK_EQ(open_it(0), OK);
    CHECK_STR(buf_cstr(&words), everything);
    journal_close(journal);
    teardown();
}

TEST(closing_writes_what_still_waits)
{
    setup(0);
    write_everything();
    journal_close(journal);
    CHECK_EQ(open_it(0), OK);
    CHECK_STR(buf_cstr(&words), everything);
    journal_close(journal);
    teardown();
}

TEST(a_mark_is_passed_only_when_it_is_on_disk)
{
    setup(0);
    CHECK_EQ(journal_mark(journal), 0);
    add(1, "a=1");
    CHECK_EQ(journal_mark(journal), 1);
    CHECK_EQ(journal_durable(journal), 0);
    CHECK(journal_waiting(journal) > 0);
    CHECK(settle());
    CHECK_EQ(journal_durable(journal), 1);
    journal_close(journal);
    teardown();
}

TEST(a_second_process_is_kept_out)
{
    struct journal *first;

    setup(0);
    first = journal;
    CHECK_EQ(open_it(0), ERR_BUSY);
    journal_close(first);
    CHECK_EQ(open_it(0), OK, "free again");
    journal_close(journal);
    teardown();
}

/* ---- damage ---- */

static size_t size_of_first(void)
{
    struct stat st;

    must(stat(path_of("00000001.log"), &st) == 0);
    return (size_t)st.st_size;
}

static void cut_first(size_t size)
{
    must(truncate(path_of("00000001.log"), (off_t)size) == 0);
}

TEST(a_torn_tail_is_cut_wherever_it_was_torn)
{
    size_t whole, one;

    setup(0);
    add_synced(1, "a=1");
    one = size_of_first();
    add_synced(2, "b=2");
    journal_close(journal);
    whole = size_of_first();
    for (size_t size = whole - 1; size > one; size--) {
        cut_first(size);
        CHECK_EQ(open_it(0), OK, "%zu bytes", size);
        CHECK_STR(buf_cstr(&words), "tx 1 101 7 -1 a=1\n", "%zu bytes", size);
        CHECK_EQ(size_of_first(), one, "%zu bytes: cut", size);
        add_synced(2, "b=2");
        journal_close(journal);
    }
    CHECK_EQ(open_it(0), OK);
    CHECK_STR(buf_cstr(&words), "tx 1 101 7 -1 a=1\ntx 2 102 7 -1 b=2\n",
              "appended behind the cut");
    journal_close(journal);
    teardown();
}

static void flip(const char *name, off_t at)
{
    uint8_t b;
    int     fd = open(path_of(name), O_RDWR);

    must(fd >= 0 && pread(fd, &b, 1, at) == 1);
    b ^= 1;
    must(pwrite(fd, &b, 1, at) == 1);
    close(fd);
}

TEST(damage_before_the_last_segment_is_refused)
{
    setup(64);
    for (uint64_t i = 1; i <= 6; i++)
        add_synced(i, forty);
    journal_close(journal);
    CHECK(segment_files() >= 5, "several segments");
    flip("00000002.log", 20);
    CHECK_EQ(open_it(64), ERR_CORRUPT, "a flipped bit");
    flip("00000002.log", 20);
    CHECK_EQ(open_it(64), OK, "flipped back");
    journal_close(journal);
    must(unlink(path_of("00000003.log")) == 0);
    CHECK_EQ(open_it(64), ERR_CORRUPT, "a missing file");
    teardown();
}

/* A kill in the middle of a segment's last bytes finds the next one made. */
TEST(a_torn_tail_before_an_empty_segment_is_cut)
{
    setup(64);
    for (uint64_t i = 1; i <= 2; i++)
        add_synced(i, forty);
    journal_close(journal);
    CHECK_EQ(segment_files(), 3, "the last one is empty");
    flip("00000002.log", 20);
    CHECK_EQ(open_it(64), OK, "cut");
    CHECK_STR(buf_cstr(&words), "tx 1 101 7 -1 01234567\n");
    journal_adopt(journal, 1, 40);
    add_synced(3, "c=3");
    journal_close(journal);
    CHECK_EQ(open_it(64), OK);
    CHECK_STR(buf_cstr(&words), "tx 1 101 7 -1 01234567\ntx 3 103 7 -1 c=3\n",
              "and appended behind it");
    journal_close(journal);
    cut_first(30);
    CHECK_EQ(open_it(64), ERR_CORRUPT, "not with more behind");
    teardown();
}

TEST(a_disk_that_fails_is_told_once_and_promises_nothing)
{
    struct rlimit was, small;

    setup(0);
    signal(SIGXFSZ, SIG_IGN);
    must(getrlimit(RLIMIT_FSIZE, &was) == 0);
    small          = was;
    small.rlim_cur = 20;
    must(setrlimit(RLIMIT_FSIZE, &small) == 0);
    add(1, "a=1");
    (void)settle();
    must(setrlimit(RLIMIT_FSIZE, &was) == 0);
    CHECK_EQ(failure, ERR_DISK);
    CHECK_EQ(journal_durable(journal), 0);
    journal_close(journal);
    teardown();
}

/* ---- segments ---- */

TEST(segments_go_when_nothing_in_them_waits)
{
    uint32_t at[20];

    setup(200);
    for (uint64_t i = 0; i < 20; i++)
        at[i] = add_synced(i, forty);
    CHECK(segment_files() > 6, "several");
    CHECK_EQ(at[0], 1, "numbered from 1");
    CHECK(at[19] > 6, "and up");
    for (uint64_t i = 0; i < 20; i++)
        journal_release(journal, at[i], 40);
    add_block(9, "");
    must(settle());
    CHECK_EQ(segment_files(), 2, "the last ones stay");
    journal_close(journal);
    CHECK_EQ(open_it(200), OK);
    CHECK(strstr(buf_cstr(&words), "block 9 1000 -1\n") != NULL,
          "with the height");
    journal_close(journal);
    teardown();
}

TEST(a_segment_stays_until_what_replaces_it_is_on_disk)
{
    uint32_t first;

    setup(100);
    first = add_synced(1, forty);
    for (uint64_t i = 2; i <= 8; i++) {
        uint32_t s = add_synced(i, forty);

        journal_release(journal, s, 40);
    }
    CHECK_EQ(journal_crowded(journal), first, "little of it matters");
    add(1, forty);
    journal_release(journal, first, 40);
    CHECK(access(dir, F_OK) == 0);
    CHECK(access(path_of("00000001.log"), F_OK) == 0, "not synced: it stays");
    must(settle());
    CHECK(access(path_of("00000001.log"), F_OK) != 0, "synced: it is gone");
    CHECK_EQ(journal_crowded(journal), 0, "enough room now");
    journal_close(journal);
    CHECK_EQ(open_it(100), OK);
    CHECK(strstr(buf_cstr(&words), "tx 1 ") != NULL, "found again");
    journal_close(journal);
    teardown();
}

TEST(a_new_segment_begins_with_the_height)
{
    setup(100);
    add_block(5, "");
    for (uint64_t i = 1; i <= 12; i++) {
        uint32_t s = add_synced(i, forty);

        journal_release(journal, s, 40);
    }
    must(settle());
    journal_close(journal);
    CHECK_EQ(segment_files(), 2);
    CHECK_EQ(open_it(100), OK);
    CHECK(strncmp(buf_cstr(&words), "block 5 1000 -1\n", 16) == 0);
    journal_close(journal);
    teardown();
}
