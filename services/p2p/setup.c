/* From the configuration to a core that knows what it is about. */
#include "p2p/shell.h"

#include "base/files.h"
#include "base/text.h"
#include "crypto/random.h"
#include "model/genesis.h"
#include "p2p/bans_file.h"
#include "p2p/book_file.h"
#include "wire/mempool.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    KEY_FILE_MAX     = 4096,
    PAYLOAD_SEND_MAX = 1024,
    PAYLOAD_RECV_MAX = 1 << 20
};

#define NS_PER_US INT64_C(1000)

/* ---- the node key ---- */

enum err setup_key(struct shell *s)
{
    const char *path =
        config_path(s->svc->config, s->svc->config->node_key_file);
    const char   *why = NULL;
    struct pubkey pub;
    struct buf    text;
    enum err      e;

    buf_init(&text, 1 << 20);
    e = file_read_secret(&text, path, KEY_FILE_MAX);
    if (e == ERR_NOT_FOUND)
        e = fail(ERR_KEY, "%s: there is no node key; run: warren init", path);
    if (e == OK && node_key_parse(&s->key, buf_span(&text), &why) != ACCEPT)
        e = fail(ERR_KEY,
                 "%s: %s; restore the file from a backup, or move it "
                 "away and run: warren init",
                 path, why);
    if (text.p)
        explicit_bzero(text.p, text.cap);
    buf_fini(&text);
    if (e != OK)
        return e;
    privkey_public(&pub, &s->key);
    node_id_of(s->self.id, &pub);
    node_id_print(s->id, s->self.id);
    s->self.key = &s->key;
    return OK;
}

/* A node without a name is named after its host, as CometBFT does. */
void setup_moniker(struct shell *s)
{
    snprintf(s->moniker, sizeof s->moniker, "%s", s->svc->config->moniker);
    if (!*s->moniker && gethostname(s->moniker, sizeof s->moniker - 1) != 0)
        snprintf(s->moniker, sizeof s->moniker, "anonymous");
}

/* ---- channels ---- */

/* A message with one transaction of the largest size. */
static size_t mempool_message_max(const struct config_mempool *c)
{
    struct span        tx  = { NULL, (size_t)c->max_tx_bytes };
    struct txs         txs = { .txs = { &tx, 1 } };
    struct mempool_msg m   = { .which = MEMPOOL_TXS, .txs = &txs };

    return pb_size(&mempool_msg_desc, &m);
}

void setup_channels(struct shell *s)
{
    const struct config_mempool *m     = &s->svc->config->mempool;
    const struct config_p2p     *p     = &s->svc->config->p2p;
    size_t                       tx    = mempool_message_max(m);
    size_t                     payload = (size_t)p->max_packet_msg_payload_size;
    const struct mconn_channel table[CHANNELS] = {
        { 0x40, 5, 1000, BLOCKSYNC_MSG_BYTES_MAX },
        { 0x20, 6, 100, CONSENSUS_MSG_BYTES_MAX },
        { 0x21, 10, 100, CONSENSUS_MSG_BYTES_MAX },
        { 0x22, 7, 100, CONSENSUS_MSG_BYTES_MAX },
        { 0x23, 1, 2, CONSENSUS_MSG_BYTES_MAX },
        { 0x30, 5, 1, tx },
        { SEEN_CHANNEL, 5, 10, SEEN_MSG_BYTES },
        { 0x38, 6, 1, CONSENSUS_MSG_BYTES_MAX },
        { 0x60, 5, 10, SNAPSHOT_MSG_BYTES_MAX },
        { 0x61, 3, 10, CHUNK_MSG_BYTES_MAX },
        { 0x00, 1, 10, PEX_MSG_BYTES_MAX }, /* last: left out without PEX */
    };

    memcpy(s->channels, table, sizeof table);
    s->channel_count = p->pex ? CHANNELS : CHANNELS - 1;
    for (size_t i = 0; i < CHANNELS; i++)
        s->channel_ids[i] = table[i].id;
    if (payload < 1)
        payload = 1;
    s->mconn = (struct mconn_config){
        .payload_max = payload < PAYLOAD_SEND_MAX ? payload : PAYLOAD_SEND_MAX,
        .recv_payload_max =
            payload < PAYLOAD_RECV_MAX ? payload : PAYLOAD_RECV_MAX,
        .send_rate = p->send_rate,
        .recv_rate = p->recv_rate,
        .ping_us   = 60000000,
        .pong_us   = 45000000,
    };
}

/* ---- peers of the configuration ---- */

/* Calls fn for each item of a list with commas; an item that it refuses is
 * an error of the configuration. */
static enum err each_item(struct shell *s, const char *key, const char *list,
                          const char *form,
                          bool (*fn)(struct shell *s, struct span item))
{
    while (*list) {
        size_t      n    = strcspn(list, ",");
        struct span item = SPAN(list, n);

        while (item.n > 0 && *item.p == ' ')
            item = SPAN(item.p + 1, item.n - 1);
        while (item.n > 0 && item.p[item.n - 1] == ' ')
            item.n--;
        if (item.n > 0 && !fn(s, item))
            return fail(ERR_CONFIG, "p2p.%s: \"%.*s\" is not %s", key,
                        (int)item.n, (const char *)item.p, form);
        list += n + (list[n] == ',');
    }
    return OK;
}

static bool take_persistent(struct shell *s, struct span item)
{
    struct dial_addr a;

    return dial_addr_parse(&a, item) &&
           p2p_add_target(s->core, &a, true, false);
}

static bool take_seed(struct shell *s, struct span item)
{
    struct dial_addr a;

    return dial_addr_parse(&a, item) &&
           p2p_add_target(s->core, &a, false, true);
}

static bool take_private(struct shell *s, struct span item)
{
    uint8_t id[ADDRESS_BYTES];

    return hex_decode(id, sizeof id, item) && p2p_add_private(s->core, id);
}

static bool take_unconditional(struct shell *s, struct span item)
{
    uint8_t id[ADDRESS_BYTES];

    return hex_decode(id, sizeof id, item) &&
           p2p_add_unconditional(s->core, id);
}

static enum err take_lists(struct shell *s)
{
    static const char        address[] = "an address of the form ID@host:port";
    static const char        id[]      = "a node id of 40 hex digits";
    const struct config_p2p *c         = &s->svc->config->p2p;
    enum err e = each_item(s, "persistent_peers", c->persistent_peers, address,
                           take_persistent);

    if (e == OK)
        e = each_item(s, "seeds", c->seeds, address, take_seed);
    if (e == OK)
        e = each_item(s, "private_peer_ids", c->private_peer_ids, id,
                      take_private);
    if (e == OK)
        e = each_item(s, "unconditional_peer_ids", c->unconditional_peer_ids,
                      id, take_unconditional);
    return e;
}

/* ---- the core ---- */

static uint32_t bounded(int64_t n)
{
    return n < 0 ? 0 : n > CONNS_MAX ? CONNS_MAX : (uint32_t)n;
}

static enum err open_book(struct shell *s, uint64_t seed)
{
    uint8_t    random[BOOK_KEY_TEXT / 2];
    char       key[BOOK_KEY_TEXT + 1];
    struct buf b;

    random_bytes(random, sizeof random);
    buf_use(&b, key, sizeof key);
    buf_hex(&b, SPAN_OF(random));
    buf_byte(&b, 0);
    s->book = calloc(1, sizeof *s->book);
    must(s->book != NULL);
    book_init(s->book, s->svc->config->p2p.addr_book_strict, key, seed);
    s->book_path =
        config_path(s->svc->config, s->svc->config->p2p.addr_book_file);
    return book_load(s->book, s->book_path);
}

static enum err load_bans(struct shell *s, struct moment now)
{
    const char *book =
        config_path(s->svc->config, s->svc->config->p2p.addr_book_file);

    if (!bans_path(s->bans_path, sizeof s->bans_path, book))
        return fail(ERR_CONFIG, "p2p.addr_book_file: too long a path");
    return bans_load(&s->core->bans, s->bans_path, now.wall);
}

enum err setup_core(struct shell *s)
{
    const struct config_p2p *c      = &s->svc->config->p2p;
    struct p2p_config        config = {
               .inbound_max        = bounded(c->max_num_inbound_peers),
               .outbound_max       = bounded(c->max_num_outbound_peers),
               .allow_duplicate_ip = c->allow_duplicate_ip,
               .has_pex            = c->pex,
               .is_seed            = c->seed_mode,
               .greeting_us = (uint64_t)(c->handshake_timeout / NS_PER_US),
               .redial_us =
                   (uint64_t)(c->persistent_peers_max_dial_period / NS_PER_US),
    };
    struct moment now = { now_us(), now_stamp().seconds };
    uint64_t      seed[2];
    enum err      e = OK;

    random_bytes(seed, sizeof seed);
    s->core    = calloc(1, sizeof *s->core);
    s->effects = calloc(1, sizeof *s->effects);
    must(s->core && s->effects);
    if (c->pex)
        e = open_book(s, seed[0]);
    p2p_init(s->core, &config, s->self.id, s->book, seed[1], now);
    if (e == OK)
        e = load_bans(s, now);
    return e == OK ? take_lists(s) : e;
}

void setup_free(struct shell *s)
{
    if (s->core)
        p2p_fini(s->core);
    free(s->core);
    free(s->effects);
    free(s->book);
    privkey_wipe(&s->key);
}
