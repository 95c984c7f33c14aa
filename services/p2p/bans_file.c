#include "p2p/bans_file.h"

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "p2p/greet.h"
#include "json/read.h"
#include "json/write.h"

#include <limits.h>
#include <stdio.h>

bool bans_path(char *out, size_t n, const char *book_path)
{
    const char *slash  = strrchr(book_path, '/');
    int         folder = slash ? (int)(slash - book_path) + 1 : 0;
    int         len    = snprintf(out, n, "%.*sbans.json", folder, book_path);

    return len > 0 && (size_t)len < n;
}

void bans_print(struct buf *out, const struct bans *b, int64_t now)
{
    struct json_writer w;
    char               id[NODE_ID_TEXT + 1];

    jw_init(&w, out, 2);
    jw_object(&w);
    jw_key(&w, "bans");
    jw_array(&w);
    for (size_t i = 0; i < BANS_MAX; i++) {
        if (b->ban[i].until <= now)
            continue;
        node_id_print(id, b->ban[i].id);
        jw_object(&w);
        JW(&w, "id", cstr, id);
        JW(&w, "until", stamp, ((struct stamp){ b->ban[i].until, 0 }));
        jw_object_end(&w);
    }
    jw_array_end(&w);
    jw_object_end(&w);
    buf_byte(out, '\n');
}

void bans_save(const struct bans *b, const char *path, int64_t now)
{
    struct buf text;

    buf_init(&text, BANS_FILE_MAX);
    bans_print(&text, b, now);
    if (text.is_full || file_replace(path, buf_span(&text), 0644) != OK)
        log_event(LOG_WARN, "the bans were not saved", LOG_STR("path", path));
    buf_fini(&text);
}

static void restore(struct bans *b, const struct json_value *v, int64_t now)
{
    int64_t      longest = now + INT64_C(86400) * BAN_DAYS_MAX;
    uint8_t      id[ADDRESS_BYTES];
    struct span  text;
    struct stamp until;

    if (json_read_str(&text, json_get(v, "id")) &&
        hex_decode(id, sizeof id, text) &&
        json_read_stamp(&until, json_get(v, "until")) && until.seconds > now)
        bans_add(b, id, until.seconds < longest ? until.seconds : longest, now);
}

bool bans_parse(struct bans *b, struct span json, int64_t now)
{
    struct json_doc          d;
    const struct json_value *list;
    bool                     is_ok;

    if (json_doc_parse(&d, json, JSON_KEYS_LAST_WINS) != ACCEPT)
        return false;
    list  = json_get(d.root, "bans");
    is_ok = json_is(list, JV_ARRAY);
    for (size_t i = 0; is_ok && i < json_count(list) && i < BANS_MAX; i++)
        restore(b, json_item(list, i), now);
    json_doc_fini(&d);
    return is_ok;
}

enum err bans_load(struct bans *b, const char *path, int64_t now)
{
    char       aside[PATH_MAX];
    struct buf text;
    enum err   e;

    buf_init(&text, BANS_FILE_MAX + 1);
    e = file_read(&text, path, BANS_FILE_MAX);
    if (e == ERR_NOT_FOUND) {
        e = OK;
    } else if (e == ERR_CORRUPT ||
               (e == OK && !bans_parse(b, buf_span(&text), now))) {
        snprintf(aside, sizeof aside, "%s.bad", path);
        log_event(LOG_WARN, "the list of bans is damaged; starting without",
                  LOG_STR("kept", aside));
        e = rename(path, aside) == 0
                ? OK
                : fail(ERR_DISK, "%s: cannot rename", path);
    }
    buf_fini(&text);
    return e;
}
