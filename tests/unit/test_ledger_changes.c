/* The layer of what is written on top of a state. */
#include "test.h"

#include "ledger/changes.h"

#include <stdio.h>

static void join(void *ctx, const struct change *ch)
{
    struct buf *b = ctx;

    buf_printf(b, "%d%.*s%c%.*s ", (int)ch->store, (int)ch->key.n,
               (const char *)ch->key.p, ch->kind == CHANGE_SET ? '=' : '!',
               (int)ch->value.n, (const char *)ch->value.p);
}

static const char *all_of(const struct changes *c)
{
    static char mem[4096];
    struct buf  b;

    buf_use(&b, mem, sizeof mem);
    changes_each(c, join, &b);
    return buf_cstr(&b);
}

TEST(the_last_write_counts_and_keys_come_in_order)
{
    struct changes c;

    changes_init(&c, &test_arena);
    changes_set(&c, STORE_RECORDS, span_str("b"), span_str("1"));
    changes_set(&c, STORE_AUTH, span_str("z"), span_str("2"));
    changes_set(&c, STORE_RECORDS, span_str("a"), span_str("3"));
    changes_set(&c, STORE_RECORDS, span_str("b"), span_str("4"));
    changes_delete(&c, STORE_RECORDS, span_str("a"));
    changes_set(&c, STORE_HISTORY, span_str("a"), span_str(""));
    CHECK_STR(all_of(&c), "0z=2 2a! 2b=4 3a= ");
    CHECK(changes_find(&c, STORE_AUTH, span_str("a")) == NULL);
    CHECK(changes_find(&c, STORE_RECORDS, span_str("a"))->kind ==
          CHANGE_DELETED);
}

TEST(undo_goes_back_to_the_mark)
{
    struct changes c;

    changes_init(&c, &test_arena);
    changes_set(&c, STORE_AUTH, span_str("a"), span_str("1"));
    changes_begin(&c);
    changes_set(&c, STORE_AUTH, span_str("a"), span_str("2"));
    changes_delete(&c, STORE_AUTH, span_str("a"));
    changes_set(&c, STORE_AUTH, span_str("b"), span_str("3"));
    changes_undo(&c);
    CHECK_STR(all_of(&c), "0a=1 ");
    CHECK(changes_find(&c, STORE_AUTH, span_str("b")) == NULL,
          "as if never written");
    changes_begin(&c);
    changes_set(&c, STORE_AUTH, span_str("b"), span_str("4"));
    changes_keep(&c);
    CHECK_STR(all_of(&c), "0a=1 0b=4 ");
}

TEST(many_keys_in_any_order_stay_sorted)
{
    struct changes c;
    size_t         seen = 0;
    char           key[8];

    changes_init(&c, &test_arena);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "%05u", i * 7919 % 5000);
        changes_set(&c, STORE_AUTH, span_str(key), span_str("v"));
    }
    CHECK(c.root->height <= 18, "balanced, %d high", c.root->height);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "%05u", i);
        seen += changes_find(&c, STORE_AUTH, span_str(key)) != NULL;
    }
    CHECK_EQ(seen, 5000);
}

TEST(a_full_arena_is_said_once_at_the_end)
{
    uint8_t        mem[512];
    struct arena   a;
    struct changes c;

    arena_use(&a, mem, sizeof mem);
    changes_init(&c, &a);
    changes_set(&c, STORE_AUTH, span_str("a"), span_str("1"));
    CHECK(!c.is_full);
    changes_set(&c, STORE_AUTH, span_str("b"), SPAN_OF(mem));
    CHECK(c.is_full);
}
