#include "ledger/view.h"

#include "crypto/bech32.h"
#include "crypto/hash.h"

static const char *const names[LEDGER_TREES] = {
    [STORE_AUTH]    = "auth",
    [STORE_IBC]     = "ibc",
    [STORE_RECORDS] = "records",
};

const char *store_name(enum ledger_store store)
{
    return names[store];
}

enum ledger_store store_find(struct span name)
{
    enum ledger_store s = 0;

    while (s < LEDGER_TREES && !span_eq(span_str(names[s]), name))
        s++;
    return s;
}

bool view_get(const struct ledger_view *v, enum ledger_store store,
              struct span key, struct span *value)
{
    const struct change *ch =
        v->changes ? changes_find(v->changes, store, key) : NULL;

    if (!ch)
        return v->db->get(v->db->ctx, store, key, value);
    *value = ch->value;
    return ch->kind == CHANGE_SET;
}

/* ---- keys ---- */

bool collection_is_valid(struct span name)
{
    if (name.n == 0 || name.n > COLLECTION_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' &&
            c != '_' && c != '-')
            return false;
    }
    return true;
}

bool key_is_valid(struct span key)
{
    return key.n > 0 && key.n <= KEY_BYTES_MAX;
}

static void add(struct state_key *k, struct span s)
{
    must(s.n <= sizeof k->b - k->n);
    if (s.n)
        memcpy(k->b + k->n, s.p, s.n);
    k->n += s.n;
}

static void add_byte(struct state_key *k, uint8_t byte)
{
    add(k, SPAN(&byte, 1));
}

void key_account(struct state_key *k, struct span address)
{
    k->n = 0;
    add_byte(k, 0x01);
    add(k, address);
}

void key_collection(struct state_key *k, struct span name)
{
    k->n = 0;
    add_byte(k, 'c');
    add(k, name);
}

void key_record(struct state_key *k, char kind, struct span collection,
                struct span key)
{
    k->n = 0;
    add_byte(k, (uint8_t)kind);
    add(k, collection);
    add_byte(k, 0);
    add(k, key);
}

void key_history(struct state_key *k, struct span collection, struct span key,
                 uint64_t version)
{
    uint8_t number[8];

    k->n = 0;
    add_byte(k, (uint8_t)collection.n);
    add(k, collection);
    add_byte(k, (uint8_t)(key.n >> 8));
    add_byte(k, (uint8_t)key.n);
    add(k, key);
    store_be64(number, version);
    add(k, SPAN_OF(number));
}

/* ---- objects ---- */

static bool load(const struct pb_desc *d, void *out,
                 const struct ledger_view *v, enum ledger_store store,
                 const struct state_key *k, struct arena *a)
{
    struct span bytes;

    if (!view_get(v, store, state_key_span(k), &bytes))
        return false;
    bytes = arena_copy(a, bytes);
    must(bytes.p && pb_decode(d, out, a, bytes) == ACCEPT);
    return true;
}

static void save(const struct pb_desc *d, const void *msg,
                 const struct ledger_view *v, enum ledger_store store,
                 const struct state_key *k, struct arena *a)
{
    struct span bytes = pb_encode(d, msg, a);

    if (bytes.p)
        changes_set(v->changes, store, state_key_span(k), bytes);
    else
        v->changes->is_full = true;
}

bool account_load(struct ledger_account *out, const struct ledger_view *v,
                  struct span address, struct arena *a)
{
    struct state_key k;

    if (address.n != ADDRESS_BYTES)
        return false;
    key_account(&k, address);
    return load(&ledger_account_desc, out, v, STORE_AUTH, &k, a);
}

void account_save(const struct ledger_view    *v,
                  const struct ledger_account *account, struct arena *a)
{
    struct state_key k;

    key_account(&k, account->address);
    save(&ledger_account_desc, account, v, STORE_AUTH, &k, a);
}

bool collection_load(struct ledger_collection *out, const struct ledger_view *v,
                     struct span name, struct arena *a)
{
    struct state_key k;

    if (!collection_is_valid(name))
        return false;
    key_collection(&k, name);
    return load(&ledger_collection_desc, out, v, STORE_RECORDS, &k, a);
}

void collection_save(const struct ledger_view       *v,
                     const struct ledger_collection *c, struct arena *a)
{
    struct state_key k;

    key_collection(&k, c->name);
    save(&ledger_collection_desc, c, v, STORE_RECORDS, &k, a);
}

/* The stored bytes of the latest version or deletion; borrowed. */
static bool find_record(struct span *bytes, const struct ledger_view *v,
                        struct span collection, struct span key)
{
    struct state_key k;

    key_record(&k, 'r', collection, key);
    if (view_get(v, STORE_RECORDS, state_key_span(&k), bytes))
        return true;
    k.b[0] = 'd';
    return view_get(v, STORE_RECORDS, state_key_span(&k), bytes);
}

bool record_load(struct ledger_record *out, const struct ledger_view *v,
                 struct span collection, struct span key, struct arena *a)
{
    struct span bytes;

    if (!find_record(&bytes, v, collection, key))
        return false;
    bytes = arena_copy(a, bytes);
    must(bytes.p && pb_decode(&ledger_record_desc, out, a, bytes) == ACCEPT);
    return true;
}

struct record_head record_head(const struct ledger_view *v,
                               struct span collection, struct span key)
{
    struct record_head   h = { 0 };
    struct ledger_record r;
    struct arena         none = { 0 }; /* a record holds no lists */
    struct span          bytes;

    if (!find_record(&bytes, v, collection, key))
        return h;
    must(pb_decode(&ledger_record_desc, &r, &none, bytes) == ACCEPT);
    h.version    = r.version;
    h.height     = r.height;
    h.is_deleted = r.is_deleted;
    sha256(&h.digest, bytes);
    return h;
}

void record_save(const struct ledger_view *v, const struct ledger_record *r,
                 struct span collection, struct span key, struct arena *a)
{
    struct state_key k, other;
    struct span      bytes;

    key_record(&k, r->is_deleted ? 'd' : 'r', collection, key);
    key_record(&other, r->is_deleted ? 'r' : 'd', collection, key);
    bytes = pb_encode(&ledger_record_desc, r, a);
    if (!bytes.p) {
        v->changes->is_full = true;
        return;
    }
    changes_set(v->changes, STORE_RECORDS, state_key_span(&k), bytes);
    if (r->version > 1)
        changes_delete(v->changes, STORE_RECORDS, state_key_span(&other));
    key_history(&k, collection, key, r->version);
    changes_set(v->changes, STORE_HISTORY, state_key_span(&k), bytes);
}

/* ---- addresses ---- */

struct span account_address_text(struct span address, struct arena *a)
{
    enum { TEXT_MAX = 128 };
    char      *mem = arena_alloc(a, TEXT_MAX);
    struct buf b;

    if (!mem || address.n > 32)
        return (struct span){ 0 };
    buf_use(&b, mem, TEXT_MAX);
    bech32_encode(&b, ADDRESS_PREFIX, address);
    return buf_span(&b);
}

bool account_address_parse(uint8_t out[ADDRESS_BYTES], struct span text)
{
    uint8_t bytes[255];
    size_t  n;

    if (!bech32_address_decode(bytes, &n, ADDRESS_PREFIX, text) ||
        n != ADDRESS_BYTES)
        return false;
    memcpy(out, bytes, ADDRESS_BYTES);
    return true;
}
