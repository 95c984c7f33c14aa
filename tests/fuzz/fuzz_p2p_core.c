/* Whom to meet, under any sequence of events: six bytes choose an event, the
 * rest of it comes from the input where it takes bytes.
 *
 * Properties: no node is twice a peer, strangers are bounded, every effect
 * names a connection that the core knows or has just let go. */
#include "fuzz.h"

#include "p2p/p2p.h"

#include <stdlib.h>

enum { TRACKED = 16, EVENTS_MAX = 400 };

static struct p2p         *p;
static struct p2p_effects *fx;
static uint64_t            conns[TRACKED];
static size_t              next;

static void set_up(void)
{
    struct p2p_config c                   = { .inbound_max        = 4,
                                              .outbound_max       = 3,
                                              .allow_duplicate_ip = true,
                                              .has_pex            = true,
                                              .greeting_us        = 20000000 };
    struct book      *b                   = calloc(1, sizeof *b);
    struct dial_addr  a                   = { .host = "node", .port = 1 };
    uint8_t           self[ADDRESS_BYTES] = { 0xff };

    p  = calloc(1, sizeof *p);
    fx = fx ? fx : calloc(1, sizeof *fx);
    must(p && fx && b);
    book_init(b, false, "0123456789abcdef01234567", 1);
    p2p_init(p, &c, self, b, 1, (struct moment){ 1000000, 1700000000 });
    a.id[0] = 3;
    must(p2p_add_target(p, &a, true, false));
    a.id[0] = 4;
    must(p2p_add_target(p, &a, false, true));
    next = 0;
    memset(conns, 0, sizeof conns);
}

static void step(struct p2p_event *ev)
{
    p2p_step(p, fx, ev);
    for (size_t i = 0; i < fx->n; i++) {
        const struct p2p_effect *e = &fx->v[i];

        must((e->conn != 0) == (e->kind != FX_REFUSE && e->kind != FX_SAVE &&
                                e->kind != FX_SAVE_BANS));
        if (e->kind == FX_DIAL || e->kind == FX_GREET)
            conns[next++ % TRACKED] = e->conn;
        must(e->kind != FX_CLOSE || e->why);
    }
}

static void check_sound(void)
{
    size_t greeting = 0;

    for (size_t i = 0; i < p->conns_used; i++) {
        greeting +=
            p->conns[i].stage == CONN_GREETING && !p->conns[i].is_outbound;
        for (size_t k = 0; k < i; k++)
            must(p->conns[i].stage != CONN_UP || p->conns[k].stage != CONN_UP ||
                 memcmp(p->conns[i].id, p->conns[k].id, ADDRESS_BYTES) != 0);
    }
    must(greeting <= GREETINGS_MAX);
}

static void one_event(struct span *in, struct moment *now)
{
    uint8_t          id[ADDRESS_BYTES] = { 0 };
    uint8_t          ip[IP_BYTES]      = { [10] = 0xff, 0xff, 5, 5, 5, 5 };
    struct netaddr   says              = { .port = 1 };
    struct p2p_event ev = { .kind = (enum p2p_event_kind)(fuzz_take(in, 1) %
                                                          (EV_DIAL)) };
    struct conn     *c;

    ev.conn      = conns[fuzz_take(in, 1) % TRACKED];
    id[0]        = (uint8_t)(fuzz_take(in, 1) % 8);
    ip[15]       = (uint8_t)fuzz_take(in, 1);
    ev.verdict   = (enum greet_verdict)(1 + fuzz_take(in, 1) % 5);
    ev.is_ready  = ev.kind != EV_READY || fuzz_take(in, 1) % 8;
    ev.is_silent = ev.is_fault = ip[15] & 1;
    ev.ban_seconds             = ip[15];
    now->us += (uint64_t)ip[15] * 100000;
    now->wall += ip[15] / 10;
    c = ev.conn ? p2p_conn(p, ev.conn) : NULL;
    if (c && c->is_outbound)
        memcpy(id, c->id, sizeof id);
    memcpy(says.id, id, sizeof says.id);
    memcpy(says.ip, ip, sizeof says.ip);
    if ((ev.kind == EV_DIALLED && (!c || c->stage != CONN_DIALLING)) ||
        (ev.kind == EV_GREETED && (!c || c->stage != CONN_GREETING)))
        return;
    if (ev.kind == EV_PEX) {
        size_t n = fuzz_take(in, 1);

        ev.bytes = SPAN(in->p, n < in->n ? n : in->n);
        *in      = SPAN(in->p + ev.bytes.n, in->n - ev.bytes.n);
    }
    ev.id   = id;
    ev.ip   = ip;
    ev.says = &says;
    ev.now  = *now;
    step(&ev);
}

void fuzz_one(struct span in)
{
    struct moment    now = { 1000000, 1700000000 };
    struct p2p_event ev  = { .kind = EV_READY, .is_ready = true, .now = now };
    struct book     *b;

    set_up();
    step(&ev);
    for (int i = 0; i < EVENTS_MAX && in.n > 0; i++)
        one_event(&in, &now);
    check_sound();
    must(p2p_wait(p, now.us) <= 60000000);
    b = p->book;
    p2p_fini(p);
    free(p);
    free(b);
}
