/* Stored blocks and commits for peers that are behind us: one of each is
 * asked of store at a time. */
#include "consensus/reactor.h"

#include "base/log.h"
#include "consensus/shell.h"

/* ---- parts ---- */

static struct kept_block *find_kept(struct reactor *r, int64_t height)
{
    for (size_t i = 0; i < KEPT_BLOCKS; i++)
        if (r->kept[i].height == height)
            return &r->kept[i];
    return NULL;
}

static void say_part(struct reactor *r, struct remote *p,
                     const struct kept_block *k, const struct part_load *l)
{
    struct block_part_msg part = { .height = l->height, .round = l->round };
    struct consensus_msg  m    = { .which      = CONSENSUS_BLOCK_PART,
                                   .block_part = &part };

    if (l->index >= k->parts.total)
        return;
    part.part = part_set_part(&k->parts, l->index);
    reactor_send(r, p, 0x21, &m);
}

/* Give the peer what it waits for of this block; nothing if it is missing. */
static void serve_parts(struct reactor *r, struct remote *p, int64_t height,
                        struct kept_block *k)
{
    size_t n = 0;

    for (size_t i = 0; i < p->load_count; i++) {
        struct part_load l = p->loads[i];

        if (l.height != height) {
            p->loads[n++] = l;
            continue;
        }
        if (k)
            say_part(r, p, k, &l);
        gossip_part_done(&p->view);
    }
    p->load_count = n;
    if (k)
        k->used = ++r->turn;
    deferred_set(&r->later);
}

static bool keep_block(struct kept_block *k, const Store__Block *b)
{
    struct span bytes;

    arena_reset(&k->arena);
    bytes = arena_copy(&k->arena, SPAN(b->block.data, b->block.len));
    return bytes.n > 0 && part_set_from_bytes(&k->parts, bytes, &k->arena);
}

static void on_block(struct shell *s, enum err status, const char *text,
                     const Store__Reply *reply)
{
    struct reactor    *r      = &s->reactor;
    struct kept_block *k      = r->asked;
    int64_t            height = k->height;

    UNUSED(text);
    r->asked    = NULL;
    k->is_ready = !status && reply->kind_case == STORE__REPLY__KIND_BLOCK &&
                  keep_block(k, reply->block);
    if (!k->is_ready)
        k->height = 0;
    for (size_t i = 0; i < r->n; i++)
        serve_parts(r, r->v[i], height, k->is_ready ? k : NULL);
    stored_go(r);
}

static void ask_block(struct reactor *r, int64_t height)
{
    Store__GetBlock    get = STORE__GET_BLOCK__INIT;
    Store__Request     req = STORE__REQUEST__INIT;
    struct kept_block *k   = &r->kept[0];

    for (size_t i = 1; i < KEPT_BLOCKS; i++)
        if (r->kept[i].used < k->used)
            k = &r->kept[i];
    k->height     = height;
    k->is_ready   = false;
    r->asked      = k;
    get.height    = height;
    req.kind_case = STORE__REQUEST__KIND_GET_BLOCK;
    req.get_block = &get;
    store_ask(r->shell, &req, on_block);
}

void stored_part(struct reactor *r, struct remote *p,
                 const struct gossip_act *act)
{
    struct part_load   l = { act->height, act->round, act->index };
    struct kept_block *k = find_kept(r, l.height);

    if (k && k->is_ready) {
        k->used = ++r->turn;
        say_part(r, p, k, &l);
        gossip_part_done(&p->view);
        return;
    }
    must(p->load_count < GOSSIP_LOADS_MAX);
    p->loads[p->load_count++] = l;
}

/* ---- commits ---- */

void stored_commit(struct reactor *r, struct remote *p,
                   const struct gossip_act *act)
{
    UNUSED(r);
    p->is_commit_wanted   = true;
    p->is_commit_extended = act->is_extended;
    p->commit_height      = act->height;
}

static void serve_commit(struct reactor *r, struct remote *p, int64_t height,
                         const struct extended_commit *c)
{
    gossip_commit(&p->view, height, c);
    while (c && (p->room & ROOM_VOTES) &&
           gossip_next_of_commit(&p->view, c, &r->act))
        reactor_send(r, p, r->act.channel, &r->act.msg);
    deferred_set(&r->later);
}

static void on_commit(struct shell *s, enum err status, const char *text,
                      const Store__Reply *reply)
{
    struct reactor        *r = &s->reactor;
    struct remote         *p = reactor_find(r, r->commit_peer);
    struct extended_commit c;
    bool                   is_read;

    UNUSED(text);
    r->commit_peer = 0;
    if (!p)
        return;
    arena_reset(&r->in);
    is_read =
        !status && reply->kind_case == STORE__REPLY__KIND_COMMIT &&
        commit_widened(
            &c, SPAN(reply->commit->commit.data, reply->commit->commit.len),
            p->is_commit_extended, &r->in);
    serve_commit(r, p, p->commit_height, is_read ? &c : NULL);
    stored_go(r);
}

static void ask_commit(struct reactor *r, struct remote *p)
{
    Store__GetCommit get = STORE__GET_COMMIT__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    p->is_commit_wanted = false;
    r->commit_peer      = p->number;
    get.height          = p->commit_height;
    get.extended        = p->is_commit_extended;
    req.kind_case       = STORE__REQUEST__KIND_GET_COMMIT;
    req.get_commit      = &get;
    store_ask(r->shell, &req, on_commit);
}

void stored_go(struct reactor *r)
{
    for (size_t i = 0; i < r->n && !r->commit_peer; i++)
        if (r->v[i]->is_commit_wanted)
            ask_commit(r, r->v[i]);
    for (size_t i = 0; i < r->n && !r->asked; i++)
        if (r->v[i]->load_count > 0)
            ask_block(r, r->v[i]->loads[0].height);
}
