#include "ledger/records.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "ledger/value.h"

#include <stdio.h>

static const struct {
    const char           *url, *response_url, *action;
    const struct pb_desc *desc;
} kinds[] = {
    [MESSAGE_PUT]    = { MSG_PUT_URL, "/warren.ledger.v1.MsgPutResponse", "put",
                         &ledger_put_desc },
    [MESSAGE_DELETE] = { MSG_DELETE_URL, "/warren.ledger.v1.MsgDeleteResponse",
                         "delete", &ledger_delete_desc },
};

const char *message_url(enum message_kind kind)
{
    return kinds[kind].url;
}

const char *message_response_url(enum message_kind kind)
{
    return kinds[kind].response_url;
}

/* ---- what needs no state ---- */

static bool check_value(struct span value, struct outcome *out, struct arena *a)
{
    const char *why;
    size_t      at;

    if (value.n > VALUE_BYTES_MAX)
        return refuse(out, a, CODE_TOO_LARGE, DETAIL("limit", VALUE_BYTES_MAX),
                      "a value has %zu bytes, at most %d may stand in a record",
                      value.n, VALUE_BYTES_MAX);
    why = value_check(value, &at);
    if (why)
        return refuse(out, a, CODE_MALFORMED, DETAIL("at", at),
                      "a value is not canonical JSON: %s (byte %zu)", why, at);
    return true;
}

static bool check_forms(struct message *m, struct outcome *out, struct arena *a)
{
    const struct ledger_msg *msg = &m->msg;

    if (!account_address_parse(m->signer, msg->signer))
        return refuse(out, a, CODE_MALFORMED, NO_DETAIL,
                      "the signer is not an address (warren1...)");
    if (!collection_is_valid(msg->collection))
        return refuse(out, a, CODE_MALFORMED, NO_DETAIL,
                      "a collection's name is 1 to %d of a-z 0-9 . _ -",
                      COLLECTION_BYTES_MAX);
    if (msg->key.n > KEY_BYTES_MAX)
        return refuse(out, a, CODE_TOO_LARGE, DETAIL("limit", KEY_BYTES_MAX),
                      "a key has %zu bytes, at most %d may", msg->key.n,
                      KEY_BYTES_MAX);
    if (!key_is_valid(msg->key))
        return refuse(out, a, CODE_MALFORMED, NO_DETAIL, "the key is empty");
    if (msg->precondition && msg->precondition->which == CONDITION_ABSENT &&
        !msg->precondition->absent)
        return refuse(out, a, CODE_MALFORMED, NO_DETAIL,
                      "the precondition absent must be true or left out");
    return m->kind == MESSAGE_DELETE || check_value(msg->value, out, a);
}

bool message_decode(struct message *m, struct span type_url, struct span value,
                    struct outcome *out, struct arena *a, struct arena *scratch)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (!span_eq(type_url, span_str(kinds[i].url)))
            continue;
        m->kind = (enum message_kind)i;
        if (pb_decode(kinds[i].desc, &m->msg, scratch, value) != ACCEPT)
            return refuse(out, a, CODE_MALFORMED, NO_DETAIL,
                          "a %s does not decode", kinds[i].url + 1);
        return check_forms(m, out, a);
    }
    return refuse(out, a, CODE_MALFORMED, NO_DETAIL,
                  "unknown message type; known are %s and %s", MSG_PUT_URL,
                  MSG_DELETE_URL);
}

/* ---- who may ---- */

bool message_allowed(const struct message *m, const struct ledger_view *v,
                     struct outcome *out, struct arena *a,
                     struct arena *scratch)
{
    struct ledger_collection c;
    struct span              signer = SPAN_OF(m->signer);

    if (!collection_load(&c, v, m->msg.collection, scratch))
        return refuse(out, a, CODE_NOT_FOUND, NO_DETAIL,
                      "there is no collection \"%.*s\"",
                      (int)m->msg.collection.n,
                      (const char *)m->msg.collection.p);
    if (c.is_open)
        return true;
    for (size_t i = 0; i < c.writers.n; i++)
        if (span_eq(c.writers.v[i], signer))
            return true;
    return refuse(out, a, CODE_FORBIDDEN, NO_DETAIL,
                  "%.*s may not write to the collection \"%.*s\"",
                  (int)m->msg.signer.n, (const char *)m->msg.signer.p,
                  (int)c.name.n, (const char *)c.name.p);
}

/* ---- preconditions ---- */

static bool conflict(struct outcome *out, struct arena *a, uint64_t version,
                     const char *wanted)
{
    return refuse(out, a, CODE_VERSION_CONFLICT, DETAIL("current", version),
                  "the record has version %" PRIu64 ", %s", version, wanted);
}

/* version 0: there is no such record. */
static bool check_precondition(const struct ledger_precondition *p,
                               uint64_t version, int64_t height,
                               struct outcome *out, struct arena *a)
{
    char text[64];

    if (!p)
        return true;
    switch (p->which) {
    case CONDITION_ABSENT:
        return version == 0 ||
               refuse(out, a, CODE_EXISTS, DETAIL("current", version),
                      "the record exists, with version %" PRIu64, version);
    case CONDITION_VERSION:
        snprintf(text, sizeof text, "not %" PRIu64, p->version);
        return version == p->version || conflict(out, a, version, text);
    case CONDITION_UNCHANGED_SINCE:
        snprintf(text, sizeof text, "written at height %" PRId64, height);
        return height <= p->unchanged_since || conflict(out, a, version, text);
    default: return true;
    }
}

/* ---- execution ---- */

/* Keys as text where they are text, else in hex. */
static struct span key_text(struct span key, struct arena *a)
{
    bool       is_text = utf8_valid(key);
    struct buf b;
    uint8_t   *mem;

    for (size_t i = 0; i < key.n; i++)
        is_text &= key.p[i] >= 0x20 && key.p[i] != 0x7f;
    if (is_text)
        return key;
    mem = arena_alloc(a, 2 + 2 * key.n);
    if (!mem)
        return (struct span){ 0 };
    buf_use(&b, mem, 2 + 2 * key.n);
    buf_str(&b, "0x");
    buf_hex(&b, key);
    return buf_span(&b);
}

static struct span number_text(uint64_t v, struct arena *a)
{
    char *text = arena_alloc(a, 24);

    if (!text)
        return (struct span){ 0 };
    snprintf(text, 24, "%" PRIu64, v);
    return span_str(text);
}

static bool make_event(struct abci_event *event, const struct message *m,
                       uint64_t version, size_t index, struct arena *a)
{
    struct abci_attribute v[] = {
        { span_str("action"), span_str(kinds[m->kind].action), false },
        { span_str("collection"), m->msg.collection, true },
        { span_str("key"), key_text(m->msg.key, a), true },
        { span_str("version"), number_text(version, a), false },
        { span_str("writer"), account_address_text(SPAN_OF(m->signer), a),
          false },
        { span_str("msg_index"), number_text(index, a), false },
    };
    struct abci_attribute *copy =
        arena_newn(a, struct abci_attribute, COUNT(v));

    if (!copy)
        return false;
    memcpy(copy, v, sizeof v);
    event->type         = span_str("record");
    event->attributes.v = copy;
    event->attributes.n = COUNT(v);
    return true;
}

static bool write_record(const struct message *m, const struct ledger_view *v,
                         const struct message_place *place,
                         const struct record_head *old, struct arena *scratch)
{
    struct ledger_record r = {
        .version    = old->version + 1,
        .height     = place->height,
        .tx_hash    = hash_span(&place->tx_hash),
        .writer     = SPAN_OF(m->signer),
        .is_deleted = m->kind == MESSAGE_DELETE,
    };

    if (!r.is_deleted)
        r.value = m->msg.value;
    if (old->version)
        r.previous = hash_span(&old->digest);
    record_save(v, &r, m->msg.collection, m->msg.key, scratch);
    return !v->changes->is_full;
}

bool message_execute(const struct message *m, const struct ledger_view *v,
                     const struct message_place *place, struct span *response,
                     struct abci_event *event, struct outcome *out,
                     struct arena *a, struct arena *scratch)
{
    struct ledger_msg_response res;
    struct record_head         old;
    uint64_t                   present;

    if (!message_allowed(m, v, out, a, scratch))
        return false;
    old     = record_head(v, m->msg.collection, m->msg.key);
    present = old.is_deleted ? 0 : old.version;
    if (!check_precondition(m->msg.precondition, present, old.height, out, a))
        return false;
    if (m->kind == MESSAGE_DELETE && present == 0)
        return refuse(out, a, CODE_NOT_FOUND, NO_DETAIL,
                      "there is no such record to delete");
    res.version = old.version + 1;
    *response   = pb_encode(&ledger_msg_response_desc, &res, a);
    if (!write_record(m, v, place, &old, scratch) || !response->p ||
        !make_event(event, m, res.version, place->index, a))
        return refuse(out, a, CODE_BUSY, NO_DETAIL, "out of memory");
    return true;
}
