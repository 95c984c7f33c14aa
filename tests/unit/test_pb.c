/* The codec against CometBFT's own: small claims; the wire vectors are in the
 * tests of the modules that own the messages. */
#include "test.h"

#include "model/types.h"

TEST(a_commit_sig_that_is_absent_has_an_explicit_year_one)
{
    struct commit_sig s = { .block_id_flag = FLAG_ABSENT,
                            .timestamp     = STAMP_ZERO };
    struct span want = hex_span("08011a0b088092b8c398feffffff01", &test_arena);

    CHECK_BYTES(pb_encode(&commit_sig_desc, &s, &test_arena), want);
}

TEST(odd_input_gets_gogoprotos_verdict)
{
    static const struct {
        const char *name, *hex;
        enum reject want;
    } cases[] = {
        { "empty", "", ACCEPT },
        { "a tag of ten bytes", "8880808080808080800005", ACCEPT },
        { "a tag of eleven bytes", "888080808080808080808000",
          REJECT_MALFORMED },
        { "field 0", "0001", REJECT_MALFORMED },
        { "an unknown group whose end differs", "a3068c07", ACCEPT },
        { "a lone end of a group", "a406", REJECT_MALFORMED },
        { "a known field as a group", "0b0c", REJECT_MALFORMED },
        { "a length past the end", "1205", REJECT_MALFORMED },
        { "a tag of 2^32 + 1 is field 1", "888080808001 07", ACCEPT },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct part_set_header h;
        char                   hex[64] = "";

        for (const char *p = cases[i].hex; *p; p++)
            if (*p != ' ')
                strncat(hex, p, 1);
        CHECK_EQ(pb_decode(&part_set_header_desc, &h, &test_arena,
                           hex_span(hex, &test_arena)),
                 cases[i].want, "%s", cases[i].name);
    }
}

/* What a sender could multiply: each costs a few bytes on the wire. */
TEST(repetition_costs_memory_in_proportion_to_its_bytes)
{
    static const struct {
        const char           *name, *hex;
        const struct pb_desc *desc;
        size_t                times_max; /* memory : bytes */
    } cases[] = {
        { "a merged message that adds to a list", "12020a00", &block_desc, 16 },
        { "a oneof that replaces itself", "0a00", &evidence_desc, 1 },
        { "two members that replace each other", "0a001200", &evidence_desc,
          1 },
    };
    enum { TIMES = 100000 };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span one = hex_span(cases[i].hex, &test_arena);
        uint8_t    *all = arena_alloc(&test_arena, one.n * TIMES);
        void       *msg = arena_alloc(&test_arena, cases[i].desc->size);
        size_t      before;

        for (size_t k = 0; k < TIMES; k++)
            memcpy(all + k * one.n, one.p, one.n);
        before = arena_mark(&test_arena);
        CHECK_EQ(pb_decode(cases[i].desc, msg, &test_arena,
                           SPAN(all, one.n * TIMES)),
                 ACCEPT, "%s", cases[i].name);
        CHECK((arena_mark(&test_arena) - before) <=
                  one.n * TIMES * cases[i].times_max,
              "%s: %zu bytes", cases[i].name, arena_mark(&test_arena) - before);
    }
}

/* As found by comparing verdicts on a million mutated messages. */
TEST(the_last_number_of_a_packed_list_may_end_behind_it)
{
    static const struct {
        const char *name, *hex;
        enum reject want;
        uint64_t    last;
        size_t      n;
    } cases[] = {
        { "within", "1202 0180 01", ACCEPT, 128, 2 },
        { "and goes on behind", "1201 80 01 0805", ACCEPT, 128, 1 },
        { "three bytes behind", "1201 80 8080 01", ACCEPT, 1 << 21, 1 },
        { "the input ends first", "1201 80", REJECT_MALFORMED, 0, 0 },
        { "eleven bytes", "1201 80 8080808080808080808001", REJECT_MALFORMED, 0,
          0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bit_array b;
        char             hex[64] = "";

        for (const char *p = cases[i].hex; *p; p++)
            if (*p != ' ')
                strncat(hex, p, 1);
        CHECK_EQ(pb_decode(&bit_array_desc, &b, &test_arena,
                           hex_span(hex, &test_arena)),
                 cases[i].want, "%s", cases[i].name);
        if (cases[i].want)
            continue;
        CHECK_EQ(b.elems.n, cases[i].n, "%s", cases[i].name);
        CHECK_EQ(b.elems.v[b.elems.n - 1], cases[i].last, "%s", cases[i].name);
    }
}
