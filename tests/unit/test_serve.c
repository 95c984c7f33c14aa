/* Blocks for peers that lack some: each in its turn, whatever others want.
 * What stands around reactor_serve.c is played here. */
#include "test.h"

#include "consensus/shell.h"

enum { PEERS = 3, TURNS = 30 };

static store_fn *store_says;
static uint64_t  asked_for; /* the peer that store was asked for */
static size_t    none_said[PEERS + 1];

void store_ask(struct shell *s, Store__Request *req, store_fn *fn)
{
    UNUSED(req);
    store_says = fn;
    asked_for  = s->reactor.serving;
}

void peers_send(struct peers *p, uint64_t peer, uint8_t channel,
                struct span bytes)
{
    UNUSED(p);
    UNUSED(bytes);
    CHECK_EQ(channel, BLOCKSYNC_CHANNEL);
    none_said[peer]++;
}

struct remote *reactor_find(struct reactor *r, uint64_t number)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i]->number == number)
            return r->v[i];
    return NULL;
}

void reactor_drop(struct reactor *r, struct remote *p, const char *why,
                  uint32_t ban_seconds)
{
    UNUSED(r);
    UNUSED(ban_seconds);
    CHECK(false, "%s", why);
    p->is_dropped = true;
}

const struct chain_state *shell_chain(const struct shell *s)
{
    UNUSED(s);
    return NULL;
}

static struct shell  shell;
static struct remote peers[PEERS];

static void meet(void)
{
    static struct remote *all[PEERS];

    shell               = (struct shell){ .store_height = 100 };
    shell.store_lowest  = 1;
    shell.reactor.shell = &shell;
    shell.reactor.v     = all;
    shell.reactor.n     = PEERS;
    arena_open(&shell.reactor.out, 1 << 20);
    memset(none_said, 0, sizeof none_said);
    for (size_t i = 0; i < PEERS; i++) {
        peers[i] = (struct remote){ .number         = i + 1,
                                    .has_blocks     = true,
                                    .has_block_room = true };
        all[i]   = &peers[i];
    }
}

/* Ask until so many blocks are waited for. */
static void want(struct remote *p, size_t n)
{
    while (p->served_count < n)
        p->served[p->served_count++] = 1;
}

/* Store has nothing: one block less is waited for, and it goes on. */
static void store_answers(void)
{
    store_fn *fn = store_says;

    store_says = NULL;
    if (fn)
        fn(&shell, ERR_NOT_FOUND, "none", NULL);
}

TEST(who_always_waits_for_the_most_is_not_served_alone)
{
    size_t turns[PEERS + 1] = { 0 };

    meet();
    want(&peers[0], SERVED_MAX);
    serve_go(&shell.reactor);
    for (size_t i = 0; i < TURNS; i++) {
        turns[asked_for]++;
        want(&peers[0], SERVED_MAX);
        want(&peers[1], 1);
        want(&peers[2], 20);
        store_answers();
    }
    for (size_t i = 1; i <= PEERS; i++)
        CHECK_EQ(turns[i], TURNS / PEERS, "peer %zu", i);
    CHECK_EQ(none_said[2], TURNS / PEERS);
    arena_close(&shell.reactor.out);
}

TEST(who_has_no_room_or_wants_nothing_is_passed_over)
{
    meet();
    want(&peers[0], 2);
    want(&peers[1], SERVED_MAX);
    peers[1].has_block_room = false;
    serve_go(&shell.reactor);
    CHECK_EQ(asked_for, 1);
    store_answers();
    CHECK_EQ(asked_for, 1, "again: nobody else can take any");
    store_answers();
    CHECK(!store_says, "all have what they wanted");
    peers[1].has_block_room = true;
    serve_go(&shell.reactor);
    CHECK_EQ(asked_for, 2);
    arena_close(&shell.reactor.out);
}
