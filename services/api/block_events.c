#include "api/block_events.h"

#include "base/sort.h"
#include "crypto/key.h"
#include "model/block.h"
#include "rpcjson/types.h"

/* ---- what an event is known by ---- */

struct numbered {
    struct query_fact fact;
    size_t            at; /* values of a tag stay in order */
};

struct facts {
    struct numbered *v;
    size_t           n;
    struct arena    *arena;
};

static bool is_before(const void *a, const void *b, const void *ctx)
{
    const struct numbered *x = a, *y = b;
    int                    c = span_cmp(x->fact.tag, y->fact.tag);

    UNUSED(ctx);
    return c ? c < 0 : x->at < y->at;
}

static void add(struct facts *f, struct span tag, struct span value)
{
    f->v[f->n] = (struct numbered){ { tag, value }, f->n };
    f->n++;
}

static struct span join(struct arena *a, struct span type, struct span key)
{
    uint8_t *p = arena_alloc(a, type.n + key.n + 1);

    if (!p)
        return (struct span){ 0 };
    memcpy(p, type.p, type.n);
    p[type.n] = '.';
    memcpy(p + type.n + 1, key.p, key.n);
    return SPAN(p, type.n + key.n + 1);
}

/* The attributes of all events, and room for a few more facts. */
static bool collect(struct facts *f, const struct abci_event *v, size_t n,
                    struct arena *a)
{
    enum { MORE = 3 };
    size_t room = MORE;

    for (size_t i = 0; i < n; i++)
        room += v[i].attributes.n;
    *f =
        (struct facts){ .v = arena_newn(a, struct numbered, room), .arena = a };
    if (!f->v)
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < v[i].attributes.n; k++) {
            const struct abci_attribute *at = &v[i].attributes.v[k];
            struct span                  tag;

            if (v[i].type.n == 0 || at->key.n == 0)
                continue;
            tag = join(a, v[i].type, at->key);
            if (!tag.p)
                return false;
            add(f, tag, at->value);
        }
    return true;
}

static struct query_fact *sorted(struct facts *f)
{
    struct query_fact *out = arena_newn(f->arena, struct query_fact, f->n);

    if (!out)
        return NULL;
    sort_items(f->v, f->n, sizeof *f->v, is_before, NULL);
    for (size_t i = 0; i < f->n; i++)
        out[i] = f->v[i].fact;
    return out;
}

/* ---- how they print ---- */

static void print_block(struct json_writer *w, const void *value)
{
    const struct block_events *b = value;

    jw_object(w);
    jw_key(w, "block");
    rj_block(w, &b->block, RJ_EMPTY_LIST);
    jw_key(w, "block_id");
    rj_block_id(w, &b->meta.block_id);
    jw_key(w, "result_finalize_block");
    rj_finalize_block(w, &b->results);
    jw_object_end(w);
}

static void print_header(struct json_writer *w, const void *value)
{
    const struct block_events *b = value;

    jw_object(w);
    jw_key(w, "header");
    rj_header(w, &b->block.header);
    jw_object_end(w);
}

static void print_events(struct json_writer *w, const void *value)
{
    const struct block_events *b = value;

    jw_object(w);
    JW(w, "height", int_text, b->block.header.height);
    jw_key(w, "events");
    rj_events_plain(w, b->results.events.v, b->results.events.n);
    JW(w, "num_txs", uint_text, b->block.data.txs.n);
    jw_object_end(w);
}

static void print_updates(struct json_writer *w, const void *value)
{
    const struct block_events *b = value;

    jw_object(w);
    jw_key(w, "validator_updates");
    jw_array(w);
    for (size_t i = 0; i < b->results.validator_updates.n; i++) {
        const struct abci_validator_update *u =
            &b->results.validator_updates.v[i];
        uint8_t          address[20] = { 0 };
        struct pubkey    key;
        struct validator v = { .pub_key      = u->pub_key,
                               .voting_power = u->power };

        if (pubkey_make(&key, (enum key_type)u->pub_key.type, u->pub_key.bytes))
            pubkey_address(address, &key);
        v.address = SPAN_OF(address);
        rj_validator(w, &v);
    }
    jw_array_end(w);
    jw_object_end(w);
}

/* One transaction or one piece of evidence of a block. */
struct item {
    const struct block_events *b;
    size_t                     at;
};

static void print_evidence(struct json_writer *w, const void *value)
{
    const struct item *i = value;

    jw_object(w);
    JW(w, "height", int_text, i->b->block.header.height);
    jw_key(w, "evidence");
    rj_evidence(w, &i->b->block.evidence.evidence.v[i->at]);
    jw_object_end(w);
}

static void print_tx(struct json_writer *w, const void *value)
{
    const struct item *i  = value;
    struct span        tx = i->b->block.data.txs.v[i->at];

    jw_object(w);
    jw_key(w, "TxResult");
    jw_object(w);
    JW(w, "height", int_text, i->b->block.header.height);
    if (i->at)
        JW(w, "index", int, (int64_t)i->at);
    if (tx.n)
        JW(w, "tx", base64, tx);
    jw_key(w, "result");
    rj_tx_result_plain(w, &i->b->results.tx_results.v[i->at]);
    jw_object_end(w);
    jw_object_end(w);
}

/* ---- which there are ---- */

struct source {
    const struct block_events *b;
    struct arena              *arena;
    bool (*is_wanted)(void *ctx, const char *name);
    void (*publish)(void *ctx, const struct event_data *d);
    void *ctx;
};

/* One that is known by its name alone. */
static void plain(const struct source *s, struct event_data d)
{
    struct query_fact name = { span_str("tm.event"), span_str(d.name) };

    if (!s->is_wanted(s->ctx, d.name))
        return;
    d.facts  = &name;
    d.n      = 1;
    d.height = s->b->block.header.height;
    s->publish(s->ctx, &d);
}

static void with_facts(const struct source *s, struct event_data d,
                       struct facts *f)
{
    add(f, span_str("tm.event"), span_str(d.name));
    d.facts  = sorted(f);
    d.n      = f->n;
    d.height = s->b->block.header.height;
    if (d.facts)
        s->publish(s->ctx, &d);
}

/* An application may itself have said "tm.event" of something. */
static bool says_tm(const struct abci_event *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (span_eq(v[i].type, span_str("tm")))
            return true;
    return false;
}

static void of_block(const struct source *s, struct event_data d)
{
    const struct block_events *b = s->b;
    struct facts               f;

    if ((s->is_wanted(s->ctx, d.name) ||
         says_tm(b->results.events.v, b->results.events.n)) &&
        collect(&f, b->results.events.v, b->results.events.n, s->arena))
        with_facts(s, d, &f);
}

static void of_tx(const struct source *s, size_t at)
{
    const struct abci_tx_result *r    = &s->b->results.tx_results.v[at];
    struct item                  item = { s->b, at };
    struct hash                  hash;
    char                         hex[65], height[24];
    struct buf                   h, n;
    struct facts                 f;

    if (!s->is_wanted(s->ctx, "Tx") && !says_tm(r->events.v, r->events.n))
        return;
    if (!collect(&f, r->events.v, r->events.n, s->arena))
        return;
    tx_hash(&hash, s->b->block.data.txs.v[at]);
    buf_use(&h, hex, sizeof hex);
    buf_hex_upper(&h, hash_span(&hash));
    buf_use(&n, height, sizeof height);
    buf_printf(&n, "%" PRId64, s->b->block.header.height);
    add(&f, span_str("tx.hash"), buf_span(&h));
    add(&f, span_str("tx.height"), buf_span(&n));
    with_facts(s,
               (struct event_data){ .name  = "Tx",
                                    .type  = "tendermint/event/Tx",
                                    .print = print_tx,
                                    .value = &item },
               &f);
}

static void of_evidence(const struct source *s, size_t at)
{
    struct item item = { s->b, at };

    plain(s, (struct event_data){ .name  = "NewEvidence",
                                  .type  = "tendermint/event/NewEvidence",
                                  .print = print_evidence,
                                  .value = &item });
}

static void begin(const struct source *s, size_t i)
{
    const struct event_data first[] = {
        { .name  = "NewBlock",
          .type  = "tendermint/event/NewBlock",
          .print = print_block,
          .value = s->b },
        { .name  = "NewBlockHeader",
          .type  = "tendermint/event/NewBlockHeader",
          .print = print_header,
          .value = s->b },
        { .name  = "NewBlockEvents",
          .type  = "tendermint/event/NewBlockEvents",
          .print = print_events,
          .value = s->b },
    };

    if (i == 1)
        plain(s, first[i]);
    else
        of_block(s, first[i]);
}

bool block_event(const struct block_events *b, size_t i, struct arena *a,
                 bool (*is_wanted)(void *ctx, const char *name),
                 void (*publish)(void *ctx, const struct event_data *d),
                 void *ctx)
{
    enum { FIRST = 3 };
    struct source s        = { b, a, is_wanted, publish, ctx };
    size_t        evidence = b->block.evidence.evidence.n;
    size_t        txs      = b->block.data.txs.n;
    size_t        updates  = b->results.validator_updates.n ? 1 : 0;

    if (i >= FIRST + evidence + txs + updates)
        return false;
    if (i < FIRST)
        begin(&s, i);
    else if (i < FIRST + evidence)
        of_evidence(&s, i - FIRST);
    else if (i < FIRST + evidence + txs)
        of_tx(&s, i - FIRST - evidence);
    else
        plain(&s, (struct event_data){
                      .name  = "ValidatorSetUpdates",
                      .type  = "tendermint/event/ValidatorSetUpdates",
                      .print = print_updates,
                      .value = b });
    return true;
}
