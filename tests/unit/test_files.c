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
