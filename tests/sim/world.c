/* Clock, queue and network. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WORLD_BYTES = 1 << 30,
    FACTS_BYTES = 16 << 20,
    /* Heights for evidence to be offered again in, and to be proposed. */
    PUNISHED_IN = 50,
};
/* Under AddressSanitizer nothing is kept, so that no old memory is read. */
#ifdef __SANITIZE_ADDRESS__
static const size_t world_kept_bytes = 0;
#else
static const size_t world_kept_bytes = 256 << 20;
#endif

struct world W;

void world_say(const char *fmt, ...)
{
    va_list ap;

    if (!W.is_verbose)
        return;
    printf("%7" PRId64 " ", W.now / MS);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

struct span world_encode(enum consensus_kind kind, void *member)
{
    struct consensus_msg m     = { .which = kind, .new_round_step = member };
    struct span          bytes = pb_encode(&consensus_msg_desc, &m, &W.arena);

    must(bytes.p);
    return bytes;
}

struct peer_id world_id(int node)
{
    return (struct peer_id){ .b = { (uint8_t)(node + 1) } };
}

/* ---- the queue: a heap by time, then by age ---- */

static bool is_before(const struct item *a, const struct item *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

void world_push(struct item it, int64_t delay)
{
    size_t i = W.queued++;

    must(W.queued < QUEUE_MAX);
    it.at     = W.now + delay;
    it.number = W.numbers++;
    while (i > 0 && is_before(&it, &W.queue[(i - 1) / 2])) {
        W.queue[i] = W.queue[(i - 1) / 2];
        i          = (i - 1) / 2;
    }
    W.queue[i] = it;
}

static struct item pop(void)
{
    struct item first = W.queue[0], last = W.queue[--W.queued];
    size_t      i = 0, child;

    while ((child = 2 * i + 1) < W.queued) {
        if (child + 1 < W.queued &&
            is_before(&W.queue[child + 1], &W.queue[child]))
            child++;
        if (!is_before(&W.queue[child], &last))
            break;
        W.queue[i] = W.queue[child];
        i          = child;
    }
    W.queue[i] = last;
    return first;
}

/* ---- links ---- */

static struct link *link_of(int a, int b)
{
    return &W.links[a][b];
}

bool world_has_room(int from, int to)
{
    return link_of(from, to)->count < CREDIT;
}

static int64_t delay_of(void)
{
    int64_t d = 1 * MS + (int64_t)rng_below(&W.rng, 20000) * 1000;

    if (!W.is_fair && rng_chance(&W.rng, W.plan.late))
        d += (int64_t)rng_below(&W.rng, 1500) * MS;
    return d;
}

void world_send(int from, int to, uint8_t channel, struct span bytes,
                int64_t held)
{
    struct link *l     = link_of(from, to);
    int64_t      delay = delay_of();
    struct item  it    = { .kind    = ITEM_MESSAGE,
                           .from    = from,
                           .to      = to,
                           .epoch   = l->epoch,
                           .channel = channel,
                           .bytes   = bytes };

    must(bytes.p);
    if (!l->is_up)
        return;
    tally(TALLY_MESSAGES);
    if (!W.is_fair && rng_chance(&W.rng, W.plan.loss)) {
        tally(TALLY_LOST);
        return;
    }
    if (held) {
        delay += held;
    } else if (W.is_fair || W.plan.is_fifo) {
        if (W.now + delay <= l->last[channel & 3])
            delay = l->last[channel & 3] - W.now + 1;
        l->last[channel & 3] = W.now + delay;
    }
    l->count++;
    world_push(it, delay);
    if (!W.is_fair && rng_chance(&W.rng, W.plan.duplicates)) {
        tally(TALLY_DOUBLED);
        l->count++;
        world_push(it, delay + 1 + (int64_t)rng_below(&W.rng, 300) * MS);
    }
}

static void cut(int a, int b)
{
    struct link *l = link_of(a, b);

    l->epoch++;
    l->is_up = false;
    l->count = 0;
    memset(l->last, 0, sizeof l->last);
}

void world_disconnect(int a, int b)
{
    cut(a, b);
    cut(b, a);
    fetch_down(&W.nodes[a], b);
    fetch_down(&W.nodes[b], a);
}

static bool are_parted(int a, int b)
{
    return !W.is_fair && (W.parted >> a & 1) != (W.parted >> b & 1);
}

static void connect_nodes(int a, int b)
{
    if (!W.nodes[a].is_up || !W.nodes[b].is_up || are_parted(a, b) ||
        link_of(a, b)->is_up)
        return;
    world_disconnect(a, b);
    link_of(a, b)->is_up = link_of(b, a)->is_up = true;
    node_connect(&W.nodes[a], b);
    node_connect(&W.nodes[b], a);
}

static void connect_all(void)
{
    for (int a = 0; a < (int)W.node_count; a++)
        for (int b = 0; b < a; b++)
            connect_nodes(a, b);
}

/* ---- weather ---- */

static void part(void)
{
    bool is_long = W.plan.is_long && rng_chance(&W.rng, 30);

    W.parted = (unsigned)rng_below(&W.rng, UINT64_C(1) << W.node_count);
    for (size_t i = 1; W.plan.is_fork && i < W.node_count; i++)
        if (W.nodes[i].val == W.nodes[i - 1].val) /* one on each side */
            W.parted ^= ((W.parted >> i ^ ~(W.parted >> (i - 1))) & 1) << i;
    tally(TALLY_PARTITIONS);
    world_say("partition %x", W.parted);
    for (int a = 0; a < (int)W.node_count; a++)
        for (int b = 0; b < a; b++)
            if (are_parted(a, b))
                world_disconnect(a, b);
    world_push((struct item){ .kind = ITEM_MEND },
               (int64_t)(100 + rng_below(&W.rng, is_long ? 12000 : 3000)) * MS);
}

static void on_partition(void)
{
    if (W.is_fair)
        return;
    if (rng_chance(&W.rng, W.plan.partitions))
        part();
    else
        world_push((struct item){ .kind = ITEM_PARTITION }, SECOND / 2);
}

static void mend(void)
{
    W.parted = 0;
    connect_all();
    world_push((struct item){ .kind = ITEM_PARTITION },
               (int64_t)rng_below(&W.rng, 2000) * MS);
}

static void on_crash(void)
{
    struct node *n = &W.nodes[rng_below(&W.rng, W.node_count)];

    if (W.is_fair)
        return;
    if (n->is_up && rng_chance(&W.rng, W.plan.crashes))
        node_crash(n);
    world_push((struct item){ .kind = ITEM_CRASH },
               (int64_t)rng_below(&W.rng, 2000) * MS);
}

/* The storm is over: links that lost something begin anew. */
static void heal(void)
{
    world_say("fair weather");
    W.is_over |= W.plan.is_fork;
    W.is_fair   = true;
    W.parted    = 0;
    W.healed_at = W.highest;
    W.goal      = W.highest + 2 > W.plan.goal ? W.highest + 2 : W.plan.goal;
    if (W.plan.is_patient)
        W.goal = W.highest + 2 + (int64_t)W.plan.validators;
    for (int a = 0; a < (int)W.node_count; a++)
        for (int b = 0; b < a; b++)
            world_disconnect(a, b);
    for (size_t i = 0; i < W.node_count; i++)
        if (!W.nodes[i].is_up)
            node_start(&W.nodes[i]);
    connect_all();
}

/* ---- one thing after the other ---- */

static void deliver(const struct item *it)
{
    if (it->from < NODES_MAX) {
        struct link *l = link_of(it->from, it->to);

        if (l->epoch != it->epoch)
            return;
        l->count--;
        node_message(&W.nodes[it->to], it->from, it->channel, it->bytes);
        if (l->epoch == it->epoch && l->count == CREDIT - 1)
            node_gossip(&W.nodes[it->from]);
        return;
    }
    node_message(&W.nodes[it->to], it->from, it->channel, it->bytes);
}

static void on_query(struct node *n)
{
    if (n->is_up)
        node_query(n);
    world_push((struct item){ .kind = ITEM_QUERY, .to = n->index },
               GOSSIP_QUERY_NS);
}

static void dispatch(const struct item *it)
{
    struct node *n = &W.nodes[it->to];

    switch (it->kind) {
    case ITEM_MESSAGE: deliver(it); break;
    case ITEM_TIMER:
        if (it->epoch == n->timer_number)
            node_timer(n);
        break;
    case ITEM_QUERY: on_query(n); break;
    case ITEM_FETCH:
        if (it->epoch == n->fetch.number)
            fetch_tick(n);
        break;
    case ITEM_HOLD: node_unhold(n, it->epoch); break;
    case ITEM_CRASH: on_crash(); break;
    case ITEM_RESTART:
        if (!n->is_up)
            node_start(n);
        break;
    case ITEM_PARTITION: on_partition(); break;
    case ITEM_MEND: mend(); break;
    case ITEM_CONNECT: connect_nodes(it->from, it->to); break;
    case ITEM_HEAL: heal(); break;
    }
}

static bool is_done(void)
{
    if (!W.is_fair)
        return false;
    for (size_t i = 0; i < W.node_count; i++)
        if (node_is_honest(&W.nodes[i]) && W.nodes[i].disk.height < W.goal)
            return false;
    return !W.plan.is_patient || W.highest >= W.goal + PUNISHED_IN ||
           blame_is_done();
}

static void run(void)
{
    int64_t end = W.plan.storm + W.plan.patience;

    while (W.queued > 0 && !W.violation[0] && !W.is_over && !is_done()) {
        struct item it = pop();

        W.now = it.at;
        if (W.now > end)
            break;
        W.steps++;
        W.hash = mix64(mix64(W.hash, (uint64_t)it.at),
                       (uint64_t)it.kind << 16 | (uint64_t)it.from << 8 |
                           (uint64_t)it.to);
        if (it.kind == ITEM_MESSAGE)
            W.hash = mix_bytes(W.hash, it.bytes);
        dispatch(&it);
    }
    if (!W.violation[0] && !W.is_over)
        check_end();
}

/* ---- setting up ---- */

static void add_node(int val)
{
    struct node *n = &W.nodes[W.node_count++];
    struct disk *d = &n->disk, was = *d;

    must(W.node_count <= NODES_MAX);
    log_forget(n);
    memset(d, 0, sizeof *d);
    memcpy(d->path, was.path, sizeof d->path);
    d->kept       = was.kept;
    d->copy.kept  = was.copy.kept;
    d->state      = &W.genesis;
    n->val        = val;
    n->is_up      = false;
    n->queries    = 0;
    n->hold_until = 0;
    n->deed_count = n->pool.count = 0;
    n->fetch                      = (struct fetch){ .number = n->fetch.number };
    n->timer_number++;
    world_push((struct item){ .kind = ITEM_RESTART, .to = n->index },
               (int64_t)rng_below(&W.rng, rng_chance(&W.rng, 20) ? 5000 : 300) *
                   MS);
    world_push((struct item){ .kind = ITEM_QUERY, .to = n->index },
               (int64_t)rng_below(&W.rng, 2000) * MS);
}

void world_open(void)
{
    arena_open(&W.arena, WORLD_BYTES);
    arena_open(&W.facts, FACTS_BYTES);
    log_root();
    W.queue = calloc(QUEUE_MAX, sizeof *W.queue);
    must(W.queue);
    for (int i = 0; i < NODES_MAX; i++) {
        node_open(&W.nodes[i], i);
        W.nodes[i].disk.kept      = calloc(KEPT_MAX, sizeof(struct kept));
        W.nodes[i].disk.copy.kept = calloc(KEPT_MAX, sizeof(struct kept));
        must(W.nodes[i].disk.kept && W.nodes[i].disk.copy.kept);
    }
}

/* The memory of one schedule serves the next, without the system's help. */
static void clear_arena(void)
{
    if (W.arena.dirty < world_kept_bytes)
        W.arena.used = 0;
    else
        arena_reset(&W.arena);
}

static void clear(const struct plan *p)
{
    clear_arena();
    W.plan       = *p;
    W.rng        = (struct rng){ mix64(p->seed, 2) };
    W.node_count = W.queued = 0;
    W.now                   = 0;
    W.numbers = W.steps = 0;
    W.hash              = p->seed;
    W.is_fair = W.is_over = false;
    W.parted              = 0;
    W.highest             = 0;
    W.punished_count      = 0;
    W.punished_height     = 0;
    W.violation[0]        = 0;
    memset(W.links, 0, sizeof W.links);
    memset(W.aims, 0, sizeof W.aims);
    memset(W.encoded, 0, sizeof W.encoded);
    memset(W.block_count, 0, sizeof W.block_count);
    memset(W.said, 0, sizeof W.said);
    memset(W.proposed, 0, sizeof W.proposed);
    memset(W.decided, 0, sizeof W.decided);
    memset(W.proposers, 0, sizeof W.proposers);
    memset(W.tally, 0, sizeof W.tally);
}

void world_run(const struct plan *p, bool is_verbose)
{
    W.is_verbose = is_verbose;
    clear(p);
    sets_open();
    for (int v = 0; v < (int)p->keys; v++) {
        if (W.plan.role[v] == ROLE_PUPPET || W.plan.role[v] == ROLE_SILENT)
            continue;
        add_node(v);
        if (W.plan.role[v] == ROLE_TWINS)
            add_node(v);
    }
    world_push((struct item){ .kind = ITEM_PARTITION }, SECOND / 2);
    world_push((struct item){ .kind = ITEM_CRASH }, SECOND / 2);
    world_push((struct item){ .kind = ITEM_HEAL }, p->storm);
    run();
}
