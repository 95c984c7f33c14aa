/* internal - what the parts of the core share: connections, effects, and the
 * address exchange. */
#ifndef WARREN_P2P_INTERNAL_H
#define WARREN_P2P_INTERNAL_H

#include "p2p/p2p.h"

#define MS     UINT64_C(1000)
#define SECOND (1000 * MS)
#define DAY    INT64_C(86400)

enum { BAN_SECONDS = 86400 };

/* ---- effects ---- */

struct p2p_effect *fx_add(struct p2p_effects *out, enum p2p_effect_kind kind,
                          uint64_t conn);

/* ---- connections ---- */

/* conn_by_id - one that is a peer, or that we are making. */
struct conn *conn_by_id(struct p2p *p, const uint8_t id[ADDRESS_BYTES]);
bool         conn_with_ip(const struct p2p *p, const uint8_t ip[IP_BYTES],
                          uint64_t but);
bool id_listed(const struct id_list *l, const uint8_t id[ADDRESS_BYTES]);
bool is_persistent(const struct p2p *p, const uint8_t id[ADDRESS_BYTES]);

/* conn_dial - NULL when there is no room. */
struct conn *conn_dial(struct p2p *p, struct p2p_effects *out,
                       const struct dial_addr *addr, struct moment now);
/* conn_close - end it, with what follows from that. */
void conn_close(struct p2p *p, struct p2p_effects *out, struct conn *c,
                const char *why, struct moment now);
/* conn_ban - for so long, unless the operator named it. */
void conn_ban(struct p2p *p, const struct conn *c, uint32_t seconds,
              struct moment now);

/* ---- address exchange (pex.c); all do nothing without a book ---- */

void pex_up(struct p2p *p, struct p2p_effects *out, struct conn *c,
            struct moment now);
void pex_message(struct p2p *p, struct p2p_effects *out, struct conn *c,
                 struct span bytes, struct moment now);
/* pex_ensure - see that there are enough peers. */
void pex_ensure(struct p2p *p, struct p2p_effects *out, bool may_ask,
                struct moment now);
/* pex_failed - an address of the book could not be reached. */
void pex_failed(struct p2p *p, const struct conn *c, struct moment now);

#endif
