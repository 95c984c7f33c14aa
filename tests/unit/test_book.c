/* The address book and what it rests on: kinds of networks, bans. */
#include "p2p/bans.h"
#include "p2p/bans_file.h"
#include "p2p/book.h"
#include "p2p/book_file.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char key[] = "0123456789abcdef01234567";

static struct book *open_book(bool is_strict)
{
    struct book *b = calloc(1, sizeof *b);

    must(b != NULL);
    book_init(b, is_strict, key, 7);
    return b;
}

static struct netaddr addr(const char *ip, uint32_t n)
{
    struct netaddr a = { .port = (uint16_t)(1000 + n % 60000) };

    store_be32(a.id, n);
    a.id[19] = 1;
    must(ip_parse(a.ip, span_str(ip)));
    return a;
}

/* The n-th of many addresses in different networks. */
static struct netaddr far_addr(uint32_t n)
{
    struct netaddr a = addr("8.8.8.8", n);

    a.ip[12] = (uint8_t)(20 + n % 80);
    a.ip[13] = (uint8_t)(n / 80);
    a.ip[14] = (uint8_t)(n / 80 / 256);
    return a;
}

/* Every count, bucket and index says the same. */
static void check_whole(struct book *b)
{
    size_t fresh = 0, old = 0, free = 0, in_buckets = 0, places = 0;

    for (size_t i = 0; i < BOOK_ENTRIES_MAX; i++) {
        const struct book_entry *e = &b->entries[i];

        if (!e->is_used) {
            free++;
            continue;
        }
        if (book_find(b, e->addr.id) != e)
            CHECK(false, "entry %zu is not found", i);
        places += e->place_count;
        fresh += e->place_count > 0 && !e->is_old;
        old += e->place_count > 0 && e->is_old;
        if (e->is_banned ? e->place_count != 0 : e->place_count == 0)
            CHECK(false, "entry %zu has %u places", i, e->place_count);
    }
    for (size_t i = 0; i < BOOK_NEW_BUCKETS; i++)
        in_buckets += b->fresh[i].count;
    for (size_t i = 0; i < BOOK_OLD_BUCKETS; i++)
        in_buckets += b->old[i].count;
    CHECK_EQ(fresh, b->fresh_count);
    CHECK_EQ(old, b->old_count);
    CHECK_EQ(free, b->free_count);
    CHECK_EQ(in_buckets, places);
}

TEST(kinds_of_addresses)
{
    static const struct {
        const char *ip, *group, *strict_group;
        bool        is_valid, is_routable;
    } cases[] = {
        { "8.8.8.8", "8.8.0.0", "8.8.0.0", true, true },
        { "127.0.0.1", "127.0.0.0", "local", true, false },
        { "::1", "0000:0000:0", "local", true, false },
        { "0.0.0.0", "0.0.0.0", "local", false, false },
        { "0.1.2.3", "0.1.0.0", "local", true, false },
        { "::", "0000:0000:0", "unroutable", false, false },
        { "255.255.255.255", "255.255.0.0", "unroutable", false, false },
        { "10.1.2.3", "10.1.0.0", "unroutable", true, false },
        { "172.16.0.1", "172.16.0.0", "unroutable", true, false },
        { "172.32.0.1", "172.32.0.0", "172.32.0.0", true, true },
        { "192.168.1.1", "192.168.0.0", "unroutable", true, false },
        { "169.254.1.1", "169.254.0.0", "unroutable", true, false },
        { "2001:db8::1", "2001:0db8:0", "unroutable", false, false },
        { "fe80::1", "fe80:0000:0", "unroutable", true, false },
        { "fc00::1", "fc00:0000:0", "unroutable", true, false },
        { "fdff::1", "fdff:0000:0", "unroutable", true, false },
        { "2001:10::1", "2001:0010:0", "unroutable", true, false },
        { "64:ff9b::808:808", "8.8.0.0", "8.8.0.0", true, true },
        { "2002:0808:0808::1", "8.8.0.0", "8.8.0.0", true, true },
        { "2001:0:1234::f7f7:f7f7", "8.8.0.0", "8.8.0.0", true, true },
        { "fd87:d87e:eb43:5678::1", "tor:6", "unroutable", true, false },
        { "2001:470:abcd::1", "2001:0470:a", "2001:0470:a", true, true },
        { "2a00:1450::1", "2a00:1450:0", "2a00:1450:0", true, true },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct netaddr a = addr(cases[i].ip, 1);
        char           g[NETADDR_GROUP_MAX];

        CHECK_EQ(netaddr_is_valid(&a), cases[i].is_valid, "%s", cases[i].ip);
        CHECK_EQ(netaddr_is_routable(&a), cases[i].is_routable, "%s",
                 cases[i].ip);
        netaddr_group(g, &a, false);
        CHECK_STR(g, cases[i].group, "%s", cases[i].ip);
        netaddr_group(g, &a, true);
        CHECK_STR(g, cases[i].strict_group, "%s, strictly", cases[i].ip);
    }
}

TEST(addresses_are_printed_with_their_port)
{
    char           text[IP_PORT_TEXT_MAX];
    struct netaddr a = addr("1.2.3.4", 1);

    ip_port_print(text, a.ip, 5);
    CHECK_STR(text, "1.2.3.4:5");
    a = addr("2001:470::1", 1);
    ip_port_print(text, a.ip, 65535);
    CHECK_STR(text, "[2001:470::1]:65535");
}

TEST(a_strict_book_takes_only_what_can_be_reached)
{
    struct book   *strict = open_book(true), *open = open_book(false);
    struct netaddr good = addr("8.8.8.8", 1), home = addr("10.0.0.1", 2),
                   none = addr("0.0.0.0", 3);

    CHECK(book_add(strict, &good, &good, 1) && book_size(strict) == 1);
    CHECK(!book_add(strict, &home, &good, 1) && book_size(strict) == 1);
    CHECK(!book_add(open, &none, &good, 1) && book_size(open) == 0);
    CHECK(book_add(open, &home, &good, 1) && book_size(open) == 1);
    free(strict);
    free(open);
}

TEST(one_network_cannot_fill_the_book)
{
    struct book   *b   = open_book(true);
    struct netaddr src = addr("9.9.9.9", 0), honest = addr("1.1.1.1", 1);

    for (uint32_t i = 1; i < 100000; i++) {
        struct netaddr a = far_addr(i);

        book_add(b, &a, &src, 1);
    }
    CHECK(book_size(b) <= 32 * BOOK_BUCKET_SIZE, "%zu from one source",
          book_size(b));
    CHECK(b->free_count > 0 && book_add(b, &honest, &honest, 1));
    check_whole(b);
    free(b);
}

TEST(a_good_address_is_kept_and_does_not_move)
{
    struct book   *b = open_book(true);
    struct netaddr a = addr("8.8.8.8", 1), moved = addr("9.9.9.9", 1);

    book_add(b, &a, &a, 1);
    book_mark_good(b, a.id, 2);
    CHECK(b->old_count == 1 && b->fresh_count == 0);
    book_mark_good(b, a.id, 3);
    CHECK(book_add(b, &moved, &moved, 4));
    CHECK(netaddr_eq(&book_find(b, a.id)->addr, &a), "as it was");
    CHECK_EQ(book_find(b, a.id)->last_success, 3);
    check_whole(b);
    book_remove(b, a.id);
    CHECK(book_size(b) == 0 && !book_find(b, a.id));
    check_whole(b);
    free(b);
}

TEST(a_bad_address_is_gone_until_its_time_is_over)
{
    struct book   *b = open_book(true);
    struct netaddr a = addr("8.8.8.8", 1), out[BOOK_SELECTED_MAX];

    book_add(b, &a, &a, 1);
    book_mark_bad(b, a.id, 100);
    CHECK(book_size(b) == 0 && !book_pick(b, 50));
    CHECK(!book_add(b, &a, &a, 2), "it is not taken back");
    CHECK_EQ(book_select(b, out, -1), 0);
    book_mark_good(b, a.id, 3);
    CHECK_EQ(book_size(b), 0, "nor does it become good");
    book_reinstate(b, 99);
    CHECK_EQ(book_size(b), 0);
    book_reinstate(b, 100);
    CHECK(book_size(b) == 1 && book_pick(b, 50));
    check_whole(b);
    free(b);
}

TEST(a_share_of_the_book_is_passed_on)
{
    static const struct {
        uint32_t n;
        size_t   want;
    } cases[] = { { 0, 0 },    { 5, 5 },     { 32, 32 },
                  { 100, 32 }, { 500, 115 }, { 3000, 250 } };
    static struct netaddr out[BOOK_SELECTED_MAX];

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct book *b = open_book(true);
        size_t       n;

        for (uint32_t k = 1; k <= cases[i].n; k++) {
            struct netaddr a = far_addr(k);

            book_add(b, &a, &a, 1);
            if (k % 2)
                book_mark_good(b, a.id, 1);
        }
        n = book_select(b, out, -1);
        CHECK(n <= BOOK_SELECTED_MAX && n * 10 >= cases[i].want * 9 &&
                  n <= cases[i].want,
              "%zu of %u, expected about %zu", n, cases[i].n, cases[i].want);
        for (size_t k = 1; k < n; k++)
            if (netaddr_eq(&out[k], &out[0]))
                CHECK(false, "twice the same");
        n = book_select(b, out, 30);
        CHECK(n <= cases[i].want, "biased, %zu", n);
        free(b);
    }
}

TEST(picking_follows_the_bias)
{
    struct book *b      = open_book(true);
    size_t       old[2] = { 0 };

    for (uint32_t k = 1; k <= 400; k++) {
        struct netaddr a = far_addr(k);

        book_add(b, &a, &a, 1);
        if (k % 2)
            book_mark_good(b, a.id, 1);
    }
    for (size_t i = 0; i < 2000; i++) {
        old[0] += book_pick(b, 10)->is_old;
        old[1] += book_pick(b, 90)->is_old;
    }
    CHECK(old[0] > 1700 && old[1] < 300, "%zu and %zu of 2000", old[0], old[1]);
    CHECK(!book_pick(b, 100)->is_old && book_pick(b, 0)->is_old);
    free(b);
}

TEST(whatever_happens_the_book_stays_whole)
{
    struct book *b    = open_book(false);
    struct dice  dice = { 42 };

    for (size_t i = 0; i < 300000; i++) {
        struct netaddr a   = far_addr((uint32_t)dice_below(&dice, 30000) + 1);
        struct netaddr src = far_addr((uint32_t)dice_below(&dice, 500) + 1);
        int64_t        now = (int64_t)i * 10;

        switch (dice_below(&dice, 10)) {
        case 0: book_mark_good(b, a.id, now); break;
        case 1: book_mark_bad(b, a.id, now + 1000); break;
        case 2: book_mark_attempt(b, a.id, now); break;
        case 3: book_remove(b, a.id); break;
        default: book_add(b, &a, &src, now); break;
        }
        if (i % 50000 == 0)
            book_reinstate(b, now);
    }
    CHECK(book_size(b) > 5000, "%zu", book_size(b));
    check_whole(b);
    free(b);
}

TEST(the_file_is_read_back)
{
    struct book *b = open_book(true), *back = open_book(true);
    struct buf   text, again;

    for (uint32_t k = 1; k <= 300; k++) {
        struct netaddr a = far_addr(k);

        book_add(b, &a, &a, 1700000000 + k);
        if (k % 3 == 0)
            book_mark_good(b, a.id, 1700001000 + k);
    }
    buf_init(&text, 1 << 20);
    buf_init(&again, 1 << 20);
    book_print(&text, b);
    memset(back->key, '0', BOOK_KEY_TEXT);
    CHECK(book_parse(back, buf_span(&text)));
    CHECK_EQ(book_size(back), book_size(b));
    CHECK_EQ(back->old_count, b->old_count);
    book_print(&again, back);
    CHECK_STR(back->key, key);
    CHECK_EQ(again.len, text.len);
    check_whole(back);
    buf_fini(&text);
    buf_fini(&again);
    free(b);
    free(back);
}

/* As a CometBFT node writes it. */
static const char theirs[] =
    "{\n\t\"key\": \"dc30fe9fa6a0f5ff8a6a3d38\",\n\t\"addrs\": [\n\t\t{\n"
    "\t\t\t\"addr\": {\n"
    "\t\t\t\t\"id\": \"fad2ec17f4c6be48b96eb5990b549b16101bbe9b\",\n"
    "\t\t\t\t\"ip\": \"203.0.114.9\",\n\t\t\t\t\"port\": 36666\n\t\t\t},\n"
    "\t\t\t\"src\": {\n"
    "\t\t\t\t\"id\": \"fad2ec17f4c6be48b96eb5990b549b16101bbe9b\",\n"
    "\t\t\t\t\"ip\": \"203.0.114.9\",\n\t\t\t\t\"port\": 36666\n\t\t\t},\n"
    "\t\t\t\"buckets\": [\n\t\t\t\t113\n\t\t\t],\n\t\t\t\"attempts\": 2,\n"
    "\t\t\t\"bucket_type\": 1,\n"
    "\t\t\t\"last_attempt\": \"2026-11-22T17:19:39.687310735Z\",\n"
    "\t\t\t\"last_success\": \"0001-01-01T00:00:00Z\",\n"
    "\t\t\t\"last_ban_time\": \"0001-01-01T00:00:00Z\"\n\t\t}\n\t]\n}";

TEST(files_of_others_are_read_or_refused)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"key\":\"dc30fe9fa6a0f5ff8a6a3d38\"}",
        "{\"key\":\"short\",\"addrs\":[]}",
        "{\"key\":\"dc30fe9fa6a0f5ff8a6a3d38\",\"addrs\":{}}",
        "{\"key\":\"dc30fe9fa6a0f5ff8a6a3d38\",\"addrs\":[",
    };
    static const char odd[] =
        "{\"key\":\"dc30fe9fa6a0f5ff8a6a3d38\",\"addrs\":[1,{},null,"
        "{\"addr\":{\"id\":\"zz\",\"ip\":\"1.2.3.4\",\"port\":1}}]}";
    static const char none[] =
        "{\"key\":\"dc30fe9fa6a0f5ff8a6a3d38\",\"addrs\":null}";
    struct book       *b = open_book(true);
    struct book_entry *e;

    CHECK(book_parse(b, span_str(theirs)));
    CHECK_EQ(book_size(b), 1);
    e = (struct book_entry *)book_pick(b, 50);
    CHECK(e && e->addr.port == 36666 && e->attempts == 2 && !e->is_old &&
          e->last_attempt == 1795367979 && e->last_success == 0);
    free(b);
    for (size_t i = 0; i < COUNT(bad); i++) {
        b = open_book(true);
        CHECK(!book_parse(b, span_str(bad[i])), "%s", bad[i]);
        free(b);
    }
    b = open_book(true);
    CHECK(book_parse(b, span_str(odd)) && book_size(b) == 0);
    CHECK(book_parse(b, span_str(none)) && book_size(b) == 0);
    free(b);
}

TEST(a_damaged_file_is_put_aside)
{
    char         dir[] = "/tmp/warren-book-XXXXXX", path[64], aside[80];
    struct book *b     = open_book(true);
    FILE        *f;

    must(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/addrbook.json", dir);
    snprintf(aside, sizeof aside, "%s.bad", path);
    CHECK_EQ(book_load(b, path), OK, "none is there");
    f = fopen(path, "w");
    must(f && fputs("{ this is not", f) >= 0 && fclose(f) == 0);
    CHECK_EQ(book_load(b, path), OK);
    CHECK(access(path, F_OK) != 0 && access(aside, F_OK) == 0);
    book_save(b, path);
    CHECK(access(path, F_OK) == 0);
    CHECK_EQ(book_load(b, path), OK);
    unlink(path);
    unlink(aside);
    CHECK_EQ(rmdir(dir), 0);
    free(b);
}

/* ---- bans ---- */

TEST(bans_end_by_themselves)
{
    static struct bans b;
    uint8_t            id[ADDRESS_BYTES] = { 1 }, other[ADDRESS_BYTES] = { 2 };

    bans_add(&b, id, 100, 50);
    CHECK(bans_hold(&b, id, 99) && !bans_hold(&b, id, 100));
    CHECK(!bans_hold(&b, other, 60));
    bans_add(&b, id, 80, 60);
    CHECK(bans_hold(&b, id, 90), "a shorter one does not replace a longer");
    for (uint32_t i = 0; i < 5000; i++) {
        store_be32(other, i + 10);
        bans_add(&b, other, 1000 + i, 60);
        if (!bans_hold(&b, other, 60))
            CHECK(false, "ban %u", i);
    }
    CHECK(!bans_hold(&b, id, 61), "the one that ends first makes place");
}

TEST(an_address_of_much_nonsense_is_refused_for_a_while)
{
    static struct bans b;
    uint8_t            ip[IP_BYTES] = { 1 }, other[IP_BYTES] = { 2 };
    uint64_t           now = 1000000;

    for (int i = 0; i < FAULTS_MAX; i++) {
        CHECK(!bans_refuse(&b, ip, now), "fault %d", i);
        bans_fault(&b, ip, now);
    }
    CHECK(bans_refuse(&b, ip, now) && !bans_refuse(&b, other, now));
    CHECK(!bans_refuse(&b, ip, now + 3000001), "one fault has faded");
    bans_fault(&b, ip, now + 3000001);
    CHECK(bans_refuse(&b, ip, now + 3000001));
    CHECK(!bans_refuse(&b, ip, now + 3600000000));
    for (uint32_t i = 0; i < 5000; i++) {
        store_be32(other, i + 10);
        bans_fault(&b, other, now + 2 + i);
    }
    CHECK(!bans_refuse(&b, ip, now + 10000), "forgotten for newer ones");
}

/* ---- bans on disk ---- */

TEST(bans_outlive_the_process)
{
    static struct bans a, b;
    char               dir[] = "/tmp/warren-bans-XXXXXX", path[80], bad[80];
    uint8_t            id[ADDRESS_BYTES] = { 1 };

    must(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/addrbook.json", dir);
    must(bans_path(bad, sizeof bad, path));
    memcpy(path, bad, sizeof path);
    CHECK(strcmp(path + strlen(dir), "/bans.json") == 0);
    CHECK(!bans_path(bad, 10, path), "no room");
    CHECK_EQ(bans_load(&a, path, 100), OK, "no file, no bans");
    for (uint32_t i = 0; i < BANS_MAX; i++) {
        store_be32(id, i);
        bans_add(&a, id, 200 + i, 100);
    }
    bans_save(&a, path, 100);
    CHECK_EQ(bans_load(&b, path, 300), OK);
    store_be32(id, 100);
    CHECK(!bans_hold(&b, id, 300), "over by then");
    store_be32(id, 101);
    CHECK(bans_hold(&b, id, 300) && !bans_hold(&b, id, 301));
    store_be32(id, BANS_MAX - 1);
    CHECK(bans_hold(&b, id, 199 + BANS_MAX - 1));

    memset(&b, 0, sizeof b);
    bans_add(&b, id, INT32_MAX, 0);
    bans_save(&b, path, 0);
    memset(&b, 0, sizeof b);
    CHECK_EQ(bans_load(&b, path, 0), OK);
    CHECK(bans_hold(&b, id, BAN_DAYS_MAX * 86400 - 1));
    CHECK(!bans_hold(&b, id, BAN_DAYS_MAX * 86400), "by a wrong clock");
    unlink(path);
    must(rmdir(dir) == 0);
}

TEST(a_damaged_list_of_bans_is_put_aside)
{
    static const char *const bad[] = { "", "{", "[]", "{\"bans\": 3}",
                                       "{\"ban\": []}" };
    static struct bans       b;
    char                     dir[] = "/tmp/warren-bans-XXXXXX", path[64];
    char                     aside[80];

    must(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/bans.json", dir);
    snprintf(aside, sizeof aside, "%s.bad", path);
    for (size_t i = 0; i < COUNT(bad); i++) {
        FILE *f = fopen(path, "w");

        must(f && fputs(bad[i], f) >= 0 && fclose(f) == 0);
        CHECK_EQ(bans_load(&b, path, 0), OK, "%s", bad[i]);
        CHECK(access(path, F_OK) != 0 && access(aside, F_OK) == 0);
    }
    CHECK(bans_parse(&b, span_str("{\"bans\": [3, {}, {\"id\": \"xx\"}]}"), 0),
          "what makes no sense is left out");
    unlink(aside);
    must(rmdir(dir) == 0);
}
