/* Block sync for others: what we have, and blocks as they are stored, a few
 * small ones or one large one at a time, for peers in turn. */
#include "consensus/reactor.h"

#include "consensus/shell.h"

enum { SERVING_BYTES_MAX = BLOCKSYNC_MSG_BYTES_MAX };

void serve_say(struct reactor *r, struct remote *p,
               const struct blocksync_msg *m)
{
    struct span bytes;

    if (!p->has_blocks || p->is_dropped)
        return;
    arena_reset(&r->out);
    bytes = pb_encode(&blocksync_msg_desc, m, &r->out);
    must(bytes.p);
    peers_send(r->peers, p->number, BLOCKSYNC_CHANNEL, bytes);
}

void serve_status(struct reactor *r, struct remote *p)
{
    const struct shell    *s      = r->shell;
    struct status_response status = { s->store_height, s->store_lowest };
    struct blocksync_msg   m      = { .which           = BLOCKSYNC_STATUS_RESPONSE,
                                      .status_response = &status };

    serve_say(r, p, &m);
}

static void say_none(struct reactor *r, struct remote *p, int64_t height)
{
    struct no_block_response none = { height };
    struct blocksync_msg     m    = { .which = BLOCKSYNC_NO_BLOCK_RESPONSE,
                                      .no_block_response = &none };

    serve_say(r, p, &m);
}

void serve_block(struct reactor *r, struct remote *p, int64_t height)
{
    if (height < r->shell->store_lowest || height > r->shell->store_height ||
        height < 1) {
        say_none(r, p, height);
    } else if (p->served_count == SERVED_MAX) {
        reactor_drop(r, p, "too many blocks asked for", 0);
    } else {
        p->served[p->served_count++] = height;
        deferred_set(&r->serve); /* with those that come together with it */
    }
}

/* ---- some blocks ---- */

static void say_body(struct reactor *r, struct remote *p, struct span body)
{
    struct buf m;

    buf_init(&m, SERVING_BYTES_MAX);
    buf_byte(&m, BLOCKSYNC_BLOCK_RESPONSE << 3 | 2);
    buf_uvarint(&m, body.n);
    buf_add(&m, body);
    if (!m.is_full)
        peers_send(r->peers, p->number, BLOCKSYNC_CHANNEL, buf_span(&m));
    buf_fini(&m);
}

static void add_member(struct buf *b, unsigned number, ProtobufCBinaryData d)
{
    buf_byte(b, (uint8_t)(number << 3 | 2));
    buf_uvarint(b, d.len);
    buf_add(b, SPAN(d.data, d.len));
}

static void say_stored(struct reactor *r, struct remote *p, int64_t height,
                       const Store__Block *b)
{
    bool has_extensions =
        params_has_extensions(&shell_chain(r->shell)->params, height);
    struct buf body;

    if (b->height != height || b->block.len == 0 ||
        (has_extensions && b->extended_commit.len == 0)) {
        say_none(r, p, height);
        return;
    }
    buf_init(&body, SERVING_BYTES_MAX);
    add_member(&body, 1, b->block);
    if (has_extensions)
        add_member(&body, 2, b->extended_commit);
    if (!body.is_full)
        say_body(r, p, buf_span(&body));
    buf_fini(&body);
}

static int64_t take_served(struct remote *p)
{
    int64_t height = p->served[0];

    memmove(p->served, p->served + 1, --p->served_count * sizeof p->served[0]);
    return height;
}

/* What did not fit is asked for again. */
static void on_blocks(struct shell *s, enum err status, const char *text,
                      const Store__Reply *reply)
{
    struct reactor      *r = &s->reactor;
    struct remote       *p = reactor_find(r, r->serving);
    const Store__Blocks *m = status ? NULL : reply->blocks;

    UNUSED(text);
    r->serving = 0;
    if (p && (!m || m->n_blocks == 0))
        say_none(r, p, take_served(p));
    for (size_t i = 0; p && m && i < m->n_blocks && p->served_count > 0; i++)
        say_stored(r, p, take_served(p), m->blocks[i]);
    serve_go(r);
}

static void begin(struct reactor *r, struct remote *p)
{
    Store__GetBlocks get = STORE__GET_BLOCKS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    r->serving     = p->number;
    r->served_last = p->number;
    get.heights    = p->served;
    get.n_heights  = p->served_count;
    get.bytes_max  = SERVED_BYTES;
    req.kind_case  = STORE__REQUEST__KIND_GET_BLOCKS;
    req.get_blocks = &get;
    store_ask(r->shell, &req, on_blocks);
}

/* Is a's turn before b's, after that of the peer served last?  However much
 * one asks for, the others get theirs. */
static bool is_before(const struct reactor *r, const struct remote *a,
                      const struct remote *b)
{
    bool is_a_ahead = a->number > r->served_last;
    bool is_b_ahead = b->number > r->served_last;

    return is_a_ahead != is_b_ahead ? is_a_ahead : a->number < b->number;
}

void serve_go(struct reactor *r)
{
    struct remote *next = NULL;

    if (r->serving)
        return;
    for (size_t i = 0; i < r->n; i++) {
        struct remote *p = r->v[i];

        if (p->served_count > 0 && p->has_block_room && !p->is_dropped &&
            (!next || is_before(r, p, next)))
            next = p;
    }
    if (next)
        begin(r, next);
}
