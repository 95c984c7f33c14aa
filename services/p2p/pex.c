/* Address exchange, after CometBFT v0.38 p2p/pex/pex_reactor.go. */
#include "p2p/internal.h"

#include "wire/pex.h"

enum {
    SEED_BIAS     = 30, /* of a seed's answer, towards new addresses */
    ATTEMPTS_MAX  = 16, /* dials in vain until an address is bad */
    CRAWL_SECONDS = 120,
    SEED_KEEPS_US = 300, /* times SECOND: how long a seed keeps a peer */
};

#define REQUESTS_APART_US (10 * SECOND)

static const uint8_t request[] = { 0x0a, 0x00 };

static void ask(struct p2p_effects *out, struct conn *c)
{
    if (c->was_asked)
        return;
    c->was_asked                           = true;
    fx_add(out, FX_SEND, c->number)->bytes = SPAN_OF(request);
}

/* Whether an address may be passed on and dialled at all. */
static void learn(struct p2p *p, const struct netaddr *addr,
                  const struct netaddr *src, struct moment now)
{
    if (memcmp(addr->id, p->self, ADDRESS_BYTES) != 0 &&
        !id_listed(&p->private_ids, addr->id) &&
        !id_listed(&p->private_ids, src->id))
        book_add(p->book, addr, src, now.wall);
}

/* Where the connection itself comes from: nobody can choose that freely, so
 * it decides which part of the book a peer can fill. */
static struct netaddr source_of(const struct conn *c)
{
    struct netaddr a = { .port = c->has_says ? c->says.port : 0 };

    memcpy(a.id, c->id, ADDRESS_BYTES);
    memcpy(a.ip, c->ip, IP_BYTES);
    return a;
}

void pex_up(struct p2p *p, struct p2p_effects *out, struct conn *c,
            struct moment now)
{
    struct netaddr     src = source_of(c);
    struct book_entry *e;

    if (!p->book)
        return;
    e = book_find(p->book, c->id);
    if (e)
        e->failures = 0;
    if (c->is_outbound) {
        src.port = c->dialled.port;
        learn(p, &src, &src, now);
        if (book_needs_more(p->book) || p->config.is_seed)
            ask(out, c);
    } else if (c->has_says) {
        learn(p, &c->says, &src, now);
    }
}

void pex_failed(struct p2p *p, const struct conn *c, struct moment now)
{
    if (p->book)
        book_mark_attempt(p->book, c->id, now.wall);
}

/* ---- what peers ask and answer ---- */

static void punish(struct p2p *p, struct p2p_effects *out, struct conn *c,
                   const char *why, struct moment now)
{
    conn_ban(p, c, BAN_SECONDS, now);
    conn_close(p, out, c, why, now);
}

/* Two requests are free, then one every ten seconds is. */
static bool is_too_soon(struct conn *c, struct moment now)
{
    c->requests++;
    if (c->requests > 2 && now.us < c->last_request_us + REQUESTS_APART_US)
        return true;
    if (c->requests > 1)
        c->last_request_us = now.us;
    return false;
}

static struct span encode_addrs(struct p2p *p, struct p2p_effects *out,
                                const struct netaddr *addrs, size_t n)
{
    struct net_address_msg *v =
        arena_newn(&p->arena, struct net_address_msg, n ? n : 1);
    struct pex_addrs list;
    struct pex_msg   m = { .which = PEX_ADDRS, .pex_addrs = &list };
    size_t           size;

    must(v != NULL);
    for (size_t i = 0; i < n; i++) {
        char *text = arena_alloc(&p->arena, NODE_ID_TEXT + IP_TEXT_MAX + 2);

        must(text != NULL);
        node_id_print(text, addrs[i].id);
        ip_print(text + NODE_ID_TEXT + 1, addrs[i].ip);
        v[i] = (struct net_address_msg){ span_str(text),
                                         span_str(text + NODE_ID_TEXT + 1),
                                         addrs[i].port };
    }
    list.addrs.v = v;
    list.addrs.n = n;
    size         = pb_size(&pex_msg_desc, &m);
    must(size <= sizeof out->pex);
    pb_encode_to(&pex_msg_desc, &m, out->pex, size);
    return SPAN(out->pex, size);
}

/* A seed answers once and parts. */
static void on_request(struct p2p *p, struct p2p_effects *out, struct conn *c,
                       struct moment now)
{
    struct netaddr found[BOOK_SELECTED_MAX];
    bool           is_last = p->config.is_seed && !c->is_outbound;
    size_t         n;

    if (is_last ? c->requests++ > 0 : is_too_soon(c, now)) {
        if (!is_last)
            punish(p, out, c, "asks for addresses too often", now);
        return;
    }
    n = book_select(p->book, found, is_last ? SEED_BIAS : -1);
    fx_add(out, FX_SEND, c->number)->bytes = encode_addrs(p, out, found, n);
    if (is_last && !is_persistent(p, c->id))
        fx_add(out, FX_FLUSH, c->number);
}

static bool to_netaddr(struct netaddr *out, const struct net_address_msg *m)
{
    char             text[NODE_ID_TEXT + IP_TEXT_MAX + 16];
    struct node_addr a;
    struct buf       b;

    buf_use(&b, text, sizeof text);
    buf_add(&b, m->id);
    buf_str(&b, "@[");
    buf_add(&b, m->ip);
    buf_printf(&b, "]:%" PRIu32, m->port);
    if (b.is_full || !node_addr_parse(&a, buf_span(&b)) || !a.is_ip)
        return false;
    memcpy(out->id, a.id, sizeof out->id);
    memcpy(out->ip, a.ip, sizeof out->ip);
    out->port = a.port;
    return true;
}

static bool is_seed_id(const struct p2p *p, const uint8_t id[ADDRESS_BYTES])
{
    for (size_t i = 0; i < p->target_count; i++)
        if (p->targets[i].is_seed &&
            memcmp(p->targets[i].addr.id, id, ADDRESS_BYTES) == 0)
            return true;
    return false;
}

static void on_addrs(struct p2p *p, struct p2p_effects *out, struct conn *c,
                     const struct pex_addrs *list, struct moment now)
{
    struct netaddr src = source_of(c), addr;

    if (!c->was_asked || list->addrs.n > PEX_ADDRS_MAX) {
        punish(p, out, c, "addresses that nobody asked for", now);
        return;
    }
    c->was_asked = false;
    for (size_t i = 0; i < list->addrs.n; i++)
        if (to_netaddr(&addr, &list->addrs.v[i]))
            learn(p, &addr, &src, now);
    if (is_seed_id(p, c->id))
        pex_ensure(p, out, false, now);
}

void pex_message(struct p2p *p, struct p2p_effects *out, struct conn *c,
                 struct span bytes, struct moment now)
{
    struct pex_msg m;

    if (!p->book || c->stage != CONN_UP)
        return;
    arena_reset(&p->arena);
    if (pb_decode(&pex_msg_desc, &m, &p->arena, bytes) != ACCEPT ||
        pex_msg_validate(&m) != ACCEPT) {
        punish(p, out, c, "malformed address message", now);
        return;
    }
    if (m.which == PEX_REQUEST)
        on_request(p, out, c, now);
    else
        on_addrs(p, out, c, m.pex_addrs, now);
}

/* ---- having enough peers ---- */

/* How long an address that failed before is left alone. */
static bool is_too_early(struct p2p *p, const struct book_entry *e,
                         struct moment now)
{
    int64_t pause = e->failures > 0 ? INT64_C(1) << e->failures : 0;

    return now.wall < e->last_attempt + pause +
                          (int64_t)dice_below(&p->dice, 2) * (pause > 0);
}

static bool dial_entry(struct p2p *p, struct p2p_effects *out,
                       struct book_entry *e, struct moment now)
{
    struct dial_addr to = { .port = e->addr.port };

    if (e->failures > ATTEMPTS_MAX) {
        book_mark_bad(p->book, e->addr.id, now.wall + BAN_SECONDS);
        return false;
    }
    if (conn_by_id(p, e->addr.id) || is_too_early(p, e, now) ||
        bans_hold(&p->bans, e->addr.id, now.wall) ||
        (!p->config.allow_duplicate_ip && conn_with_ip(p, e->addr.ip, 0)))
        return false;
    memcpy(to.id, e->addr.id, ADDRESS_BYTES);
    ip_print(to.host, e->addr.ip);
    return conn_dial(p, out, &to, now) != NULL;
}

static size_t count_outbound(const struct p2p *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->conns_used; i++) {
        const struct conn *c = &p->conns[i];

        n += c->stage != CONN_FREE && c->is_outbound &&
             !id_listed(&p->unconditional_ids, c->id);
    }
    return n;
}

static void ask_somebody(struct p2p *p, struct p2p_effects *out)
{
    size_t       seen   = 0;
    struct conn *chosen = NULL;

    for (size_t i = 0; i < p->conns_used; i++)
        if (p->conns[i].stage == CONN_UP && dice_below(&p->dice, ++seen) == 0)
            chosen = &p->conns[i];
    if (chosen)
        ask(out, chosen);
}

/* One seed, by chance, unless one is at hand already. */
static void dial_a_seed(struct p2p *p, struct p2p_effects *out,
                        struct moment now)
{
    const struct target *chosen = NULL;
    size_t               seen   = 0;

    for (size_t i = 0; i < p->target_count; i++) {
        if (!p->targets[i].is_seed)
            continue;
        if (conn_by_id(p, p->targets[i].addr.id))
            return;
        if (dice_below(&p->dice, ++seen) == 0)
            chosen = &p->targets[i];
    }
    if (chosen)
        conn_dial(p, out, &chosen->addr, now);
}

/* The fewer peers there are, the more those are preferred that proved good. */
static size_t dial_some(struct p2p *p, struct p2p_effects *out, size_t want,
                        size_t have, struct moment now)
{
    unsigned bias = (unsigned)(have < 8 ? have : 8) * 10 + 10;
    size_t   n    = 0;

    for (size_t i = 0; i < 3 * want && n < want; i++) {
        const struct book_entry *e = book_pick(p->book, bias);

        if (e && dial_entry(p, out, book_find(p->book, e->addr.id), now))
            n++;
    }
    return n;
}

/* A seed looks around: peers that it had long enough go, others come. */
static void crawl(struct p2p *p, struct p2p_effects *out, struct moment now)
{
    struct netaddr found[BOOK_SELECTED_MAX];
    size_t         n = book_select(p->book, found, -1);

    for (size_t i = 0; i < p->conns_used; i++) {
        struct conn *c = &p->conns[i];

        if (c->stage == CONN_UP && !is_persistent(p, c->id) &&
            now.us > c->since_us + SEED_KEEPS_US * SECOND)
            conn_close(p, out, c, "a seed parts after a while", now);
    }
    for (size_t i = 0; i < n; i++) {
        struct book_entry *e = book_find(p->book, found[i].id);

        if (count_outbound(p) >= p->config.outbound_max)
            return;
        if (e && e->last_attempt + CRAWL_SECONDS <= now.wall &&
            dial_entry(p, out, e, now))
            e->last_attempt = now.wall;
    }
}

void pex_ensure(struct p2p *p, struct p2p_effects *out, bool may_ask,
                struct moment now)
{
    size_t have = count_outbound(p), want, dialled = 0;

    if (!p->book || !p->is_ready)
        return;
    if (p->config.is_seed) {
        crawl(p, out, now);
        if (book_size(p->book) == 0)
            dial_a_seed(p, out, now);
        return;
    }
    if (have >= p->config.outbound_max)
        return;
    want    = p->config.outbound_max - have;
    dialled = dial_some(p, out, want, have, now);
    if (!book_needs_more(p->book))
        return;
    book_reinstate(p->book, now.wall);
    if (may_ask)
        ask_somebody(p, out);
    if (dialled == 0)
        dial_a_seed(p, out, now);
}
