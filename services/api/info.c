/* info - methods about the node, its peers and the rules of the chain. */
#include "api/gojson.h"
#include "api/methods.h"
#include "crypto/key.h"
#include "model/validators.h"
#include "rpcjson/rpcjson.h"
#include "wire/p2p.h"

enum { GENESIS_CHUNK = 16 << 20 };

void method_health(struct call *c)
{
    buf_str(c->out, "{}");
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
    buf_str(c->out, "{\"genesis\":");
    buf_add(c->out, g);
    buf_byte(c->out, '}');
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
    buf_printf(c->out,
               "{\"chunk\":\"%" PRIu64 "\",\"total\":\"%" PRIu64
               "\",\"data\":\"",
               at, chunks);
    buf_base64(c->out, SPAN(g.p + start, n));
    buf_str(c->out, "\"}");
    call_done(c);
}

/* ---- status: p2p, then store, then consensus ---- */

static void put_meta(struct call *c, const char *which,
                     ProtobufCBinaryData bytes, int64_t height)
{
    struct block_meta m = { 0 };

    if (bytes.len == 0 ||
        pb_decode(&block_meta_desc, &m, c->arena, span_of(bytes)) != ACCEPT) {
        memset(&m, 0, sizeof m); /* before the first block: 1970 */
        height = 0;
    }
    buf_printf(c->out, "\"%s_block_hash\":\"", which);
    buf_hex_upper(c->out, m.block_id.hash);
    buf_printf(c->out, "\",\"%s_app_hash\":\"", which);
    buf_hex_upper(c->out, m.header.app_hash);
    buf_printf(c->out, "\",\"%s_block_height\":\"%" PRId64 "\"", which, height);
    buf_printf(c->out, ",\"%s_block_time\":\"", which);
    stamp_print(c->out, m.header.time);
    buf_byte(c->out, '"');
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
    buf_str(c->out, "\"validator_info\":{\"address\":\"");
    if (has_key) {
        pubkey_address(address, &key);
        buf_hex_upper(c->out, SPAN_OF(address));
    }
    buf_str(c->out, "\",\"pub_key\":");
    if (has_key)
        rpcjson_public_key(c->out, &pk);
    else
        buf_str(c->out, "null");
    buf_printf(c->out, ",\"voting_power\":\"%" PRId64 "\"}", st->voting_power);
}

static void status_consensus(struct call *c, const Consensus__Reply *r)
{
    buf_printf(c->out, ",\"catching_up\":%s},",
               r->status->catching_up ? "true" : "false");
    put_validator(c, r->status);
    buf_byte(c->out, '}');
    call_done(c);
}

static void status_store(struct call *c, const Store__Reply *r)
{
    Consensus__GetStatus get = CONSENSUS__GET_STATUS__INIT;
    Consensus__Request   req = CONSENSUS__REQUEST__INIT;

    buf_str(c->out, "\"sync_info\":{");
    put_meta(c, "latest", r->status->meta, r->status->height);
    buf_byte(c->out, ',');
    put_meta(c, "earliest", r->status->lowest_meta, r->status->lowest);
    req.kind_case  = CONSENSUS__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    ask_consensus(c, &req, CONSENSUS__REPLY__KIND_STATUS, status_consensus);
}

static bool put_node_info(struct call *c, ProtobufCBinaryData bytes)
{
    struct node_info info;

    if (pb_decode(&node_info_desc, &info, c->arena, span_of(bytes)) != ACCEPT) {
        call_fail(c, "p2p gave a node info that does not decode");
        return false;
    }
    rpcjson_node_info(c->out, &info);
    return true;
}

static void status_p2p(struct call *c, const P2p__Reply *r)
{
    Store__GetStatus get = STORE__GET_STATUS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    buf_str(c->out, "{\"node_info\":");
    if (!put_node_info(c, r->node_info->node_info))
        return;
    buf_byte(c->out, ',');
    req.kind_case  = STORE__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    ask_store(c, &req, STORE__REPLY__KIND_STATUS, status_store);
}

void method_status(struct call *c)
{
    P2p__GetNodeInfo get = P2P__GET_NODE_INFO__INIT;
    P2p__Request     req = P2P__REQUEST__INIT;

    req.kind_case     = P2P__REQUEST__KIND_GET_NODE_INFO;
    req.get_node_info = &get;
    ask_p2p(c, &req, P2P__REPLY__KIND_NODE_INFO, status_p2p);
}

/* ---- consensus_params, validators ---- */

static void put_params(struct call *c, const Store__Reply *r)
{
    struct consensus_params_msg p;

    if (r->params->params.len == 0) {
        call_fail(c,
                  "could not find consensus params for height #%" PRId64
                  ": value retrieved from db is empty",
                  c->height);
        return;
    }
    if (pb_decode(&consensus_params_desc, &p, c->arena,
                  span_of(r->params->params)) != ACCEPT) {
        call_fail(c, "the store gave params that do not decode");
        return;
    }
    buf_printf(
        c->out,
        "{\"block_height\":\"%" PRId64 "\",\"consensus_params\":", c->height);
    rpcjson_params(c->out, &p);
    buf_byte(c->out, '}');
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
    buf_printf(c->out, "{\"block_height\":\"%" PRId64 "\",\"validators\":[",
               c->height);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_byte(c->out, ',');
        rpcjson_validator(c->out, &set.validators.v[skip + i]);
    }
    buf_printf(c->out, "],\"count\":\"%zu\",\"total\":\"%zu\"}", count,
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

static void put_status(struct buf *out, const P2p__PeerInfo *p)
{
    static const char *const monitor =
        "{\"Start\":\"1970-01-01T00:00:00Z\",\"Bytes\":\"%" PRIu64
        "\",\"Samples\":\"0\",\"InstRate\":\"0\",\"CurRate\":\"0\","
        "\"AvgRate\":\"%" PRIu64 "\",\"PeakRate\":\"0\",\"BytesRem\":\"0\","
        "\"Duration\":\"%" PRIu64 "\",\"Idle\":\"0\",\"TimeRem\":\"0\","
        "\"Progress\":0,\"Active\":true}";
    uint64_t ns = p->connected_ms * 1000000, s = p->connected_ms / 1000 + 1;

    buf_printf(out, "{\"Duration\":\"%" PRIu64 "\",\"SendMonitor\":", ns);
    buf_printf(out, monitor, p->bytes_sent, p->bytes_sent / s, ns);
    buf_str(out, ",\"RecvMonitor\":");
    buf_printf(out, monitor, p->bytes_received, p->bytes_received / s, ns);
    buf_str(out, ",\"Channels\":[");
    for (size_t i = 0; i < p->n_channels; i++) {
        const P2p__ChannelInfo *ch = p->channels[i];

        buf_printf(out,
                   "%s{\"ID\":%u,\"SendQueueCapacity\":\"%u\","
                   "\"SendQueueSize\":\"%u\",\"Priority\":\"%u\","
                   "\"RecentlySent\":\"%" PRIu64 "\"}",
                   i ? "," : "", ch->id, ch->queue_capacity, ch->queue_size,
                   ch->priority, ch->recently_sent);
    }
    buf_str(out, "]}");
}

static void put_net_info(struct call *c, const P2p__Reply *r)
{
    const P2p__NetInfo *n = r->net_info;

    buf_printf(c->out, "{\"listening\":%s,\"listeners\":[",
               n->listening ? "true" : "false");
    for (size_t i = 0; i < n->n_listeners; i++) {
        buf_str(c->out, i ? "," : "");
        gojson_quote(c->out, span_str(n->listeners[i]));
    }
    buf_printf(c->out, "],\"n_peers\":\"%zu\",\"peers\":[", n->n_peers);
    for (size_t i = 0; i < n->n_peers; i++) {
        const P2p__PeerInfo *p = n->peers[i];

        buf_str(c->out, i ? ",{\"node_info\":" : "{\"node_info\":");
        if (!put_node_info(c, p->node_info))
            return;
        buf_printf(c->out, ",\"is_outbound\":%s,\"connection_status\":",
                   p->is_outbound ? "true" : "false");
        put_status(c->out, p);
        buf_str(c->out, ",\"remote_ip\":");
        gojson_quote(c->out, span_str(p->remote_ip));
        buf_byte(c->out, '}');
    }
    buf_str(c->out, "]}");
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
