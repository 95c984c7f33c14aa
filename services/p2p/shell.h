/* shell - where p2p meets the world: listener, connections, bus, clock,
 * files. */
#ifndef WARREN_P2P_SHELL_H
#define WARREN_P2P_SHELL_H

#include "p2p/link.h"
#include "p2p/p2p.h"
#include "p2p/reactors.h"
#include "svc/svc.h"

#include <limits.h>

enum { CHANNELS = 11 };

struct shell {
    struct svc          *svc;
    struct p2p          *core;
    struct p2p_effects  *effects;
    struct book         *book;
    const char          *book_path;
    char                 bans_path[PATH_MAX];
    struct reactors      reactors;
    struct link         *links[CONNS_MAX];
    struct link_config   link;
    struct mconn_config  mconn;
    struct mconn_channel channels[CHANNELS];
    size_t               channel_count; /* one less without PEX */
    struct listener     *listener;
    char                 listens[128]; /* as other nodes are told */
    struct timer         tick, watch;
    struct deferred      bound; /* what peers make us hold */
    struct arena         arena;
    bool                 is_stepping, is_ready;
    /* who we are */
    struct privkey    key;
    struct greet_self self;
    char              id[NODE_ID_TEXT + 1];
    char              moniker[NODE_INFO_BYTES_MAX];
    char              chain_id[CHAIN_ID_BYTES_MAX + 1];
    uint8_t           channel_ids[CHANNELS];
    uint8_t           hello[2 * NODE_INFO_BYTES_MAX]; /* memory of self.hello */
};

/* shell_open - load keys, listen, serve; ends with the code of what is
 * wrong. */
NODISCARD enum err shell_open(struct shell *s, struct svc *svc);
void               shell_close(struct shell *s);

/* For the other files of the shell. */

/* shell_step - hand an event to the core and do what it asks for. */
void shell_step(struct shell *s, struct p2p_event *ev);
/* shell_introduce - rewrite what we say of ourselves. */
void shell_introduce(struct shell *s, struct span chain_id, uint64_t app);
/* shell_send - NULL link: all that listen.  The parcel stays the caller's. */
void         shell_send(struct shell *s, struct link *l, uint8_t channel,
                        struct parcel *p);
struct link *shell_link(struct shell *s, uint64_t number);

/* From the configuration (setup.c). */
NODISCARD enum err setup_key(struct shell *s);
NODISCARD enum err setup_core(struct shell *s);
void               setup_channels(struct shell *s);
void               setup_moniker(struct shell *s);
void               setup_free(struct shell *s);

extern const struct bus_server_fns shell_bus_fns;
extern const struct link_fns       shell_link_fns;

#endif
