#include "p2p/book_file.h"

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "p2p/greet.h"
#include "json/read.h"
#include "json/write.h"

#include <limits.h>
#include <stdio.h>

enum { OLD = 2, NEW = 1 }; /* bucket_type */

/* ---- writing ---- */

static void print_stamp(struct json_writer *w, const char *key, int64_t seconds)
{
    struct stamp t = STAMP_ZERO;

    if (seconds)
        t = (struct stamp){ .seconds = seconds };
    JW(w, key, stamp, t);
}

static void print_addr(struct json_writer *w, const char *key,
                       const struct netaddr *a)
{
    char id[NODE_ID_TEXT + 1], ip[IP_TEXT_MAX + 1];

    node_id_print(id, a->id);
    ip_print(ip, a->ip);
    jw_key(w, key);
    jw_object(w);
    JW(w, "id", cstr, id);
    JW(w, "ip", cstr, ip);
    JW(w, "port", int, a->port);
    jw_object_end(w);
}

static void print_entry(struct json_writer *w, const struct book_entry *e)
{
    jw_object(w);
    print_addr(w, "addr", &e->addr);
    print_addr(w, "src", &e->src);
    jw_key(w, "buckets");
    jw_array(w);
    for (size_t i = 0; i < e->place_count; i++)
        jw_int(w, e->place[i]);
    jw_array_end(w);
    JW(w, "attempts", int, e->attempts);
    JW(w, "bucket_type", int, e->is_old ? OLD : NEW);
    print_stamp(w, "last_attempt", e->last_attempt);
    print_stamp(w, "last_success", e->last_success);
    print_stamp(w, "last_ban_time", e->banned_until);
    jw_object_end(w);
}

void book_print(struct buf *out, const struct book *b)
{
    struct json_writer w;

    jw_init(&w, out, 2);
    jw_object(&w);
    JW(&w, "key", cstr, b->key);
    jw_key(&w, "addrs");
    jw_array(&w);
    for (size_t i = 0; i < BOOK_ENTRIES_MAX; i++)
        if (b->entries[i].is_used && !b->entries[i].is_banned)
            print_entry(&w, &b->entries[i]);
    jw_array_end(&w);
    jw_object_end(&w);
    buf_byte(out, '\n');
}

void book_save(const struct book *b, const char *path)
{
    struct buf text;

    buf_init(&text, BOOK_FILE_MAX);
    book_print(&text, b);
    if (text.is_full)
        log_event(LOG_WARN, "the address book is too large to be saved");
    else if (file_replace(path, buf_span(&text), 0644) != OK)
        log_event(LOG_WARN, "the address book was not saved",
                  LOG_STR("path", path));
    buf_fini(&text);
}

/* ---- reading ---- */

static bool parse_addr(struct netaddr *a, const struct json_value *v)
{
    struct span id, ip;
    int64_t     port;

    if (!json_read_str(&id, json_get(v, "id")) ||
        !json_read_str(&ip, json_get(v, "ip")) ||
        !json_read_int(&port, json_get(v, "port")) || port < 0 ||
        port > UINT16_MAX)
        return false;
    a->port = (uint16_t)port;
    return hex_decode(a->id, sizeof a->id, id) && ip_parse(a->ip, ip);
}

static int64_t parse_stamp(const struct json_value *v)
{
    struct stamp t;

    return json_read_stamp(&t, v) && t.seconds > 0 ? t.seconds : 0;
}

static bool parse_entry(struct book_entry *e, const struct json_value *v)
{
    int64_t attempts, type;

    memset(e, 0, sizeof *e);
    if (!parse_addr(&e->addr, json_get(v, "addr")) ||
        !parse_addr(&e->src, json_get(v, "src")) ||
        !json_read_int(&attempts, json_get(v, "attempts")) ||
        !json_read_int(&type, json_get(v, "bucket_type")))
        return false;
    e->attempts     = attempts < 0           ? 0
                      : attempts > INT32_MAX ? INT32_MAX
                                             : (int32_t)attempts;
    e->is_old       = type == OLD;
    e->last_attempt = parse_stamp(json_get(v, "last_attempt"));
    e->last_success = parse_stamp(json_get(v, "last_success"));
    e->banned_until = parse_stamp(json_get(v, "last_ban_time"));
    return true;
}

bool book_parse(struct book *b, struct span json)
{
    struct json_doc          d;
    const struct json_value *addrs;
    struct span              key;
    struct book_entry        e;
    bool                     is_ok;

    if (json_doc_parse(&d, json, JSON_KEYS_LAST_WINS) != ACCEPT)
        return false;
    addrs = json_get(d.root, "addrs");
    is_ok = json_read_str(&key, json_get(d.root, "key")) &&
            key.n == BOOK_KEY_TEXT &&
            (json_is(addrs, JV_ARRAY) || json_is(addrs, JV_NULL));
    if (is_ok)
        memcpy(b->key, key.p, BOOK_KEY_TEXT);
    for (size_t i = 0; is_ok && i < json_count(addrs); i++)
        if (parse_entry(&e, json_item(addrs, i)))
            book_restore(b, &e);
    json_doc_fini(&d);
    return is_ok;
}

enum err book_load(struct book *b, const char *path)
{
    char       aside[PATH_MAX];
    struct buf text;
    enum err   e;

    buf_init(&text, BOOK_FILE_MAX + (1 << 20));
    e = file_read(&text, path, BOOK_FILE_MAX);
    if (e == ERR_NOT_FOUND)
        e = OK;
    else if (e == ERR_CORRUPT || (e == OK && !book_parse(b, buf_span(&text)))) {
        snprintf(aside, sizeof aside, "%s.bad", path);
        log_event(LOG_WARN,
                  "the address book is damaged; starting an empty one",
                  LOG_STR("kept", aside));
        e = rename(path, aside) == 0
                ? OK
                : fail(ERR_DISK, "%s: cannot rename", path);
    }
    buf_fini(&text);
    return e;
}
