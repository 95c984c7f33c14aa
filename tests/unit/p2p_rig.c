#include "p2p_rig.h"

#include <stdio.h>
#include <stdlib.h>

struct p2p         *p;
struct p2p_effects *fx;
struct moment       now;
char                story[STORY_MAX];

static struct book *book;

struct p2p_config config_of(uint32_t in, uint32_t out)
{
    return (struct p2p_config){ .inbound_max        = in,
                                .outbound_max       = out,
                                .allow_duplicate_ip = true,
                                .has_pex            = true,
                                .greeting_us        = 20 * SECOND };
}

void id_of(uint8_t id[ADDRESS_BYTES], uint32_t n)
{
    memset(id, 0, ADDRESS_BYTES);
    store_be32(id, n);
}

void ip_of(uint8_t ip[IP_BYTES], const char *text)
{
    must(ip_parse(ip, span_str(text)));
}

void set_up(const struct p2p_config *c)
{
    uint8_t self[ADDRESS_BYTES];
    book = calloc(1, sizeof *book);
    p    = calloc(1, sizeof *p);
    fx   = calloc(1, sizeof *fx);
    must(p && fx && book);
    id_of(self, 500);
    now = (struct moment){ 1000 * SECOND, 1700000000 };
    book_init(book, false, "0123456789abcdef01234567", 1);
    p2p_init(p, c, self, book, 1, now);
    story[0] = 0;
}

void clean_up(void)
{
    free(book);
    p2p_fini(p);
    free(p);
    free(fx);
}

static void tell(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void tell(const char *fmt, ...)
{
    size_t  n = strlen(story);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(story + n, sizeof story - n, fmt, ap);
    va_end(ap);
}

/* Connections by slot: numbers grow, slots are easy to read. */
static unsigned slot(uint64_t conn)
{
    return (unsigned)(conn % CONNS_MAX);
}

static void tell_effect(const struct p2p_effect *e)
{
    switch (e->kind) {
    case FX_GREET: tell("greet %u; ", slot(e->conn)); break;
    case FX_REFUSE: tell("refuse; "); break;
    case FX_DIAL:
        tell("dial %u %s:%u; ", slot(e->conn), e->addr->host, e->addr->port);
        break;
    case FX_UP: tell("up %u; ", slot(e->conn)); break;
    case FX_CLOSE: tell("close %u %s; ", slot(e->conn), e->why); break;
    case FX_SEND: tell("send %u %zu bytes; ", slot(e->conn), e->bytes.n); break;
    case FX_FLUSH: tell("flush %u; ", slot(e->conn)); break;
    case FX_SAVE: tell("save; "); break;
    case FX_SAVE_BANS: tell("save bans; "); break;
    }
}

uint64_t step(struct p2p_event ev)
{
    uint64_t conn = 0;

    ev.now = now;
    p2p_step(p, fx, &ev);
    for (size_t i = 0; i < fx->n; i++) {
        tell_effect(&fx->v[i]);
        if (fx->v[i].conn)
            conn = fx->v[i].conn;
    }
    return conn;
}

void pass(uint64_t us)
{
    now.us += us;
    now.wall += (int64_t)(us / SECOND);
}

uint64_t tick(uint64_t us)
{
    pass(us);
    return step((struct p2p_event){ .kind = EV_TICK });
}

void ready(bool is_ready)
{
    step((struct p2p_event){ .kind = EV_READY, .is_ready = is_ready });
}

void set_up_ready(void)
{
    struct p2p_config c = config_of(40, 10);

    set_up(&c);
    ready(true);
}

uint64_t accepted(const char *ip)
{
    uint8_t bytes[IP_BYTES];

    ip_of(bytes, ip);
    return step((struct p2p_event){ .kind = EV_ACCEPTED, .ip = bytes });
}

void dialled(uint64_t conn, const char *ip)
{
    uint8_t bytes[IP_BYTES];

    ip_of(bytes, ip);
    step((struct p2p_event){ .kind = EV_DIALLED, .conn = conn, .ip = bytes });
}

void greeted(uint64_t conn, uint32_t id, enum greet_verdict v, const char *says)
{
    struct netaddr a = { .port = 26656 };

    id_of(a.id, id);
    if (says)
        ip_of(a.ip, says);
    step((struct p2p_event){ .kind    = EV_GREETED,
                             .conn    = conn,
                             .verdict = v,
                             .id      = a.id,
                             .says    = says ? &a : NULL });
}

void closed(uint64_t conn, bool is_fault)
{
    step((struct p2p_event){
        .kind = EV_CLOSED, .conn = conn, .is_fault = is_fault });
}

uint64_t peer_in(uint32_t id, const char *ip)
{
    uint64_t c = accepted(ip);

    greeted(c, id, GREET_DONE, NULL);
    return c;
}

void target(uint32_t id, const char *host, bool is_seed)
{
    struct dial_addr a = { .port = 26656 };

    id_of(a.id, id);
    snprintf(a.host, sizeof a.host, "%s", host);
    must(p2p_add_target(p, &a, !is_seed, is_seed));
}

void check_story(const char *want, const char *what)
{
    CHECK_STR(story, want, "%s", what);
    story[0] = 0;
}

uint64_t peer_out(uint32_t id, const char *ip)
{
    struct dial_addr a = { .port = 26656 };
    uint64_t         conn;

    id_of(a.id, id);
    snprintf(a.host, sizeof a.host, "%s", ip);
    conn = step((struct p2p_event){ .kind = EV_DIAL, .addr = &a });
    dialled(conn, ip);
    greeted(conn, id, GREET_DONE, NULL);
    return conn;
}

void hear(uint64_t conn, struct span bytes)
{
    step((struct p2p_event){ .kind = EV_PEX, .conn = conn, .bytes = bytes });
}

const uint8_t pex_request[2] = { 0x0a, 0 };

struct span pex_addresses(uint32_t first, size_t n)
{
    struct net_address_msg *v =
        arena_newn(&test_arena, struct net_address_msg, n + 1);
    struct pex_addrs list;
    struct pex_msg   m = { .which = PEX_ADDRS, .pex_addrs = &list };

    must(v != NULL);
    for (size_t i = 0; i < n; i++) {
        char *id = arena_alloc(&test_arena, 64);
        char *ip = arena_alloc(&test_arena, 32);

        snprintf(id, 64, "%08x00000000000000000000000000000000",
                 first + (uint32_t)i);
        snprintf(ip, 32, "%zu.%zu.3.4", 20 + i % 100, 1 + i / 100);
        v[i] = (struct net_address_msg){ span_str(id), span_str(ip), 26656 };
    }
    list.addrs.v = v;
    list.addrs.n = n;
    return pb_encode(&pex_msg_desc, &m, &test_arena);
}
