/* p2p_rig - the core of p2p with a clock that the test moves; what it does
 * is told as a story, "greet 0; close 0 banned; ".
 *
 * Nodes are numbers, and so are their identities.
 * Memory: the heap, from set_up to clean_up. */
#ifndef P2P_RIG_H
#define P2P_RIG_H

#include "p2p/p2p.h"
#include "test.h"
#include "wire/pex.h"

#define MS     UINT64_C(1000)
#define SECOND (1000 * MS)

enum { STORY_MAX = 1 << 16 };

extern struct p2p         *p;
extern struct p2p_effects *fx; /* of the last step */
extern struct moment       now;
extern char                story[STORY_MAX]; /* connections by slot */

struct p2p_config config_of(uint32_t in, uint32_t out);
void              set_up(const struct p2p_config *c);
void              set_up_ready(void); /* of 40 and 10, and consensus is there */
void              clean_up(void);
/* target - a node that is to be dialled, named before ready(). */
void target(uint32_t id, const char *host, bool is_seed);
void check_story(const char *want, const char *what); /* and begin anew */

void id_of(uint8_t id[ADDRESS_BYTES], uint32_t n);
void ip_of(uint8_t ip[IP_BYTES], const char *text);

/* step - one event; the effects go into the story.  Returns the last
 * connection that they name; so do the others that return one. */
uint64_t step(struct p2p_event ev);
void     pass(uint64_t us);
uint64_t tick(uint64_t us); /* after that time */
void     ready(bool is_ready);
uint64_t accepted(const char *ip);
void     dialled(uint64_t conn, const char *ip);
void     greeted(uint64_t conn, uint32_t id, enum greet_verdict v,
                 const char *says);
void     closed(uint64_t conn, bool is_fault);

/* A peer that came, or was dialled, and greeted. */
uint64_t peer_in(uint32_t id, const char *ip);
uint64_t peer_out(uint32_t id, const char *ip);

/* hear - a message of the address exchange. */
void                 hear(uint64_t conn, struct span bytes);
extern const uint8_t pex_request[2];
/* pex_addresses - of n nodes, in test_arena. */
struct span pex_addresses(uint32_t first, size_t n);

#endif
