#include "consensus/wal.h"

#include "base/limits.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], head[96];

static void fresh_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/warren-wal-XXXXXX");
    must(mkdtemp(dir));
    snprintf(head, sizeof head, "%s/cs.wal/wal", dir);
}

static void remove_dir(void)
{
    char cmd[128];

    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    must(system(cmd) == 0);
}

static struct wal *open_wal(void)
{
    struct wal *w = NULL;

    CHECK_EQ(wal_open(&w, head), OK);
    must(w);
    return w;
}

static void put_timeout(struct wal *w, int64_t height)
{
    struct wal_timeout   t    = { .duration = 5, .height = height, .step = 3 };
    struct wal_msg       body = { .which = WAL_TIMEOUT, .timeout_info = &t };
    struct timed_wal_msg m    = { .time = { 1700000000, 1 }, .msg = &body };

    CHECK_EQ(wal_append(w, &m, &test_arena), OK);
}

/* Ours, or of a peer. */
static void put_vote(struct wal *w, bool is_own)
{
    static const uint8_t address[ADDRESS_BYTES], signature[64] = { 1 };
    struct vote          v    = { .type              = TYPE_PREVOTE,
                                  .height            = 1,
                                  .timestamp         = { 1700000000, 1 },
                                  .validator_address = SPAN_OF(address),
                                  .signature         = SPAN_OF(signature) };
    struct vote_msg      vote = { &v };
    struct wal_msg_info  info = { .msg = { .which = CONSENSUS_VOTE } };
    struct wal_msg       body = { .which = WAL_MSG_INFO, .msg_info = &info };
    struct timed_wal_msg m    = { .time = { 1700000000, 1 }, .msg = &body };

    info.msg.vote = &vote;
    if (!is_own)
        info.peer_id = span_str("0102030405060708090a0b0c0d0e0f1011121314");
    CHECK_EQ(wal_append(w, &m, &test_arena), OK);
}

static void put_end(struct wal *w, int64_t height)
{
    CHECK_EQ(wal_append_end_height(w, (struct stamp){ 1700000000, 0 }, height,
                                   &test_arena),
             OK);
}

/* Records behind EndHeight(ended): their number; -1 none such, -2 refused. */
static int count_behind(struct wal *w, int64_t ended)
{
    struct wal_replay   *r;
    struct timed_wal_msg m;
    enum err             e = wal_replay_open(&r, w, ended, NULL);
    int                  n = 0;

    if (e)
        return -2;
    if (!r)
        return -1;
    while (wal_replay_next(r, &m, &test_arena, &e))
        n++;
    wal_replay_close(r);
    return e ? -2 : n;
}

/* The highest end of a height, while the records behind `ended` are looked
 * for; found says whether there are any. */
static int64_t highest_seen(struct wal *w, int64_t ended, bool found)
{
    struct wal_replay *r;
    int64_t            highest;

    CHECK_EQ(wal_replay_open(&r, w, ended, &highest), OK);
    CHECK_EQ(r != NULL, found);
    wal_replay_close(r);
    return highest;
}

static long head_size(void)
{
    struct stat st;

    return stat(head, &st) == 0 ? (long)st.st_size : -1;
}

static void flip(long at)
{
    FILE *f = fopen(head, "r+");
    int   c;

    must(f && fseek(f, at, SEEK_SET) == 0 && (c = fgetc(f)) != EOF);
    must(fseek(f, at, SEEK_SET) == 0 && fputc(c ^ 1, f) != EOF);
    fclose(f);
}

TEST(a_new_log_begins_with_the_end_of_height_0)
{
    struct wal *w;

    fresh_dir();
    w = open_wal();
    CHECK(wal_is_synced(w));
    CHECK_EQ(count_behind(w, 0), 0);
    CHECK_EQ(count_behind(w, 1), -1, "height 1 has not ended");
    wal_close(w);
    remove_dir();
}

TEST(records_come_back_behind_their_height)
{
    struct wal *w;

    fresh_dir();
    w = open_wal();
    put_timeout(w, 1);
    put_timeout(w, 1);
    put_end(w, 1);
    put_timeout(w, 2);
    CHECK(!wal_is_synced(w));
    CHECK_EQ(wal_sync(w), OK);
    CHECK(wal_is_synced(w));
    wal_close(w);
    w = open_wal();
    CHECK_EQ(count_behind(w, 1), 1);
    put_timeout(w, 2);
    CHECK_EQ(wal_sync(w), OK);
    CHECK_EQ(count_behind(w, 1), 2);
    CHECK_EQ(count_behind(w, 0), -2, "height 1 ended: the store is behind");
    CHECK_EQ(highest_seen(w, 0, true), 1, "or so much is told");
    CHECK_EQ(highest_seen(w, 1, true), 1);
    CHECK_EQ(highest_seen(w, 2, false), 1);
    CHECK_EQ(count_behind(w, 2), -1);
    wal_close(w);
    remove_dir();
}

TEST(what_was_not_synced_may_be_lost_but_no_more)
{
    struct wal *w;

    fresh_dir();
    w = open_wal();
    put_timeout(w, 1);
    CHECK_EQ(wal_sync(w), OK);
    put_timeout(w, 1);
    wal_close(w); /* as if killed */
    w = open_wal();
    CHECK_EQ(count_behind(w, 0), 1);
    wal_close(w);
    remove_dir();
}

TEST(a_torn_tail_is_cut_at_any_byte)
{
    long whole, all;

    for (int cut = 1;; cut++) {
        struct wal *w;

        fresh_dir();
        w = open_wal();
        put_timeout(w, 1);
        CHECK_EQ(wal_sync(w), OK);
        whole = head_size();
        put_timeout(w, 1);
        CHECK_EQ(wal_sync(w), OK);
        all = head_size();
        wal_close(w);
        must(truncate(head, all - cut) == 0);
        w = open_wal();
        CHECK_EQ(count_behind(w, 0), 1, "cut by %d", cut);
        CHECK_EQ(head_size(), whole, "cut by %d", cut);
        put_timeout(w, 1);
        CHECK_EQ(wal_sync(w), OK);
        CHECK_EQ(count_behind(w, 0), 2, "written on, cut by %d", cut);
        wal_close(w);
        remove_dir();
        if (cut == all - whole - 1)
            break;
    }
}

TEST(a_zero_filled_tail_is_cut)
{
    struct wal *w;
    long        whole;

    fresh_dir();
    w = open_wal();
    put_timeout(w, 1);
    CHECK_EQ(wal_sync(w), OK);
    wal_close(w);
    whole = head_size();
    must(truncate(head, whole + 5000) == 0);
    w = open_wal();
    CHECK_EQ(head_size(), whole);
    CHECK_EQ(count_behind(w, 0), 1);
    wal_close(w);
    remove_dir();
}

/* Of what was not synced a power cut leaves any pages. */
TEST(a_hole_behind_the_last_vote_of_ours_is_cut)
{
    struct wal *w;
    long        whole, hole;

    fresh_dir();
    w = open_wal();
    put_vote(w, true);
    CHECK_EQ(wal_sync(w), OK);
    whole = head_size();
    put_vote(w, false);
    CHECK_EQ(wal_sync(w), OK);
    hole = head_size() - 1;
    put_vote(w, false);
    put_end(w, 1);
    CHECK_EQ(wal_sync(w), OK);
    wal_close(w);
    flip(hole);
    w = open_wal();
    CHECK_EQ(head_size(), whole);
    CHECK_EQ(count_behind(w, 0), 1);
    wal_close(w);
    remove_dir();
}

TEST(a_record_can_be_taken_back_until_it_is_in_the_file)
{
    struct wal *w;

    fresh_dir();
    w = open_wal();
    put_vote(w, false);
    wal_take_back(w);
    CHECK(wal_is_synced(w), "as if nothing had been");
    put_timeout(w, 1);
    put_vote(w, false);
    wal_take_back(w);
    wal_take_back(w);
    CHECK(!wal_is_synced(w));
    CHECK_EQ(wal_sync(w), OK);
    CHECK_EQ(count_behind(w, 0), 1, "only the last one went");
    put_timeout(w, 1);
    CHECK_EQ(wal_flush(w), OK);
    wal_take_back(w);
    CHECK_EQ(wal_sync(w), OK);
    CHECK_EQ(count_behind(w, 0), 2);
    wal_close(w);
    remove_dir();
}

TEST(damage_before_a_vote_of_ours_is_refused)
{
    struct wal *w;
    long        end, last;

    fresh_dir();
    w = open_wal();
    for (int i = 0; i < 3; i++)
        put_timeout(w, 1);
    CHECK_EQ(wal_sync(w), OK);
    end = head_size();
    put_vote(w, true);
    CHECK_EQ(wal_sync(w), OK);
    last = head_size();
    wal_close(w);
    for (long at = 0; at < last; at++) {
        struct wal *again = NULL;

        flip(at);
        if (at < end) {
            CHECK_EQ(wal_open(&again, head), ERR_CORRUPT, "byte %ld", at);
            CHECK_EQ(head_size(), last, "nothing is touched");
        }
        flip(at);
    }
    w = open_wal();
    CHECK_EQ(count_behind(w, 0), 4);
    wal_close(w);
    remove_dir();
}

TEST(full_heads_become_numbered_files)
{
    struct wal *w;
    char        name[128];

    fresh_dir();
    w = open_wal();
    wal_set_limits(w, 200, 1 << 20);
    put_end(w, 1);
    for (int i = 0; i < 50; i++)
        put_timeout(w, 2);
    CHECK_EQ(wal_sync(w), OK);
    snprintf(name, sizeof name, "%s.000", head);
    CHECK_EQ(access(name, F_OK), 0);
    CHECK(head_size() < 200);
    wal_close(w);
    w = open_wal();
    CHECK_EQ(count_behind(w, 1), 50, "across files");
    CHECK_EQ(count_behind(w, 0), -2);
    put_end(w, 2);
    CHECK_EQ(count_behind(w, 2), -1, "not flushed yet");
    CHECK_EQ(wal_sync(w), OK);
    CHECK_EQ(count_behind(w, 2), 0);
    wal_close(w);
    remove_dir();
}

TEST(the_oldest_files_go_once_their_height_has_ended)
{
    struct wal *w;
    char        name[128];

    fresh_dir();
    w = open_wal();
    wal_set_limits(w, 200, 1000);
    for (int i = 0; i < 200; i++)
        put_timeout(w, 1);
    snprintf(name, sizeof name, "%s.000", head);
    CHECK_EQ(access(name, F_OK), 0, "we may be locked since then");
    CHECK_EQ(wal_sync(w), OK);
    CHECK_EQ(count_behind(w, 0), 200);
    put_end(w, 1);
    for (int i = 0; i < 200; i++)
        put_timeout(w, 2);
    CHECK_EQ(wal_sync(w), OK);
    CHECK(access(name, F_OK) != 0);
    wal_close(w);
    w = open_wal();
    CHECK_EQ(count_behind(w, 1), 200);
    wal_close(w);
    remove_dir();
}

/* The height that is open stays whole; of those before it little is kept. */
TEST(what_no_replay_reads_goes_first)
{
    struct wal *w;
    char        name[128];
    size_t      n = 0;

    fresh_dir();
    w = open_wal();
    wal_set_limits(w, 200, 16000);
    for (int h = 1; h <= 50; h++) {
        put_end(w, h);
        for (int i = 0; i < 5; i++)
            put_timeout(w, h + 1);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%s.%03d", head, i);
        n += access(name, F_OK) == 0;
    }
    CHECK(n >= 2 && n <= 9, "about 1,000 bytes, and what is behind them");
    for (int i = 0; i < 95; i++)
        put_timeout(w, 51);
    CHECK_EQ(wal_sync(w), OK);
    CHECK_EQ(count_behind(w, 50), 100);
    wal_close(w);
    w = open_wal();
    CHECK_EQ(count_behind(w, 50), 100);
    wal_close(w);
    remove_dir();
}

TEST(an_oversized_message_is_refused_alone)
{
    static uint8_t         big[WAL_RECORD_BYTES_MAX];
    struct wal_round_state s    = { .height = 1, .step = SPAN_OF(big) };
    struct wal_msg         body = { .which                  = WAL_ROUND_STATE,
                                    .event_data_round_state = &s };
    struct timed_wal_msg   m    = { .time = { 1700000000, 1 }, .msg = &body };
    struct wal            *w;

    memset(big, 'x', sizeof big);
    fresh_dir();
    w = open_wal();
    CHECK_EQ(wal_append(w, &m, &test_arena), ERR_BUSY);
    s.step.n -= 64;
    CHECK_EQ(wal_append(w, &m, &test_arena), OK, "longer than the buffer");
    put_timeout(w, 1);
    CHECK_EQ(wal_sync(w), OK);
    CHECK_EQ(count_behind(w, 0), 2);
    wal_close(w);
    remove_dir();
}

/* ---- CometBFT's own files ---- */

static void write_head(struct span bytes)
{
    char  name[96];
    FILE *f;

    snprintf(name, sizeof name, "%s/cs.wal", dir);
    must(mkdir(name, 0700) == 0);
    f = fopen(head, "w");
    must(f && fwrite(bytes.p, 1, bytes.n, f) == bytes.n);
    fclose(f);
}

/* The highest height that CometBFT finds the end of, or -1. */
static int64_t highest_found(const json_t *c)
{
    int64_t best = -1;

    for (int h = 0; h < 10; h++) {
        char          key[32];
        const json_t *v;

        snprintf(key, sizeof key, "end_height_%d", h);
        v = json_object_get(json_object_get(c, "search"), key);
        if (v && strcmp(json_string_value(v), "found") == 0)
            best = h;
    }
    return best;
}

/* Whole: as CometBFT.  Damaged: it stops, or skips what it cannot read; here
 * the end is cut, and damage before whole records is refused. */
static void check_file(const json_t *c)
{
    const char *name  = vec_str(c, "name");
    struct span bytes = vec_hex(c, "bytes", &test_arena);
    struct wal *w     = NULL;
    int64_t     best  = highest_found(c);
    enum err    e;

    fresh_dir();
    write_head(bytes);
    e = wal_open(&w, head);
    if (e == OK) {
        CHECK(bytes.n == 0 || head_size() <= (long)bytes.n, "%s", name);
        if (best >= 0)
            CHECK(count_behind(w, best) >= 0, "%s", name);
        CHECK_EQ(count_behind(w, 10), -1, "%s", name);
        wal_close(w);
    } else {
        CHECK_EQ(e, ERR_CORRUPT, "%s", name);
        CHECK(!vec_bool(c, "ok"), "%s", name);
    }
    if (vec_bool(c, "ok"))
        CHECK(bytes.n == 0 || head_size() >= (long)bytes.n - 3, "%s", name);
    remove_dir();
}

TEST(files_of_the_vectors_are_read_cut_or_refused)
{
    json_t *cases = vectors_open("wal");
    json_t *c;
    size_t  i;
    int     files = 0;

    json_array_foreach(cases, i, c)
    {
        if (strcmp(vec_str(c, "kind"), "file") != 0)
            continue;
        files++;
        check_file(c);
    }
    CHECK_EQ(files, 33);
    json_decref(cases);
}
