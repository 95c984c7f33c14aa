/* info - methods about the node, its peers and the rules of the chain. */
#include "api/methods.h"
#include "crypto/key.h"
#include "model/validators.h"
#include "rpcjson/results.h"

enum { GENESIS_CHUNK = 16 << 20, NODE_INFO_US = 1000000 };

void method_health(struct call *c)
{
    jw_object(&c->w);
    jw_object_end(&c->w);
    call_done(c);
}

/* ---- genesis ---- */

void method_genesis(struct call *c)
{
    struct span g = c->shell->genesis;

    if (g.n > GENESIS_CHUNK) {
        call_fail(c, "genesis response is large, please use the "
                     "genesis_chunked API instead");
        return;
    }
    jw_object(&c->w);
    JW(&c->w, "genesis", raw, g);
    jw_object_end(&c->w);
    call_done(c);
}

void method_genesis_chunked(struct call *c)
{
    struct span g      = c->shell->genesis;
    uint64_t    chunks = (g.n + GENESIS_CHUNK - 1) / GENESIS_CHUNK;
    uint64_t    at     = c->args[0].u;
    size_t      start, n;

    if (at >= chunks) {
        call_fail(c, "there are %" PRIu64 " chunks, %" PRId64 " is invalid",
                  chunks - 1, (int64_t)at);
        return;
    }
    start = (size_t)at * GENESIS_CHUNK;
    n     = g.n - start < GENESIS_CHUNK ? g.n - start : GENESIS_CHUNK;
    jw_object(&c->w);
    JW(&c->w, "chunk", uint_text, at);
    JW(&c->w, "total", uint_text, chunks);
    JW(&c->w, "data", base64_text, SPAN(g.p + start, n));
    jw_object_end(&c->w);
    call_done(c);
}

/* ---- status: p2p, then store, then consensus ---- */

static const struct sync_keys {
    const char *hash, *app_hash, *height, *time;
} latest   = { "latest_block_hash", "latest_app_hash", "latest_block_height",
               "latest_block_time" },
  earliest = { "earliest_block_hash", "earliest_app_hash",
               "earliest_block_height", "earliest_block_time" };

static void put_meta(struct call *c, const struct sync_keys *keys,
                     ProtobufCBinaryData bytes, int64_t height)
{
    struct block_meta m = { 0 };

    if (bytes.len == 0 ||
        pb_decode(&block_meta_desc, &m, c->arena, span_of(bytes)) != ACCEPT) {
        memset(&m, 0, sizeof m); /* before the first block: 1970 */
        height = 0;
    }
    JW(&c->w, keys->hash, hex_upper, m.block_id.hash);
    JW(&c->w, keys->app_hash, hex_upper, m.header.app_hash);
    JW(&c->w, keys->height, int_text, height);
    JW(&c->w, keys->time, stamp, m.header.time);
}

static void put_validator(struct call *c, const Consensus__Status *st)
{
    struct public_key pk = { 0 };
    struct pubkey     key;
    uint8_t           address[ADDRESS_BYTES];
    bool              has_key;

    has_key = st->pub_key.len > 0 &&
              pb_decode(&public_key_desc, &pk, c->arena,
                        span_of(st->pub_key)) == ACCEPT &&
              pubkey_make(&key, (enum key_type)pk.type, pk.bytes);
    if (has_key)
        pubkey_address(address, &key);
    jw_object(&c->w);
    JW(&c->w, "address", hex_upper,
       SPAN(address, has_key ? sizeof address : 0));
    jw_key(&c->w, "pub_key");
    rj_pubkey(&c->w, has_key ? &pk : NULL);
    JW(&c->w, "voting_power", int_text, st->voting_power);
    jw_object_end(&c->w);
}

static void status_consensus(struct call *c, const Consensus__Reply *r)
{
    JW(&c->w, "catching_up", bool, r->status->catching_up);
    jw_object_end(&c->w);
    jw_key(&c->w, "validator_info");
    put_validator(c, r->status);
    jw_object_end(&c->w);
    call_done(c);
}

static void status_store(struct call *c, const Store__Reply *r)
{
    Consensus__GetStatus get = CONSENSUS__GET_STATUS__INIT;
    Consensus__Request   req = CONSENSUS__REQUEST__INIT;

    jw_key(&c->w, "sync_info");
    jw_object(&c->w);
    put_meta(c, &latest, r->status->meta, r->status->height);
    put_meta(c, &earliest, r->status->lowest_meta, r->status->lowest);
    req.kind_case  = CONSENSUS__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    ask_consensus(c, &req, CONSENSUS__REPLY__KIND_STATUS, status_consensus);
}

static bool put_node_info(struct call *c, struct span bytes)
{
    struct node_info info;

    if (pb_decode(&node_info_desc, &info, c->arena, bytes) != ACCEPT) {
        call_fail(c, "p2p gave a node info that does not decode");
        return false;
    }
    rj_node_info(&c->w, &info);
    if (info.network.n == 0)
        c->shell->node_info_us = 0; /* of a node that has just begun */
    return true;
}

static void put_status(struct call *c)
{
    Store__GetStatus get = STORE__GET_STATUS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    jw_object(&c->w);
    jw_key(&c->w, "node_info");
    if (!put_node_info(c, buf_span(&c->shell->node_info)))
        return;
    req.kind_case  = STORE__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    ask_store(c, &req, STORE__REPLY__KIND_STATUS, status_store);
}

static void status_p2p(struct call *c, const P2p__Reply *r)
{
    struct shell *s = c->shell;

    buf_clear(&s->node_info);
    buf_add(&s->node_info, span_of(r->node_info->node_info));
    s->node_info_us = now_us();
    put_status(c);
}

/* Many ask often, and what p2p says of us hardly changes once it is whole. */
void method_status(struct call *c)
{
    P2p__GetNodeInfo    get = P2P__GET_NODE_INFO__INIT;
    P2p__Request        req = P2P__REQUEST__INIT;
    const struct shell *s   = c->shell;

    if (s->node_info_us > 0 && now_us() - s->node_info_us < NODE_INFO_US) {
        put_status(c);
        return;
    }
    req.kind_case     = P2P__REQUEST__KIND_GET_NODE_INFO;
    req.get_node_info = &get;
    ask_p2p(c, &req, P2P__REPLY__KIND_NODE_INFO, status_p2p);
}

/* ---- consensus_params, validators ---- */

static void put_params(struct call *c, const Store__Reply *r)
{
    struct consensus_params_msg m;
    struct params               p;

    if (r->params->params.len == 0) {
        call_fail(c,
                  "could not find consensus params for height #%" PRId64
                  ": value retrieved from db is empty",
                  c->height);
        return;
    }
    if (pb_decode(&consensus_params_desc, &m, c->arena,
                  span_of(r->params->params)) ||
        params_from_msg(&p, &m)) {
        call_fail(c, "the store gave params that do not decode");
        return;
    }
    rj_result_params(&c->w, c->height, &p);
    call_done(c);
}

static void params_at(struct call *c)
{
    Store__GetParams get = STORE__GET_PARAMS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    get.height     = c->height;
    req.kind_case  = STORE__REQUEST__KIND_GET_PARAMS;
    req.get_params = &get;
    ask_store(c, &req, STORE__REPLY__KIND_PARAMS, put_params);
}

void method_consensus_params(struct call *c)
{
    call_height(c, true, params_at);
}

static void put_validators(struct call *c, const Store__Reply *r)
{
    struct validator_set_msg set;
    size_t                   skip, count;

    if (r->validators->set.len == 0) {
        call_fail(c, "could not find validator set for height #%" PRId64,
                  c->height);
        return;
    }
    if (pb_decode(&validator_set_desc, &set, c->arena,
                  span_of(r->validators->set)) != ACCEPT) {
        call_fail(c, "the store gave a validator set that does not decode");
        return;
    }
    if (!call_page(c, 1, set.validators.n, &skip, &count))
        return;
    rj_result_validators(&c->w, c->height, set.validators.v + skip, count,
                         set.validators.n);
    call_done(c);
}

static void validators_at(struct call *c)
{
    Store__GetValidators get = STORE__GET_VALIDATORS__INIT;
    Store__Request       req = STORE__REQUEST__INIT;

    get.height         = c->height;
    req.kind_case      = STORE__REQUEST__KIND_GET_VALIDATORS;
    req.get_validators = &get;
    ask_store(c, &req, STORE__REPLY__KIND_VALIDATORS, put_validators);
}

void method_validators(struct call *c)
{
    call_height(c, true, validators_at);
}

/* ---- net_info ---- */

/* flowrate.Status in Go's names. */
static void put_monitor(struct json_writer *w, uint64_t bytes, uint64_t ms)
{
    jw_object(w);
    JW(w, "Start", stamp, stamp_add(now_stamp(), -(int64_t)ms * 1000000));
    JW(w, "Bytes", uint_text, bytes);
    JW(w, "Samples", uint_text, ms / 100);
    JW(w, "InstRate", uint_text, 0);
    JW(w, "CurRate", uint_text, 0);
    JW(w, "AvgRate", uint_text, bytes * 1000 / (ms + 1));
    JW(w, "PeakRate", uint_text, 0);
    JW(w, "BytesRem", uint_text, 0);
    JW(w, "Duration", uint_text, ms * 1000000);
    JW(w, "Idle", uint_text, 0);
    JW(w, "TimeRem", uint_text, 0);
    JW(w, "Progress", int, 0);
    JW(w, "Active", bool, true);
    jw_object_end(w);
}

static void put_connection(struct json_writer *w, const P2p__PeerInfo *p)
{
    jw_object(w);
    JW(w, "Duration", uint_text, p->connected_ms * 1000000);
    jw_key(w, "SendMonitor");
    put_monitor(w, p->bytes_sent, p->connected_ms);
    jw_key(w, "RecvMonitor");
    put_monitor(w, p->bytes_received, p->connected_ms);
    jw_key(w, "Channels");
    jw_array(w);
    for (size_t i = 0; i < p->n_channels; i++) {
        const P2p__ChannelInfo *ch = p->channels[i];

        jw_object(w);
        JW(w, "ID", int, ch->id);
        JW(w, "SendQueueCapacity", uint_text, ch->send_queue_capacity);
        JW(w, "SendQueueSize", uint_text, ch->send_queue_size);
        JW(w, "Priority", uint_text, ch->priority);
        JW(w, "RecentlySent", uint_text, ch->recently_sent);
        jw_object_end(w);
    }
    jw_array_end(w);
    jw_object_end(w);
}

static bool put_peer(struct call *c, const P2p__PeerInfo *p)
{
    jw_object(&c->w);
    jw_key(&c->w, "node_info");
    if (!put_node_info(c, span_of(p->node_info)))
        return false;
    JW(&c->w, "is_outbound", bool, p->is_outbound);
    jw_key(&c->w, "connection_status");
    put_connection(&c->w, p);
    JW(&c->w, "remote_ip", cstr, p->remote_ip);
    jw_object_end(&c->w);
    return true;
}

static void put_net_info(struct call *c, const P2p__Reply *r)
{
    const P2p__NetInfo *n = r->net_info;

    jw_object(&c->w);
    JW(&c->w, "listening", bool, n->listening);
    jw_key(&c->w, "listeners");
    jw_array(&c->w);
    for (size_t i = 0; i < n->n_listeners; i++)
        jw_cstr(&c->w, n->listeners[i]);
    jw_array_end(&c->w);
    JW(&c->w, "n_peers", uint_text, n->n_peers);
    jw_key(&c->w, "peers");
    jw_array(&c->w);
    for (size_t i = 0; i < n->n_peers; i++)
        if (!put_peer(c, n->peers[i]))
            return;
    jw_array_end(&c->w);
    jw_object_end(&c->w);
    call_done(c);
}

void method_net_info(struct call *c)
{
    P2p__GetNetInfo get = P2P__GET_NET_INFO__INIT;
    P2p__Request    req = P2P__REQUEST__INIT;

    req.kind_case    = P2P__REQUEST__KIND_GET_NET_INFO;
    req.get_net_info = &get;
    ask_p2p(c, &req, P2P__REPLY__KIND_NET_INFO, put_net_info);
}
