#include "base/files.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/warren-files-XXXXXX", path[64];

static void set_up(void)
{
    memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
    must(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/file", dir);
}

static void clean_up(void)
{
    unlink(path);
    CHECK_EQ(rmdir(dir), 0, "nothing else is left");
}

TEST(a_file_is_replaced_and_read_back)
{
    struct buf  b;
    struct stat st;
    static char large[300000];

    set_up();
    buf_init(&b, 1 << 20);
    memset(large, 'x', sizeof large);
    CHECK_EQ(file_read(&b, path, 10), ERR_NOT_FOUND);
    CHECK_EQ(file_replace(path, SPAN_OF(large), 0644), OK);
    CHECK_EQ(file_replace(path, span_str("second"), 0600), OK);
    CHECK_EQ(file_read(&b, path, 6), OK);
    CHECK_BYTES(buf_span(&b), span_str("second"));
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_EQ(file_replace(path, SPAN_OF(large), 0600), OK);
    buf_clear(&b);
    CHECK_EQ(file_read(&b, path, sizeof large), OK);
    CHECK_BYTES(buf_span(&b), SPAN_OF(large));
    buf_clear(&b);
    CHECK_EQ(file_read(&b, path, sizeof large - 1), ERR_CORRUPT);
    buf_fini(&b);
    clean_up();
}

TEST(a_secret_that_others_may_read_is_refused)
{
    static const mode_t bad[] = { 0644, 0640, 0604, 0610, 0666 };
    struct buf          b;

    set_up();
    buf_init(&b, 1 << 20);
    must(file_replace(path, span_str("key"), 0600) == OK);
    CHECK_EQ(file_read_secret(&b, path, 100), OK);
    must(chmod(path, 0400) == 0);
    CHECK_EQ(file_read_secret(&b, path, 100), OK);
    for (size_t i = 0; i < COUNT(bad); i++) {
        must(chmod(path, bad[i]) == 0);
        CHECK_EQ(file_read_secret(&b, path, 100), ERR_KEY, "%04o",
                 (unsigned)bad[i]);
    }
    buf_fini(&b);
    clean_up();
}

TEST(what_cannot_be_replaced_stays)
{
    char below[96];

    set_up();
    must(file_replace(path, span_str("old"), 0600) == OK);
    snprintf(below, sizeof below, "%s/x", path);
    CHECK_EQ(file_replace(below, span_str("new"), 0600), ERR_DISK);
    clean_up();
}

static void check_is(const char *at, const char *want)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    CHECK_EQ(file_read(&b, at, 100), OK);
    CHECK_BYTES(buf_span(&b), span_str(want));
    buf_fini(&b);
}

TEST(a_file_is_swapped_with_the_one_before_it)
{
    char        old[80], copy[80];
    struct stat st, before;

    set_up();
    snprintf(old, sizeof old, "%s.old", path);
    snprintf(copy, sizeof copy, "%s.copy", path);
    CHECK_EQ(file_swap(path, span_str("first"), 0600), OK, "there was none");
    check_is(path, "first");
    CHECK_EQ(file_swap(path, span_str("second, longer"), 0600), OK);
    check_is(path, "second, longer");
    check_is(old, "first");
    must(stat(old, &before) == 0);
    CHECK_EQ(file_swap(path, span_str("3"), 0600), OK);
    check_is(path, "3");
    check_is(old, "second, longer");
    must(stat(path, &st) == 0);
    CHECK(st.st_ino == before.st_ino && (st.st_mode & 0777) == 0600);

    must(link(old, copy) == 0);
    CHECK_EQ(file_swap(path, span_str("4"), 0600), OK);
    check_is(copy, "second, longer");
    must(unlink(old) == 0 && symlink(copy, old) == 0);
    CHECK_EQ(file_swap(path, span_str("5"), 0600), OK);
    check_is(path, "5");
    check_is(copy, "second, longer");
    must(unlink(old) == 0 && mkfifo(old, 0600) == 0);
    CHECK_EQ(file_swap(path, span_str("6"), 0600), OK);
    check_is(path, "6");
    check_is(old, "5");

    must(unlink(old) == 0 && mkdir(old, 0700) == 0);
    CHECK_EQ(file_swap(path, span_str("7"), 0600), ERR_DISK);
    check_is(path, "6");
    must(rmdir(old) == 0 && unlink(copy) == 0);
    clean_up();
}

TEST(a_new_file_replaces_nothing)
{
    struct buf  b;
    struct stat st;
    bool        is_new = false;

    set_up();
    buf_init(&b, 1 << 20);
    CHECK_EQ(file_create(path, span_str("first"), 0600, &is_new), OK);
    CHECK(is_new && stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_EQ(file_create(path, span_str("second"), 0644, &is_new), OK);
    CHECK(!is_new);
    CHECK_EQ(file_read(&b, path, 100), OK);
    CHECK_BYTES(buf_span(&b), span_str("first"));
    CHECK_EQ(file_create("/nonexistent/x", span_str(""), 0600, &is_new),
             ERR_DISK);
    buf_fini(&b);
    clean_up();
}
