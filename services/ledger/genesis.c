#include "ledger/genesis.h"

#include "base/text.h"
#include "crypto/key.h"
#include "json/read.h"

#include <stdarg.h>
#include <stdio.h>

enum { WHY_BYTES = 512 };

struct reader {
    const struct ledger_view *view;
    struct arena             *arena;
    struct arena              item; /* scratch of one account or collection */
    char                     *why;  /* not empty: refused */
    const char               *list; /* "accounts" */
    size_t                    at;   /* index in it */
};

static bool refuse(struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool refuse(struct reader *r, const char *fmt, ...)
{
    va_list ap;
    int     n = 0;

    if (r->list)
        n = snprintf(r->why, WHY_BYTES, "app_state.%s[%zu]: ", r->list, r->at);
    else
        n = snprintf(r->why, WHY_BYTES, "app_state: ");
    va_start(ap, fmt);
    vsnprintf(r->why + n, WHY_BYTES - (size_t)n, fmt, ap);
    va_end(ap);
    return false;
}

/* Every member of the object is one of the names (NULL at the end). */
static bool only_known(struct reader *r, const struct json_value *object,
                       const char *what, const char *const *names)
{
    const struct json_value *v;
    const char              *key;
    void                    *at = NULL;

    if (!json_is(object, JV_OBJECT))
        return refuse(r, "%s must be an object", what);
    while (json_each(object, &at, &key, &v)) {
        size_t i = 0;

        while (names[i] && strcmp(names[i], key) != 0)
            i++;
        if (!names[i])
            return refuse(r,
                          "unknown member \"%.64s\" in %s; known are %s%s%s"
                          "%s%s",
                          key, what, names[0], names[1] ? ", " : "",
                          names[1] ? names[1] : "",
                          names[1] && names[2] ? ", " : "",
                          names[1] && names[2] ? names[2] : "");
    }
    return true;
}

/* ---- accounts ---- */

static bool read_address(struct reader *r, const struct json_value *v,
                         uint8_t out[ADDRESS_BYTES])
{
    struct span text;

    if (json_read_str(&text, v) && account_address_parse(out, text))
        return true;
    return refuse(r, "%.*s is not an address (warren1..., 20 bytes)",
                  json_read_str(&text, v) && text.n < 128 ? (int)text.n : 7,
                  json_read_str(&text, v) && text.n < 128 ? (const char *)text.p
                                                          : "a value");
}

static bool read_key(struct reader *r, const struct json_value *v,
                     struct pubkey *key)
{
    static const char *const names[] = { "type", "value", NULL };
    struct span              type, bytes;
    enum key_type            t = KEY_TYPE_NONE;

    if (!only_known(r, v, "pub_key", names))
        return false;
    if (!json_read_str(&type, json_get(v, "type")))
        return refuse(r, "pub_key.type is missing");
    if (span_eq(type, span_str("secp256k1")))
        t = KEY_TYPE_SECP256K1;
    else if (span_eq(type, span_str("ed25519")))
        t = KEY_TYPE_ED25519;
    else
        return refuse(r, "pub_key.type must be secp256k1 or ed25519");
    if (!json_is(json_get(v, "value"), JV_STRING) ||
        !json_read_base64(&bytes, json_get(v, "value"), &r->item) ||
        !pubkey_make(key, t, bytes))
        return refuse(r, "pub_key.value is not the base64 of a %s key",
                      key_type_name(t));
    return true;
}

static bool read_account(struct reader *r, const struct json_value *v)
{
    static const char *const names[] = { "address", "pub_key", "org", NULL };
    struct ledger_account    account = { .account_number = r->at }, other;
    uint8_t                  address[ADDRESS_BYTES], derived[ADDRESS_BYTES];
    struct pubkey            key;

    if (!only_known(r, v, "an account", names) ||
        !read_address(r, json_get(v, "address"), address) ||
        !read_key(r, json_get(v, "pub_key"), &key))
        return false;
    pubkey_address(derived, &key);
    if (memcmp(address, derived, sizeof address) != 0)
        return refuse(r, "address is not that of pub_key");
    if (json_get(v, "org") &&
        (!json_read_str(&account.org, json_get(v, "org")) ||
         account.org.n > ORG_BYTES_MAX))
        return refuse(r, "org must be a text of at most %d bytes",
                      ORG_BYTES_MAX);
    account.address  = SPAN_OF(address);
    account.key_type = (int32_t)key.type;
    account.pub_key  = pubkey_span(&key);
    if (account_load(&other, r->view, account.address, &r->item))
        return refuse(r, "the address stands twice");
    account_save(r->view, &account, &r->item);
    return true;
}

/* ---- collections ---- */

static bool read_writers(struct reader *r, const struct json_value *v,
                         struct ledger_collection *c)
{
    struct span text;

    if (!v)
        return true;
    if (json_read_str(&text, v) && span_eq(text, span_str("*"))) {
        c->is_open = true;
        return true;
    }
    if (!json_is(v, JV_ARRAY) || json_count(v) > WRITERS_MAX)
        return refuse(r,
                      "writers must be \"*\" or a list of at most %d"
                      " addresses",
                      WRITERS_MAX);
    c->writers.n = json_count(v);
    c->writers.v = arena_newn(&r->item, struct span, c->writers.n);
    for (size_t i = 0; i < c->writers.n; i++) {
        uint8_t *address = arena_alloc(&r->item, ADDRESS_BYTES);

        if (!c->writers.v || !address)
            return refuse(r, "too large");
        if (!read_address(r, json_item(v, i), address))
            return false;
        c->writers.v[i] = SPAN(address, ADDRESS_BYTES);
    }
    return true;
}

static bool read_collection(struct reader *r, const struct json_value *v)
{
    static const char *const names[] = { "name", "writers", NULL };
    struct ledger_collection c       = { .is_open = false }, other;

    if (!only_known(r, v, "a collection", names))
        return false;
    if (!json_read_str(&c.name, json_get(v, "name")) ||
        !collection_is_valid(c.name))
        return refuse(r, "name must be 1 to %d of a-z 0-9 . _ -",
                      COLLECTION_BYTES_MAX);
    if (!read_writers(r, json_get(v, "writers"), &c))
        return false;
    if (collection_load(&other, r->view, c.name, &r->item))
        return refuse(r, "the name \"%.*s\" stands twice", (int)c.name.n,
                      (const char *)c.name.p);
    collection_save(r->view, &c, &r->item);
    return true;
}

/* ---- all of it ---- */

static bool read_list(struct reader *r, const struct json_value *root,
                      const char *name, size_t max,
                      bool (*item)(struct reader           *r,
                                   const struct json_value *v))
{
    const struct json_value *list = json_get(root, name);

    if (!list)
        return true;
    if (!json_is(list, JV_ARRAY) || json_count(list) > max)
        return refuse(r, "%s must be a list of at most %zu", name, max);
    r->list = name;
    for (r->at = 0; r->at < json_count(list); r->at++) {
        arena_reset(&r->item);
        if (!item(r, json_item(list, r->at)))
            return false;
    }
    r->list = NULL;
    return true;
}

static bool read_all(struct reader *r, const struct json_value *root)
{
    static const char *const names[] = { "accounts", "collections", NULL };

    return only_known(r, root, "it", names) &&
           read_list(r, root, "accounts", ACCOUNTS_MAX, read_account) &&
           read_list(r, root, "collections", COLLECTIONS_MAX, read_collection);
}

static void write_formats(const struct ledger_view *v)
{
    for (int s = 0; s < LEDGER_TREES; s++)
        changes_set(v->changes, (enum ledger_store)s, span_str(FORMAT_KEY),
                    span_str(FORMAT_VALUE));
}

const char *genesis_apply(const struct ledger_view *v, struct span app_state,
                          struct arena *a)
{
    enum { ITEM_BYTES = 1 << 20 };
    struct reader   r = { .view = v, .arena = a };
    struct json_doc d;
    void           *item = arena_alloc(a, ITEM_BYTES);

    r.why = arena_alloc(a, WHY_BYTES);
    if (!r.why || !item)
        return "app_state: too large";
    arena_use(&r.item, item, ITEM_BYTES);
    write_formats(v);
    if (app_state.n == 0)
        return NULL;
    if (json_doc_parse(&d, app_state, JSON_KEYS_UNIQUE) != ACCEPT) {
        refuse(&r, "%s", d.why);
        return r.why;
    }
    read_all(&r, d.root);
    json_doc_fini(&d);
    if (v->changes->is_full)
        return "app_state: too large";
    return *r.why ? r.why : NULL;
}
