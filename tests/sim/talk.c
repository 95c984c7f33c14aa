/* What a node says to its peers, out of what gossip has it say. */
#include "sim.h"

static void tell_all(struct node *n, const struct gossip_act *a)
{
    struct span bytes = pb_encode(&consensus_msg_desc, &a->msg, &W.arena);

    for (int i = 0; i < (int)W.node_count; i++)
        if (i != n->index)
            world_send(n->index, i, a->channel, bytes, 0);
}

/* A vote goes to many, and is the same to all: what its signature covers and
 * who signed make it. */
static struct span encode_vote(const struct consensus_msg *m)
{
    const struct vote *v = m->vote->vote;
    uint64_t key = mix64((uint64_t)v->height << 32 | (uint64_t)v->round << 8 |
                             (uint64_t)v->type,
                         (uint64_t)v->validator_index);
    struct encoded *e;

    key = mix_bytes(mix_bytes(key, v->signature), v->block_id.hash);
    key = mix_bytes(mix_bytes(key, v->extension_signature), v->extension);
    e   = &W.encoded[key % ENCODED_MAX];
    if (e->key != key) {
        e->key   = key;
        e->bytes = pb_encode(&consensus_msg_desc, m, &W.arena);
    }
    return e->bytes;
}

static void say(struct node *n, int peer)
{
    const struct consensus_msg *m = &n->act.msg;

    world_send(n->index, peer, n->act.channel,
               m->which == CONSENSUS_VOTE
                   ? encode_vote(m)
                   : pb_encode(&consensus_msg_desc, m, &W.arena),
               aim_delay(m, peer));
}

static void say_stored_part(struct node *n, int peer)
{
    struct gossip_act    *a = &n->act;
    struct block_part_msg m = { .height = a->height, .round = a->round };

    must(a->height <= n->disk.height);
    m.part = part_set_part(&n->disk.parts[a->height], a->index);
    world_send(n->index, peer, 0x21, world_encode(CONSENSUS_BLOCK_PART, &m), 0);
    gossip_part_done(&n->views[peer]);
}

static void say_stored_commit(struct node *n, int peer)
{
    int64_t                       h = n->act.height;
    const struct extended_commit *c =
        h <= n->disk.height ? n->disk.commits[h] : NULL;

    gossip_commit(&n->views[peer], h, c);
    while (c && world_has_room(n->index, peer) &&
           gossip_next_of_commit(&n->views[peer], c, &n->act))
        say(n, peer);
}

struct gossip_env talk_env(const struct node *n)
{
    return (struct gossip_env){ .core       = &n->core,
                                .store_base = n->disk.height > 0,
                                .is_syncing = n->fetch.is_going,
                                .now_us     = (uint64_t)(W.now / 1000) + 1 };
}

/* What is held back is to be said then. */
static void wait_to_say(struct node *n, uint64_t at)
{
    /* One of the past is of a time when there was room. */
    if ((int64_t)(at - 1) * 1000 <= W.now || at == 0 ||
        (n->hold_until && n->hold_until <= at))
        return;
    n->hold_until = at;
    world_push((struct item){ .kind = ITEM_HOLD, .to = n->index, .epoch = at },
               (int64_t)(at - 1) * 1000 - W.now);
}

void node_unhold(struct node *n, uint64_t at)
{
    if (!n->is_up || n->hold_until != at)
        return;
    n->hold_until = 0;
    tally(TALLY_HELD_BACK);
    node_gossip(n);
}

void talk_to(struct node *n, int peer)
{
    struct gossip_env env = talk_env(n);

    proof_gossip(n, peer);
    while (world_has_room(n->index, peer) &&
           gossip_next(&n->views[peer], &env, ROOM_ALL, &n->act)) {
        switch (n->act.kind) {
        case ACT_SAY: say(n, peer); break;
        case ACT_LOAD_PART: say_stored_part(n, peer); break;
        case ACT_LOAD_COMMIT: say_stored_commit(n, peer); break;
        }
    }
    wait_to_say(n, n->views[peer].hold_until_us);
}

void node_gossip(struct node *n)
{
    if (!n->is_up)
        return;
    for (int i = 0; i < (int)W.node_count; i++)
        if (i != n->index && W.links[n->index][i].is_up)
            talk_to(n, i);
}

void node_query(struct node *n)
{
    for (int i = 0; i < (int)W.node_count; i++)
        gossip_query(&n->views[i]);
    fetch_look(n);
    if (++n->queries % (POOL_REOFFER_NS / GOSSIP_QUERY_NS) == 0)
        memset(n->cursors, 0, sizeof n->cursors);
    node_gossip(n);
}

void talk_greet(struct node *n, int peer)
{
    gossip_greet(&n->act, &n->core, node_now(n));
    say(n, peer);
    if (gossip_greet_block(&n->act, &n->core))
        say(n, peer);
}

void node_connect(struct node *n, int peer)
{
    struct peer_id id = world_id(peer);

    peer_view_init(&n->views[peer], &id);
    n->cursors[peer] = 0;
    if (!n->is_up)
        return;
    fetch_up(n, peer);
    if (!n->fetch.is_going)
        talk_greet(n, peer);
    talk_to(n, peer);
}

void talk_announce(struct node *n, const struct effect *e)
{
    if (n->is_replaying)
        return;
    if (gossip_announce(&n->act, e, node_now(n)))
        tell_all(n, &n->act);
    if (e->kind == FX_NEW_STEP && node_is_honest(n))
        evil_on_step(n);
}
