/* Validator sets: the rotation of proposers and the effect of changes,
 * against CometBFT's own. */
#include "vec_model.h"

/* ---- the vectors ---- */

/* [address, power, priority] entries of a set, as CometBFT orders them. */
static void check_entries(const struct validators *s, const json_t *want,
                          const char *name)
{
    const json_t *one;
    size_t        i;

    CHECK_EQ(s->n, json_array_size(want), "%s", name);
    json_array_foreach(want, i, one)
    {
        if (i >= s->n)
            break;
        CHECK_BYTES(SPAN_OF(s->v[i].address),
                    hex_span(json_string_value(json_array_get(one, 0)), A),
                    "%s, entry %zu", name, i);
        CHECK_EQ(s->v[i].power, json_int64(json_array_get(one, 1)),
                 "%s, power of entry %zu", name, i);
        CHECK_EQ(s->v[i].priority, json_int64(json_array_get(one, 2)),
                 "%s, priority of entry %zu", name, i);
        CHECK_EQ(validators_find(s, SPAN_OF(s->v[i].address)), i,
                 "%s, entry %zu is found", name, i);
    }
}

/* Of an empty set the vectors tell only that it is. */
static void check_whole(const struct validators *s, const json_t *want,
                        const char *name)
{
    struct validators copy = *s;
    struct hash       hash;

    check_entries(s, vec_at(want, "validators"), name);
    if (s->n == 0)
        return;
    validators_hash(&hash, s);
    CHECK_BYTES(hash_span(&hash), vec_hex(want, "hash", A), "%s", name);
    CHECK(validators_priority_hash(&hash, s), "%s", name);
    CHECK_BYTES(hash_span(&hash), vec_hex(want, "priority_hash", A), "%s",
                name);
    CHECK_BYTES(SPAN_OF(validators_proposer(&copy)->address),
                vec_hex(want, "proposer", A), "%s", name);
    CHECK_EQ(s->total, vec_int(want, "total_power"), "%s", name);
}

static void check_rotation(const json_t *c)
{
    const char       *name  = vec_str(c, "name");
    struct validators input = vec_set(c, "input"), s;
    const json_t     *step;
    size_t            i, k;

    if (!vec_bool(c, "ok")) {
        CHECK(validators_new(&s, input.v, input.n, A) != ACCEPT, "%s", name);
        return;
    }
    CHECK_EQ(validators_new(&s, input.v, input.n, A), ACCEPT, "%s", name);
    check_whole(&s, vec_at(c, "start"), name);
    json_array_foreach(vec_at(c, "steps"), i, step)
    {
        const json_t *want = vec_at(step, "priorities"), *one;

        CHECK(validators_increment(&s, 1), "%s", name);
        CHECK_BYTES(SPAN_OF(s.proposer.address), vec_hex(step, "proposer", A),
                    "%s, step %zu", name, i);
        json_array_foreach(want, k, one)
        {
            CHECK_EQ(s.v[k].priority, json_int64(one), "%s, step %zu", name, i);
        }
    }
}

/* A set out of [address, power, priority] entries, without keys. */
static struct validators vec_start(const json_t *c)
{
    const json_t     *list = vec_at(vec_at(c, "start"), "validators"), *one;
    size_t            n    = json_array_size(list), i;
    struct validators s    = { .v = arena_newn(A, struct val, n), .n = n };

    json_array_foreach(list, i, one)
    {
        struct span address =
            hex_span(json_string_value(json_array_get(one, 0)), A);

        memcpy(s.v[i].address, address.p, ADDRESS_BYTES);
        s.v[i].power    = json_int64(json_array_get(one, 1));
        s.v[i].priority = json_int64(json_array_get(one, 2));
        s.total += s.v[i].power;
    }
    return s;
}

static void check_increment(const json_t *c)
{
    const char       *name  = vec_str(c, "name");
    int32_t           times = (int32_t)vec_int(c, "times");
    struct validators s;

    if (vec_has(c, "input")) {
        struct validators input = vec_set(c, "input");

        CHECK_EQ(validators_new(&s, input.v, input.n, A), ACCEPT, "%s", name);
        check_whole(&s, vec_at(c, "start"), name);
    } else {
        s = vec_start(c);
    }
    CHECK_EQ(validators_increment(&s, times), vec_bool(c, "ok"), "%s", name);
    if (!vec_bool(c, "ok"))
        return;
    check_entries(&s, vec_at(vec_at(c, "end"), "validators"), name);
    CHECK_BYTES(SPAN_OF(s.proposer.address),
                vec_hex(vec_at(c, "end"), "proposer", A), "%s", name);
}

static void check_rescale(const json_t *c)
{
    struct validators s = vec_start(c);
    const json_t     *one;
    size_t            i;

    validators_rescale(&s, vec_int(c, "diff_max"));
    json_array_foreach(vec_at(c, "priorities"), i, one)
    {
        CHECK_EQ(s.v[i].priority, json_int64(one), "%s", vec_str(c, "name"));
    }
}

static void check_update(const json_t *c)
{
    const char       *name  = vec_str(c, "name");
    struct validators input = vec_set(c, "input"), s, next;
    const json_t     *step;
    size_t            i;

    CHECK_EQ(validators_new(&s, input.v, input.n, A), ACCEPT, "%s", name);
    if (vec_int(c, "increments"))
        validators_increment(&s, (int32_t)vec_int(c, "increments"));
    check_whole(&s, vec_at(c, "start"), name);
    json_array_foreach(vec_at(c, "steps"), i, step)
    {
        struct validators changes = vec_set(step, "changes");

        CHECK_EQ(validators_update(&s, changes.v, changes.n, A) == ACCEPT,
                 vec_bool(step, "ok"), "%s, step %zu", name, i);
        check_whole(&s, vec_at(step, "after"), name);
        CHECK(validators_copy(&next, &s, A), "%s", name);
        CHECK_EQ(validators_increment(&next, 1),
                 vec_has(step, "after_increment"), "%s", name);
        if (vec_has(step, "after_increment"))
            check_whole(&next, vec_at(step, "after_increment"), name);
        check_whole(&s, vec_at(step, "after"), name); /* not touched */
        s = next;
    }
}

TEST(sets_rotate_and_change_as_cometbfts)
{
    static const struct {
        const char *kind;
        void (*check)(const json_t *);
    } kinds[] = {
        { "rotation", check_rotation },
        { "increment", check_increment },
        { "rescale", check_rescale },
        { "update", check_update },
    };
    json_t *cases = vectors_open("validator_sets"), *c;
    size_t  i, checked = 0;

    json_array_foreach(cases, i, c)
    {
        for (size_t k = 0; k < COUNT(kinds); k++) {
            if (strcmp(kinds[k].kind, vec_str(c, "kind")) != 0)
                continue;
            kinds[k].check(c);
            checked++;
        }
        arena_reset(A);
    }
    CHECK_EQ(checked, 170, "cases in the file");
    json_decref(cases);
}

/* ---- tables of types/validator_set_test.go ---- */

/* An entry whose address starts with a name; the key is of no account. */
static struct val named(const char *name, int64_t power)
{
    struct val v = { .power = power, .key = { .type = KEY_TYPE_ED25519 } };

    memcpy(v.address, name, strlen(name));
    memcpy(v.key.b, name, strlen(name));
    return v;
}

static struct validators set_of(const struct val *v, size_t n)
{
    struct validators s;

    must(validators_new(&s, v, n, A) == ACCEPT);
    return s;
}

TEST(three_proposers_take_99_turns_by_power)
{
    static const char want[] =
        "foo baz foo bar foo foo baz foo bar foo foo baz foo foo bar foo baz "
        "foo foo bar foo foo baz foo bar foo foo baz foo bar foo foo baz foo "
        "foo bar foo baz foo foo bar foo baz foo foo bar foo baz foo foo bar "
        "foo baz foo foo foo baz bar foo foo foo baz foo bar foo foo baz foo "
        "bar foo foo baz foo bar foo foo baz foo bar foo foo baz foo foo bar "
        "foo baz foo foo bar foo baz foo foo bar foo baz foo foo";
    struct validators s =
        set_of((struct val[]){ named("foo", 1000), named("bar", 300),
                               named("baz", 330) },
               3);
    struct buf got;

    buf_init(&got, 1024);
    for (int i = 0; i < 99; i++) {
        buf_printf(&got, "%s%.3s", i ? " " : "",
                   (const char *)validators_proposer(&s)->address);
        validators_increment(&s, 1);
    }
    CHECK_STR(buf_cstr(&got), want, "order");
    buf_fini(&got);
}

TEST(turns_are_in_proportion_to_power)
{
    struct validators s = set_of(
        (struct val[]){ named("0", 4), named("1", 5), named("2", 3) }, 3);
    int turns[3] = { 0 };

    for (int i = 0; i < 120; i++) {
        turns[validators_proposer(&s)->address[0] - '0']++;
        validators_increment(&s, 1);
    }
    CHECK_EQ(turns[0], 40, "4 of 12");
    CHECK_EQ(turns[1], 50, "5 of 12");
    CHECK_EQ(turns[2], 30, "3 of 12");
}

TEST(priorities_follow_power_round_by_round)
{
    enum { T = 12 };
    static const struct {
        int32_t times;
        int64_t want[3];
        size_t  proposer;
    } cases[] = {
        { 1, { 10 - T, 1, 1 }, 0 },
        { 2, { 20 - 2 * T, 2, 2 }, 0 },
        { 3, { 30 - 3 * T, 3, 3 }, 0 },
        { 4, { 40 - 4 * T, 4, 4 }, 0 },
        { 5, { 50 - 4 * T, 5 - T, 5 }, 1 },
        { 6, { 60 - 5 * T, 6 - T, 6 }, 0 },
        { 7, { 70 - 6 * T, 7 - T, 7 }, 0 },
        { 8, { 80 - 7 * T, 8 - T, 8 }, 0 },
        { 9, { 90 - 7 * T, 9 - T, 9 - T }, 2 },
        { 10, { 100 - 8 * T, 10 - T, 10 - T }, 0 },
        { 11, { 110 - 9 * T, 11 - T, 11 - T }, 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct val v[]      = { named("a", 10), named("b", 1), named("c", 1) };
        struct validators s = { .v = v, .n = 3, .total = T };

        CHECK(validators_increment(&s, cases[i].times), "%zu", i);
        for (size_t k = 0; k < 3; k++)
            CHECK_EQ(v[k].priority, cases[i].want[k], "%" PRId32 " turns, %zu",
                     cases[i].times, k);
        CHECK_BYTES(SPAN_OF(s.proposer.address),
                    SPAN_OF(v[cases[i].proposer].address), "%" PRId32 " turns",
                    cases[i].times);
    }
}

TEST(priorities_move_by_their_average_rounded_down)
{
    static const struct {
        int64_t start[3];
        int32_t times;
        int64_t average;
    } cases[] = {
        { { 1, 2, 3 }, 1, 2 },
        { { 10, -10, 1 }, 11, 0 },
        { { 100, -10, 1 }, 1, 30 },
        { { -1, -1, -2 }, 1, -2 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct val        v[] = { named("a", 0), named("b", 0), named("c", 0) };
        struct validators s   = { .v = v, .n = 3 };

        for (size_t k = 0; k < 3; k++)
            v[k].priority = cases[i].start[k];
        CHECK(validators_increment(&s, cases[i].times), "%zu", i);
        for (size_t k = 0; k < 3; k++)
            CHECK_EQ(v[k].priority, cases[i].start[k] - cases[i].average,
                     "case %zu, entry %zu", i, k);
    }
}

TEST(an_absurd_set_neither_traps_nor_overflows)
{
    static const int64_t priorities[] = { INT64_MIN, INT64_MIN + 1, -1,       0,
                                          1,         INT64_MAX - 1, INT64_MAX };
    static const int64_t powers[]     = { 0, 1, TOTAL_POWER_MAX };

    for (size_t i = 0; i < COUNT(priorities); i++)
        for (size_t k = 0; k < COUNT(priorities); k++)
            for (size_t p = 0; p < COUNT(powers); p++) {
                struct val        v[] = { named("a", powers[p]),
                                          named("b", powers[p]) };
                struct validators s   = { .v = v, .n = 2, .total = powers[p] };

                v[0].priority = priorities[i];
                v[1].priority = priorities[k];
                CHECK(validators_increment(&s, 3), "%zu %zu %zu", i, k, p);
                validators_rescale(&s, 1);
                validators_rescale(&s, INT64_MAX);
            }
}

TEST(an_empty_set_has_no_proposer_and_no_turns)
{
    struct validators s;
    struct hash       h;

    CHECK_EQ(validators_new(&s, NULL, 0, A), ACCEPT, "empty is a set");
    CHECK(!validators_proposer(&s), "no proposer");
    CHECK(!validators_increment(&s, 1), "no turns");
    CHECK(!validators_priority_hash(&h, &s), "no hash of priorities");
    CHECK_EQ(validators_find(&s, SPAN("01234567890123456789", 20)), -1,
             "nobody");
    CHECK_EQ(validators_update(&s, &(struct val){ .power = 1 }, 1, A), ACCEPT,
             "but it can be joined");
}

/* What TestValidatorSetProtoBuf checks, and a proposer from elsewhere. */
TEST(a_set_that_others_sent_is_checked)
{
    struct privkey            secret;
    struct pubkey             open;
    struct val                v[3] = { 0 };
    struct validators         s, out;
    struct validator_set_msg *m;
    struct validator          stranger;

    crypto_setup();
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t seed[32] = { i };

        must(privkey_from_seed(&secret, KEY_TYPE_ED25519, SPAN_OF(seed)));
        privkey_public(&open, &secret);
        v[i].key   = open;
        v[i].power = 100;
        pubkey_address(v[i].address, &open);
    }
    s = set_of(v, 2);
    m = validators_to_msg(&s, A);
    CHECK_EQ(validators_from_msg(&out, m, A), ACCEPT, "good");
    m->total_voting_power = 7;
    CHECK_EQ(validators_from_msg(&out, m, A), ACCEPT, "total is not trusted");
    CHECK_EQ(out.total, 200, "total");

    stranger               = m->validators.v[0];
    stranger.address       = SPAN_OF(v[2].address);
    stranger.pub_key.bytes = pubkey_span(&v[2].key);
    m->proposer            = &stranger;
    CHECK(validators_from_msg(&out, m, A) != ACCEPT, "proposer is no member");
    m->proposer = NULL;
    CHECK(validators_from_msg(&out, m, A) != ACCEPT, "no proposer");

    m                                  = validators_to_msg(&s, A);
    m->validators.v[1].pub_key.bytes.n = 31;
    CHECK(validators_from_msg(&out, m, A) != ACCEPT, "short key");
    m->validators.v[1].pub_key.bytes.n = 32;
    m->validators.v[1].pub_key.type    = KEY_NONE;
    CHECK(validators_from_msg(&out, m, A) != ACCEPT, "no key");
    m                          = validators_to_msg(&s, A);
    m->validators.v[0].address = m->validators.v[1].address;
    CHECK(validators_from_msg(&out, m, A) != ACCEPT, "address of another");
    m                               = validators_to_msg(&s, A);
    m->validators.v[0].voting_power = -1;
    CHECK(validators_from_msg(&out, m, A) != ACCEPT, "negative power");
    m->validators.v[0].voting_power = TOTAL_POWER_MAX;
    CHECK(validators_from_msg(&out, m, A) != ACCEPT, "too much power");
    m->validators.v[1].voting_power = 0;
    CHECK_EQ(validators_from_msg(&out, m, A), ACCEPT, "as much as can be");
    CHECK(validators_from_msg(&out, &(struct validator_set_msg){ 0 }, A) !=
              ACCEPT,
          "empty");
}

TEST(quorum_is_strictly_more_than_two_thirds)
{
    static const struct {
        const char *name;
        int64_t     power, total;
        bool        want;
    } cases[] = {
        { "nobody, of nobody", 0, 0, false },
        { "exactly two thirds", 2, 3, false },
        { "three of four", 3, 4, true },
        { "just short, of ten", 6, 10, false },
        { "seven of ten", 7, 10, true },
        { "one of one", 1, 1, true },
        { "one of two", 1, 2, false },
        { "the greatest total", TOTAL_POWER_MAX, TOTAL_POWER_MAX, true },
        { "two thirds of it", TOTAL_POWER_MAX / 3 * 2, TOTAL_POWER_MAX, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_EQ(power_is_quorum(cases[i].power, cases[i].total), cases[i].want,
                 "%s", cases[i].name);
}
