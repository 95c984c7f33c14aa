/* p2p - which peers to have: whom to dial and when, whom to let in, whom to
 * send away; what to tell about others and what to believe.
 *
 * Source:  CometBFT v0.38 p2p/switch.go, p2p/transport.go, p2p/pex.
 * Shapes:  a connection is a number that is never reused.  Every event is
 *          answered by effects that the shell performs in order.
 * Units:   microseconds of a monotonic clock, and seconds since 1970 for
 *          what outlives the process.
 * Memory:  fixed: CONNS_MAX connections, the lists of the configuration, the
 *          address book (the caller's). */
#ifndef WARREN_P2P_H
#define WARREN_P2P_H

#include "p2p/bans.h"
#include "p2p/book.h"
#include "p2p/greet.h"

enum {
    CONNS_MAX       = 1024,
    TARGETS_MAX     = 256,           /* persistent peers and seeds */
    IDS_MAX         = 256,           /* private and unconditional ones, each */
    EFFECTS_MAX     = 2 * CONNS_MAX, /* all end, and others are dialled */
    GREETINGS_MAX   = 64, /* strangers that may be greeting at once */
    GREETINGS_BY_IP = 8,
    PEX_BYTES_MAX   = PEX_MSG_BYTES_MAX,
};

struct moment {
    uint64_t us;   /* monotonic */
    int64_t  wall; /* seconds since 1970 */
};

/* Somebody to dial: an IP or a name. */
struct dial_addr {
    uint8_t  id[ADDRESS_BYTES];
    char     host[HOST_TEXT_MAX + 1];
    uint16_t port;
};
NODISCARD bool dial_addr_parse(struct dial_addr *out, struct span text);

struct p2p_config {
    uint32_t inbound_max, outbound_max;
    bool     allow_duplicate_ip, has_pex, is_seed;
    uint64_t greeting_us; /* how long a handshake may take */
    uint64_t redial_us;   /* the longest pause for a persistent peer; 0: ours */
};

enum conn_stage { CONN_FREE, CONN_DIALLING, CONN_GREETING, CONN_UP };

struct conn {
    uint64_t         number;
    enum conn_stage  stage;
    bool             is_outbound, has_ip;
    bool             is_silent;         /* acknowledges nothing: cut off? */
    uint8_t          id[ADDRESS_BYTES]; /* when dialled, or once greeted */
    uint8_t          ip[IP_BYTES];
    struct dial_addr dialled;
    uint64_t         since_us; /* of this stage */
    struct netaddr   says;     /* what it claims to listen on */
    bool             has_says;
    bool             was_asked;       /* for addresses, and owes them */
    uint32_t         requests;        /* for addresses, that it sent */
    uint64_t         last_request_us; /* counted from the second on */
};

/* A peer that the configuration names. */
struct target {
    struct dial_addr addr;
    bool             is_persistent, is_seed;
    uint32_t         failures;
    uint64_t         due_us;
};

struct id_list {
    uint8_t id[IDS_MAX][ADDRESS_BYTES];
    size_t  n;
};

enum p2p_event_kind {
    EV_TICK,
    EV_READY,    /* whether reactors can take peers: is_ready */
    EV_ACCEPTED, /* somebody at ip came; answered by FX_GREET or FX_REFUSE */
    EV_DIALLED,  /* conn is connected, at ip */
    EV_GREETED,  /* conn: verdict, id, says */
    EV_CLOSED,   /* conn is gone; is_fault: it broke the protocol */
    EV_DROP,     /* a reactor wants conn gone, and banned until then */
    EV_GOOD,     /* conn did something useful */
    EV_SILENT,   /* whether conn acknowledges what is sent: is_silent */
    EV_PEX,      /* conn sent bytes on channel 0 */
    EV_DIAL,     /* the operator wants addr, dial_flags */
};

enum { DIAL_PERSISTENT = 1, DIAL_UNCONDITIONAL = 2, DIAL_PRIVATE = 4 };

struct p2p_event {
    enum p2p_event_kind     kind;
    struct moment           now;
    uint64_t                conn;
    bool                    is_ready, is_fault, is_silent;
    enum greet_verdict      verdict;
    const uint8_t          *id, *ip;
    const struct netaddr   *says; /* NULL when it has no IP */
    uint32_t                ban_seconds;
    struct span             bytes;
    const struct dial_addr *addr;
    unsigned                dial_flags;
};

enum p2p_effect_kind {
    FX_GREET,     /* take the accepted connection as conn */
    FX_REFUSE,    /* close it */
    FX_DIAL,      /* conn: to addr */
    FX_UP,        /* conn is a peer */
    FX_CLOSE,     /* conn: end it; reactors learn that it is gone */
    FX_SEND,      /* conn: bytes on channel 0 */
    FX_FLUSH,     /* conn: end it once what is written has left */
    FX_SAVE,      /* write the address book */
    FX_SAVE_BANS, /* write the bans */
};

struct p2p_effect {
    enum p2p_effect_kind    kind;
    uint64_t                conn;
    const struct dial_addr *addr;
    const char             *why; /* static */
    struct span             bytes;
};

struct p2p_effects {
    struct p2p_effect v[EFFECTS_MAX];
    size_t            n;
    uint8_t           pex[PEX_BYTES_MAX]; /* of FX_SEND; one per event */
};

struct p2p {
    struct p2p_config config;
    uint8_t           self[ADDRESS_BYTES];
    struct dice       dice;
    struct conn       conns[CONNS_MAX];
    size_t            conns_used; /* those in use lie below */
    uint64_t          next_number;
    struct target     targets[TARGETS_MAX];
    size_t            target_count;
    struct id_list    private_ids, unconditional_ids;
    struct bans       bans;
    struct book      *book; /* NULL without PEX */
    struct arena      arena;
    bool              is_ready;
    bool              has_new_bans;
    uint64_t          ensure_us, save_us, save_bans_us; /* when due */
};

/* p2p_init - in zeroed memory.  book may be NULL when config says no PEX. */
void p2p_init(struct p2p *p, const struct p2p_config *config,
              const uint8_t self[ADDRESS_BYTES], struct book *book,
              uint64_t seed, struct moment now);
void p2p_fini(struct p2p *p);

/* p2p_add_target - before the first event, or by EV_DIAL. */
NODISCARD bool p2p_add_target(struct p2p *p, const struct dial_addr *addr,
                              bool is_persistent, bool is_seed);
NODISCARD bool p2p_add_private(struct p2p *p, const uint8_t id[ADDRESS_BYTES]);
NODISCARD bool p2p_add_unconditional(struct p2p   *p,
                                     const uint8_t id[ADDRESS_BYTES]);

/* p2p_step - the only way in.  What out borrows lives until the next step. */
void p2p_step(struct p2p *p, struct p2p_effects *out,
              const struct p2p_event *ev);

/* p2p_wait - microseconds until EV_TICK has something to do. */
uint64_t p2p_wait(const struct p2p *p, uint64_t now_us);

struct conn *p2p_conn(struct p2p *p, uint64_t number); /* NULL: gone */

#endif
