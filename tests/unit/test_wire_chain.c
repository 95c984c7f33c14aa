/* Messages that carry votes, blocks and evidence, and the log of them. */
#include "wire_vectors.h"

#include "wire/blocksync.h"
#include "wire/consensus.h"
#include "wire/evidence.h"
#include "wire/walrec.h"

static enum reject validate_consensus(const void *msg, struct arena *a)
{
    UNUSED(a);
    return consensus_msg_validate(msg);
}

TEST(consensus_messages_get_cometbfts_verdicts)
{
    wire_run(&(struct wire_family){ "wire_consensus", "", &consensus_msg_desc,
                                    NULL, validate_consensus });
}

static void check_height(const json_t *c)
{
    struct new_round_step m = {
        .height            = vec_int(c, "height"),
        .last_commit_round = (int32_t)vec_int(c, "last_commit_round"),
    };

    CHECK_EQ(new_round_step_validate_height(&m, vec_int(c, "initial_height")) ==
                 ACCEPT,
             vec_bool(c, "ok"), "%s", vec_str(c, "name"));
}

TEST(a_round_step_fits_the_initial_height)
{
    wire_each("wire_consensus", "validate_height", check_height);
}

static enum reject validate_blocksync(const void *msg, struct arena *a)
{
    return blocksync_msg_validate(msg, a);
}

TEST(blocksync_messages_get_cometbfts_verdicts)
{
    wire_run(&(struct wire_family){ "wire_blocksync", "", &blocksync_msg_desc,
                                    NULL, validate_blocksync });
}

static enum reject validate_evidence(const void *msg, struct arena *a)
{
    return evidence_list_validate(msg, a);
}

TEST(evidence_messages_get_cometbfts_verdicts)
{
    wire_run(&(struct wire_family){ "wire_evidence", "", &evidence_list_desc,
                                    NULL, validate_evidence });
}

/* ---- the write-ahead log ---- */

static void check_record(const json_t *c)
{
    const char          *name = vec_str(c, "name"), *why = "";
    struct span          in = vec_hex(c, "bytes", &test_arena);
    struct wal_reader    r  = { .bytes = in };
    struct timed_wal_msg m;
    const json_t        *time = json_object_get(c, "time");

    if (!CHECK_EQ(wal_next(&r, &m, &test_arena, &why), WAL_RECORD, "%s: %s",
                  name, why))
        return;
    CHECK_EQ(m.time.seconds, vec_int(time, "seconds"), "%s", name);
    CHECK_EQ(m.time.nanos, vec_int(time, "nanos"), "%s", name);
    wire_value_check(&wal_msg_desc, m.msg, json_object_get(c, "message"), name);
    CHECK_BYTES(wal_record_encode(&m, &test_arena), in, "%s: again", name);
    CHECK_EQ(wal_next(&r, &m, &test_arena, &why), WAL_END, "%s", name);
}

TEST(wal_records_are_cometbfts)
{
    wire_each("wal", "record", check_record);
}

static void check_search(const json_t *c, struct span in)
{
    const json_t *search = json_object_get(c, "search"), *v;
    const char   *key;

    json_object_foreach((json_t *)(uintptr_t)search, key, v)
    {
        int64_t           height = key[strlen("end_height_")] - '0', last;
        bool              strict = strstr(key, "_strict") != NULL;
        const char       *text   = json_string_value(v);
        struct wal_reader r      = { .bytes = in };
        enum wal_search   want   = strcmp(text, "found") == 0    ? WAL_FOUND
                                   : strcmp(text, "absent") == 0 ? WAL_ABSENT
                                                                 : WAL_DAMAGED;

        CHECK_EQ(wal_search_end_height(&r, height, !strict, &test_arena, &last),
                 want, "%s %s", vec_str(c, "name"), key);
    }
}

static void check_file(const json_t *c)
{
    struct wal_reader r = { .bytes = vec_hex(c, "bytes", &test_arena) };
    int64_t           n = 0;
    enum wal_verdict  v;

    for (;; n++) {
        struct timed_wal_msg m;
        const char          *why;

        v = wal_next(&r, &m, &test_arena, &why);
        if (v != WAL_RECORD)
            break;
    }
    CHECK_EQ(n, vec_int(c, "records"), "%s: records", vec_str(c, "name"));
    CHECK_EQ(v == WAL_END, vec_bool(c, "ok"), "%s", vec_str(c, "name"));
    check_search(c, r.bytes);
}

TEST(wal_files_end_or_break_where_cometbft_says)
{
    wire_each("wal", "file", check_file);
}

TEST(the_checksum_is_the_same_with_and_without_the_instruction)
{
    uint8_t data[300];

    CHECK_EQ(crc32c(span_str("123456789")), 0xe3069283, "the check value");
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 31 + 7);
        CHECK_EQ(crc32c(SPAN(data, i)), crc32c_portable(SPAN(data, i)), "%zu",
                 i);
    }
}

TEST(a_blocksync_scan_counts_signatures_before_anything_is_decoded)
{
    struct blocksync_sight s;
    struct commit_sig *sigs = arena_newn(&test_arena, struct commit_sig, 10001);
    struct commit      c    = { .signatures = { sigs, 10000 } };
    struct block       b    = { .last_commit = &c };
    struct block_response resp = { .block = &b };
    struct blocksync_msg  m    = { BLOCKSYNC_BLOCK_RESPONSE,
                                   { .block_response = &resp } };

    CHECK_EQ(
        blocksync_scan(&s, pb_encode(&blocksync_msg_desc, &m, &test_arena)),
        ACCEPT, "10,000 are allowed");
    CHECK_EQ(s.signatures, 10000, "all are counted");
    CHECK(s.is_block_response, "recognised");
    c.signatures.n++;
    CHECK_EQ(
        blocksync_scan(&s, pb_encode(&blocksync_msg_desc, &m, &test_arena)),
        REJECT_LIMIT, "one more is not");
    CHECK_EQ(blocksync_scan(&s, hex_span("1a", &test_arena)), REJECT_MALFORMED,
             "cut off");
    CHECK_EQ(blocksync_scan(&s, hex_span("0a020805", &test_arena)), ACCEPT,
             "a request");
    CHECK(!s.is_block_response, "is none");
}
