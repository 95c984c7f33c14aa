/* Block sync for others: what we have, and blocks as they are stored.  One is
 * read at a time, for peers in turn. */
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
        serve_go(r);
    }
}

/* ---- one block ---- */

static void done(struct reactor *r)
{
    r->serving.peer = 0;
    buf_fini(&r->serving.body);
    serve_go(r);
}

static void say_body(struct reactor *r)
{
    struct serving *v = &r->serving;
    struct remote  *p = reactor_find(r, v->peer);
    struct buf      m;

    if (p && !p->is_dropped && !v->body.is_full) {
        buf_init(&m, SERVING_BYTES_MAX);
        buf_byte(&m, BLOCKSYNC_BLOCK_RESPONSE << 3 | 2);
        buf_uvarint(&m, v->body.len);
        buf_add(&m, buf_span(&v->body));
        if (!m.is_full)
            peers_send(r->peers, v->peer, BLOCKSYNC_CHANNEL, buf_span(&m));
        buf_fini(&m);
    }
    done(r);
}

static void add_member(struct buf *b, unsigned number, ProtobufCBinaryData d)
{
    buf_byte(b, (uint8_t)(number << 3 | 2));
    buf_uvarint(b, d.len);
    buf_add(b, SPAN(d.data, d.len));
}

static void none(struct reactor *r)
{
    struct remote *p = reactor_find(r, r->serving.peer);

    if (p)
        say_none(r, p, r->serving.height);
    done(r);
}

static void on_extended(struct shell *s, enum err status, const char *text,
                        const Store__Reply *reply)
{
    struct reactor *r = &s->reactor;

    UNUSED(text);
    if (status || reply->kind_case != STORE__REPLY__KIND_COMMIT ||
        reply->commit->commit.len == 0) {
        none(r);
        return;
    }
    add_member(&r->serving.body, 2, reply->commit->commit);
    say_body(r);
}

static void on_block(struct shell *s, enum err status, const char *text,
                     const Store__Reply *reply)
{
    struct reactor  *r   = &s->reactor;
    Store__GetCommit get = STORE__GET_COMMIT__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    UNUSED(text);
    if (status || reply->kind_case != STORE__REPLY__KIND_BLOCK ||
        reply->block->block.len == 0) {
        none(r);
        return;
    }
    add_member(&r->serving.body, 1, reply->block->block);
    if (!params_has_extensions(&shell_chain(s)->params, r->serving.height)) {
        say_body(r);
        return;
    }
    get.height     = r->serving.height;
    get.extended   = true;
    req.kind_case  = STORE__REQUEST__KIND_GET_COMMIT;
    req.get_commit = &get;
    store_ask(s, &req, on_extended);
}

static void begin(struct reactor *r, struct remote *p)
{
    Store__GetBlock get = STORE__GET_BLOCK__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    r->serving.peer   = p->number;
    r->serving.height = p->served[0];
    memmove(p->served, p->served + 1, --p->served_count * sizeof p->served[0]);
    buf_init(&r->serving.body, SERVING_BYTES_MAX);
    get.height    = r->serving.height;
    req.kind_case = STORE__REQUEST__KIND_GET_BLOCK;
    req.get_block = &get;
    store_ask(r->shell, &req, on_block);
}

void serve_go(struct reactor *r)
{
    struct remote *next = NULL;

    if (r->serving.peer)
        return;
    for (size_t i = 0; i < r->n; i++) { /* who waits for the most */
        struct remote *p = r->v[i];

        if (p->served_count > 0 && p->has_block_room && !p->is_dropped &&
            (!next || p->served_count > next->served_count))
            next = p;
    }
    if (next)
        begin(r, next);
}
