#include "p2p/internal.h"

enum { FIRST_STEP_MS = 500, LAST_STEP_MS = 5000, LOST_MS = 100 };

#define SAVE_US      (120 * SECOND)
#define SAVE_BANS_US SECOND /* between two times, at least */
#define LASTING_US   (3 * SECOND)

bool dial_addr_parse(struct dial_addr *out, struct span text)
{
    struct node_addr a;

    if (!node_addr_parse(&a, text))
        return false;
    memset(out, 0, sizeof *out);
    memcpy(out->id, a.id, sizeof out->id);
    memcpy(out->host, a.host.p, a.host.n);
    out->port = a.port;
    return true;
}

struct p2p_effect *fx_add(struct p2p_effects *out, enum p2p_effect_kind kind,
                          uint64_t conn)
{
    struct p2p_effect *e = &out->v[out->n++];

    must(out->n <= EFFECTS_MAX);
    *e = (struct p2p_effect){ .kind = kind, .conn = conn };
    return e;
}

/* ---- lists ---- */

bool id_listed(const struct id_list *l, const uint8_t id[ADDRESS_BYTES])
{
    for (size_t i = 0; i < l->n; i++)
        if (memcmp(l->id[i], id, ADDRESS_BYTES) == 0)
            return true;
    return false;
}

static bool id_add(struct id_list *l, const uint8_t id[ADDRESS_BYTES])
{
    if (id_listed(l, id))
        return true;
    if (l->n == IDS_MAX)
        return false;
    memcpy(l->id[l->n++], id, ADDRESS_BYTES);
    return true;
}

bool p2p_add_private(struct p2p *p, const uint8_t id[ADDRESS_BYTES])
{
    return id_add(&p->private_ids, id);
}

bool p2p_add_unconditional(struct p2p *p, const uint8_t id[ADDRESS_BYTES])
{
    return id_add(&p->unconditional_ids, id);
}

static struct target *target_by_id(const struct p2p *p,
                                   const uint8_t     id[ADDRESS_BYTES])
{
    for (size_t i = 0; i < p->target_count; i++)
        if (memcmp(p->targets[i].addr.id, id, ADDRESS_BYTES) == 0)
            return (struct target *)&p->targets[i];
    return NULL;
}

bool is_persistent(const struct p2p *p, const uint8_t id[ADDRESS_BYTES])
{
    const struct target *t = target_by_id(p, id);

    return t && t->is_persistent;
}

bool p2p_add_target(struct p2p *p, const struct dial_addr *addr,
                    bool persistent, bool is_seed)
{
    struct target *t = target_by_id(p, addr->id);

    if (memcmp(addr->id, p->self, ADDRESS_BYTES) == 0)
        return true; /* one list for all nodes is convenient */
    if (!t && p->target_count == TARGETS_MAX)
        return false;
    if (!t) {
        t  = &p->targets[p->target_count++];
        *t = (struct target){ .addr = *addr };
    }
    t->is_persistent = t->is_persistent || persistent;
    t->is_seed       = t->is_seed || is_seed;
    return true;
}

/* ---- connections ---- */

void p2p_init(struct p2p *p, const struct p2p_config *config,
              const uint8_t self[ADDRESS_BYTES], struct book *book,
              uint64_t seed, struct moment now)
{
    p->config = *config;
    memcpy(p->self, self, ADDRESS_BYTES);
    p->book        = config->has_pex ? book : NULL;
    p->dice.state  = seed;
    p->next_number = 1;
    p->ensure_us   = now.us;
    p->save_us     = now.us + SAVE_US;
    arena_open(&p->arena, 1 << 20);
}

void p2p_fini(struct p2p *p)
{
    arena_close(&p->arena);
}

struct conn *p2p_conn(struct p2p *p, uint64_t number)
{
    struct conn *c = &p->conns[number % CONNS_MAX];

    return c->stage != CONN_FREE && c->number == number ? c : NULL;
}

static struct conn *conn_new(struct p2p *p, enum conn_stage stage,
                             struct moment now)
{
    size_t i = 0;

    while (i < CONNS_MAX && p->conns[i].stage != CONN_FREE)
        i++;
    if (i == CONNS_MAX)
        return NULL;
    if (i >= p->conns_used)
        p->conns_used = i + 1;
    p->conns[i] = (struct conn){ .number   = p->next_number++ * CONNS_MAX + i,
                                 .stage    = stage,
                                 .since_us = now.us };
    return &p->conns[i];
}

static void conn_free(struct p2p *p, struct conn *c)
{
    c->stage = CONN_FREE;
    while (p->conns_used > 0 && p->conns[p->conns_used - 1].stage == CONN_FREE)
        p->conns_used--;
}

struct conn *conn_by_id(struct p2p *p, const uint8_t id[ADDRESS_BYTES])
{
    for (size_t i = 0; i < p->conns_used; i++) {
        struct conn *c = &p->conns[i];
        bool         has_name =
            c->stage == CONN_UP || (c->stage != CONN_FREE && c->is_outbound);

        if (has_name && memcmp(c->id, id, ADDRESS_BYTES) == 0)
            return c;
    }
    return NULL;
}

bool conn_with_ip(const struct p2p *p, const uint8_t ip[IP_BYTES], uint64_t but)
{
    for (size_t i = 0; i < p->conns_used; i++) {
        const struct conn *c = &p->conns[i];

        if (c->stage != CONN_FREE && c->has_ip && c->number != but &&
            ip_eq(c->ip, ip))
            return true;
    }
    return false;
}

struct conn *conn_dial(struct p2p *p, struct p2p_effects *out,
                       const struct dial_addr *addr, struct moment now)
{
    struct conn *c = conn_new(p, CONN_DIALLING, now);

    if (!c)
        return NULL;
    c->is_outbound = true;
    c->dialled     = *addr;
    memcpy(c->id, addr->id, ADDRESS_BYTES);
    fx_add(out, FX_DIAL, c->number)->addr = &c->dialled;
    return c;
}

/* How long to wait before a persistent peer is tried again: soon after it
 * was lost, then longer and longer. */
static uint64_t pause_after(struct p2p *p, uint32_t failures)
{
    uint64_t longest = LAST_STEP_MS * MS, pause = FIRST_STEP_MS * MS;

    if (p->config.redial_us > longest)
        longest = p->config.redial_us;
    for (uint32_t i = 1; i < failures && pause < longest; i++)
        pause *= 2;
    if (failures == 0)
        pause = LOST_MS * MS;
    if (pause > longest)
        pause = longest;
    return pause + dice_below(&p->dice, pause / 4);
}

/* What the end of a connection means for dialling again. */
static void conn_gone(struct p2p *p, struct conn *c, struct moment now)
{
    struct target *t       = target_by_id(p, c->id);
    bool           was_up  = c->stage == CONN_UP;
    bool           is_ours = was_up || c->is_outbound;

    if (c->is_outbound && !was_up)
        pex_failed(p, c, now);
    /* Who lets us in only to part from us would do so all day. */
    if (t && is_ours) {
        bool is_lasting = was_up && now.us - c->since_us >= LASTING_US;

        t->failures = is_lasting ? 0 : t->failures + 1;
        t->due_us   = now.us + pause_after(p, t->failures);
    }
    conn_free(p, c);
}

void conn_close(struct p2p *p, struct p2p_effects *out, struct conn *c,
                const char *why, struct moment now)
{
    fx_add(out, FX_CLOSE, c->number)->why = why;
    conn_gone(p, c, now);
}

void conn_ban(struct p2p *p, const struct conn *c, uint32_t seconds,
              struct moment now)
{
    if (seconds == 0 || is_persistent(p, c->id) ||
        id_listed(&p->unconditional_ids, c->id))
        return;
    bans_add(&p->bans, c->id, now.wall + seconds, now.wall);
    p->has_new_bans = true;
    if (p->book)
        book_mark_bad(p->book, c->id, now.wall + seconds);
}

/* ---- coming in ---- */

struct crowd {
    size_t       inbound, greeting, from_ip;
    struct conn *oldest, *oldest_from_ip; /* greeting */
};

static struct crowd crowd_of(struct p2p *p, const uint8_t ip[IP_BYTES])
{
    struct crowd k = { 0 };

    for (size_t i = 0; i < p->conns_used; i++) {
        struct conn *c = &p->conns[i];

        if (c->stage == CONN_FREE || c->is_outbound)
            continue;
        k.inbound++;
        if (c->stage != CONN_GREETING)
            continue;
        k.greeting++;
        if (!k.oldest || c->since_us < k.oldest->since_us)
            k.oldest = c;
        if (!ip_eq(c->ip, ip))
            continue;
        k.from_ip++;
        if (!k.oldest_from_ip || c->since_us < k.oldest_from_ip->since_us)
            k.oldest_from_ip = c;
    }
    return k;
}

/* Where many nodes share an address, one that sends nonsense must not shut
 * out the others. */
static bool is_refused(struct p2p *p, const uint8_t ip[IP_BYTES],
                       struct moment now)
{
    if (!p->is_ready)
        return true;
    if (p->config.allow_duplicate_ip)
        return false;
    return bans_refuse(&p->bans, ip, now.us) || conn_with_ip(p, ip, 0);
}

/* Who has greeted longest makes place for whoever comes. */
static bool make_place(struct p2p *p, struct p2p_effects *out,
                       const uint8_t ip[IP_BYTES], struct moment now)
{
    struct crowd k = crowd_of(p, ip);

    if (k.from_ip >= GREETINGS_BY_IP)
        conn_close(p, out, k.oldest_from_ip, "too many from one address", now);
    else if (k.greeting >= GREETINGS_MAX)
        conn_close(p, out, k.oldest, "too many handshakes", now);
    return k.inbound < p->config.inbound_max + p->unconditional_ids.n +
                           p->target_count + GREETINGS_MAX;
}

static void on_accepted(struct p2p *p, struct p2p_effects *out,
                        const struct p2p_event *ev)
{
    struct conn *c = NULL;

    if (!is_refused(p, ev->ip, ev->now) && make_place(p, out, ev->ip, ev->now))
        c = conn_new(p, CONN_GREETING, ev->now);
    if (!c) {
        fx_add(out, FX_REFUSE, 0);
        return;
    }
    c->has_ip = true;
    memcpy(c->ip, ev->ip, IP_BYTES);
    fx_add(out, FX_GREET, c->number);
}

/* ---- greeting ---- */

static void on_dialled(struct p2p *p, struct p2p_effects *out, struct conn *c,
                       const struct p2p_event *ev)
{
    c->stage    = CONN_GREETING;
    c->since_us = ev->now.us;
    c->has_ip   = true;
    memcpy(c->ip, ev->ip, IP_BYTES);
    if (!p->config.allow_duplicate_ip && conn_with_ip(p, ev->ip, c->number))
        conn_close(p, out, c, "connected to this address already", ev->now);
}

static size_t count_inbound_up(const struct p2p *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->conns_used; i++) {
        const struct conn *c = &p->conns[i];

        n += c->stage == CONN_UP && !c->is_outbound &&
             !id_listed(&p->unconditional_ids, c->id);
    }
    return n;
}

/* A node that comes again long after its last connection began has lost
 * that one, whatever it looks like from here. */
static bool is_stale(const struct conn *c, struct moment now)
{
    return c->is_silent || now.us - c->since_us > 10 * SECOND;
}

/* Why a node that greeted well is not welcome; NULL when it is. */
static const char *objection(struct p2p *p, struct p2p_effects *out,
                             struct conn *c, struct moment now)
{
    struct conn *had;
    bool         is_named =
        id_listed(&p->unconditional_ids, c->id) || is_persistent(p, c->id);

    if (!is_named && bans_hold(&p->bans, c->id, now.wall))
        return "banned";
    for (size_t i = 0; i < p->conns_used; i++) {
        had = &p->conns[i];
        if (had == c || had->stage != CONN_UP ||
            memcmp(had->id, c->id, ADDRESS_BYTES) != 0)
            continue;
        if (!is_stale(had, now))
            return "connected already";
        conn_close(p, out, had, "the node connected anew", now);
    }
    if (!is_named && !c->is_outbound &&
        count_inbound_up(p) >= p->config.inbound_max)
        return "enough inbound peers";
    return NULL;
}

/* The address book learns from what went wrong on a way out, the list of
 * faulty addresses from what came in. */
static void on_bad_greeting(struct p2p *p, struct p2p_effects *out,
                            struct conn *c, const struct p2p_event *ev)
{
    const char *why = "malformed greeting";

    if (ev->verdict == GREET_SELF)
        why = "this is ourselves";
    else if (ev->verdict == GREET_STRANGER)
        why = "not the node that was dialled";
    else if (ev->verdict == GREET_INCOMPATIBLE)
        why = "of another network or version";
    if (!c->is_outbound && ev->verdict == GREET_MALFORMED)
        bans_fault(&p->bans, c->ip, ev->now.us);
    if (c->is_outbound && p->book && !is_persistent(p, c->id)) {
        if (ev->verdict == GREET_SELF)
            book_remove(p->book, c->id);
        if (ev->verdict == GREET_STRANGER)
            book_mark_bad(p->book, c->id, ev->now.wall + BAN_SECONDS);
    }
    conn_close(p, out, c, why, ev->now);
}

static void on_greeted(struct p2p *p, struct p2p_effects *out, struct conn *c,
                       const struct p2p_event *ev)
{
    const char *why;

    if (ev->verdict != GREET_DONE) {
        on_bad_greeting(p, out, c, ev);
        return;
    }
    memcpy(c->id, ev->id, ADDRESS_BYTES);
    c->has_says = ev->says != NULL;
    if (ev->says)
        c->says = *ev->says;
    why = objection(p, out, c, ev->now);
    if (why) {
        conn_close(p, out, c, why, ev->now);
        return;
    }
    c->stage    = CONN_UP;
    c->since_us = ev->now.us;
    fx_add(out, FX_UP, c->number);
    pex_up(p, out, c, ev->now);
}

/* ---- going ---- */

static void on_closed(struct p2p *p, struct conn *c, const struct p2p_event *ev)
{
    if (ev->is_fault && c->has_ip && !c->is_outbound)
        bans_fault(&p->bans, c->ip, ev->now.us);
    conn_gone(p, c, ev->now);
}

static void on_ready(struct p2p *p, struct p2p_effects *out,
                     const struct p2p_event *ev)
{
    p->is_ready = ev->is_ready;
    for (size_t i = 0; !ev->is_ready && i < CONNS_MAX; i++)
        if (p->conns[i].stage != CONN_FREE)
            conn_close(p, out, &p->conns[i], "reactors start anew", ev->now);
    /* Of two nodes that start together one dials a little earlier. */
    for (size_t i = 0; ev->is_ready && i < p->target_count; i++) {
        struct target *t = &p->targets[i];
        bool is_later    = memcmp(p->self, t->addr.id, ADDRESS_BYTES) > 0;

        t->failures = 0;
        t->due_us   = ev->now.us + dice_below(&p->dice, 50 * MS) +
                    (is_later ? 300 * MS : 0);
    }
}

/* ---- time ---- */

static void end_late_greetings(struct p2p *p, struct p2p_effects *out,
                               struct moment now)
{
    for (size_t i = 0; i < CONNS_MAX; i++) {
        struct conn *c = &p->conns[i];

        if (c->stage != CONN_GREETING ||
            now.us < c->since_us + p->config.greeting_us)
            continue;
        if (!c->is_outbound)
            bans_fault(&p->bans, c->ip, now.us);
        conn_close(p, out, c, "handshake took too long", now);
    }
}

/* Is there a connection, or one in the making?  One that has gone silent
 * does not count: the way may have been cut, and a new connection finds out
 * long before the old one's retransmissions do. */
static bool is_served(struct p2p *p, const struct target *t)
{
    for (size_t i = 0; i < p->conns_used; i++) {
        const struct conn *c        = &p->conns[i];
        bool               is_named = c->stage == CONN_UP
                                          ? !c->is_silent
                                          : c->stage != CONN_FREE && c->is_outbound;

        if (is_named && memcmp(c->id, t->addr.id, ADDRESS_BYTES) == 0)
            return true;
    }
    return false;
}

static void dial_targets(struct p2p *p, struct p2p_effects *out,
                         struct moment now)
{
    for (size_t i = 0; i < p->target_count; i++) {
        struct target *t = &p->targets[i];

        if (!t->is_persistent || t->due_us > now.us || is_served(p, t))
            continue;
        if (!conn_dial(p, out, &t->addr, now))
            return;
    }
}

static void on_tick(struct p2p *p, struct p2p_effects *out, struct moment now)
{
    end_late_greetings(p, out, now);
    if (p->is_ready)
        dial_targets(p, out, now);
    if (p->book && p->is_ready && now.us >= p->ensure_us) {
        p->ensure_us = now.us + 30 * SECOND;
        pex_ensure(p, out, true, now);
    }
    if (p->book && now.us >= p->save_us) {
        p->save_us = now.us + SAVE_US;
        fx_add(out, FX_SAVE, 0);
    }
    if (p->has_new_bans && now.us >= p->save_bans_us) {
        p->has_new_bans = false;
        p->save_bans_us = now.us + SAVE_BANS_US;
        fx_add(out, FX_SAVE_BANS, 0);
    }
}

static uint64_t sooner(uint64_t wait, uint64_t at_us, uint64_t now_us)
{
    uint64_t left = at_us > now_us ? at_us - now_us : 0;

    return left < wait ? left : wait;
}

uint64_t p2p_wait(const struct p2p *p, uint64_t now_us)
{
    uint64_t wait = 60 * SECOND;

    for (size_t i = 0; i < p->conns_used; i++)
        if (p->conns[i].stage == CONN_GREETING)
            wait = sooner(wait, p->conns[i].since_us + p->config.greeting_us,
                          now_us);
    for (size_t i = 0; p->is_ready && i < p->target_count; i++) {
        const struct target *t = &p->targets[i];

        if (t->is_persistent && !is_served((struct p2p *)p, t))
            wait = sooner(wait, t->due_us, now_us);
    }
    if (p->book && p->is_ready)
        wait = sooner(wait, p->ensure_us, now_us);
    if (p->has_new_bans)
        wait = sooner(wait, p->save_bans_us, now_us);
    return p->book ? sooner(wait, p->save_us, now_us) : wait;
}

/* ---- the way in ---- */

static void on_dial(struct p2p *p, struct p2p_effects *out,
                    const struct p2p_event *ev)
{
    bool           persistent = ev->dial_flags & DIAL_PERSISTENT;
    struct target *t;

    if ((ev->dial_flags & DIAL_UNCONDITIONAL) &&
        !p2p_add_unconditional(p, ev->addr->id))
        return;
    if ((ev->dial_flags & DIAL_PRIVATE) && !p2p_add_private(p, ev->addr->id))
        return;
    if (persistent && !p2p_add_target(p, ev->addr, true, false))
        return;
    t = target_by_id(p, ev->addr->id);
    if (t)
        t->due_us = ev->now.us;
    if (p->is_ready && !conn_by_id(p, ev->addr->id) &&
        memcmp(ev->addr->id, p->self, ADDRESS_BYTES) != 0)
        conn_dial(p, out, ev->addr, ev->now);
}

static void on_conn_event(struct p2p *p, struct p2p_effects *out,
                          struct conn *c, const struct p2p_event *ev)
{
    switch (ev->kind) {
    case EV_DIALLED: on_dialled(p, out, c, ev); break;
    case EV_GREETED: on_greeted(p, out, c, ev); break;
    case EV_CLOSED: on_closed(p, c, ev); break;
    case EV_DROP:
        conn_ban(p, c, ev->ban_seconds, ev->now);
        conn_close(p, out, c, "a reactor dropped it", ev->now);
        break;
    case EV_GOOD:
        if (p->book)
            book_mark_good(p->book, c->id, ev->now.wall);
        break;
    case EV_SILENT: c->is_silent = c->stage == CONN_UP && ev->is_silent; break;
    case EV_PEX: pex_message(p, out, c, ev->bytes, ev->now); break;
    case EV_TICK:
    case EV_READY:
    case EV_ACCEPTED:
    case EV_DIAL: break;
    }
}

void p2p_step(struct p2p *p, struct p2p_effects *out,
              const struct p2p_event *ev)
{
    struct conn *c = ev->conn ? p2p_conn(p, ev->conn) : NULL;

    out->n = 0;
    switch (ev->kind) {
    case EV_TICK: on_tick(p, out, ev->now); break;
    case EV_READY: on_ready(p, out, ev); break;
    case EV_ACCEPTED: on_accepted(p, out, ev); break;
    case EV_DIAL: on_dial(p, out, ev); break;
    case EV_DIALLED:
    case EV_GREETED:
    case EV_CLOSED:
    case EV_DROP:
    case EV_GOOD:
    case EV_SILENT:
    case EV_PEX:
        if (c)
            on_conn_event(p, out, c, ev);
        break;
    }
}
