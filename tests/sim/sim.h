/* sim - many nodes in one process, with one seed: the production cores of
 * consensus, gossip and evidence, and the WAL, over a fake clock, network and
 * disk.
 *
 * A schedule is a storm (delays, losses, partitions, crashes, validators that
 * lie) and then fair weather, in which the chain has to go on.  Everything is
 * drawn from the seed; the same seed gives the same trace hash.
 *
 *   plan.c      what a seed means: how many nodes, who is evil, what breaks
 *   world.c     clock, queue, links between nodes
 *   sets.c      who is a validator at which height
 *   aim.c       what the network holds back on purpose
 *   node.c      a node: what the shell does, without a disk or a socket
 *   talk.c      what it says to its peers
 *   life.c      how it starts and crashes
 *   fetch.c     its block sync
 *   proof.c     its evidence pool's surroundings
 *   log.c       its WAL
 *   disk.c      its store, its signer
 *   evil.c      validators without a core, which say anything
 *   lies.c      blocks that do not hold
 *   check.c     what must hold, computed from what was signed
 *   blame.c     who must be punished, and who not
 *   crypto.c    signatures that cost nothing
 * Units: time in nanoseconds since the schedule began.
 * Memory: what a schedule makes is in world.arena until it ends. */
#ifndef SIM_H
#define SIM_H

#include "plan.h"

#include "node.h"
#include "world.h"

/* ---- aim.c ---- */

/* aim_delay - how long a message to a node is held back. */
int64_t aim_delay(const struct consensus_msg *m, int to);

/* ---- evil.c ---- */

/* evil_on_step - an honest node has entered a step: puppets may speak. */
void evil_on_step(struct node *n);
/* evil_accusation - an EvidenceList against another, signed by itself; n is 0
 * when there is nothing to tell of that height. */
struct span evil_accusation(int val, int whom, int64_t height,
                            struct stamp now);

/* ---- check.c ---- */

void check_failed(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* check_block - the number of a block, 0 for nil; it is kept when new. */
int  check_block(int64_t height, const struct block_id *id);
int  check_new_block(int64_t height, const struct block *b,
                     const struct part_set *parts);
void check_vote(const struct node *n, int val, const struct vote *v);
void check_proposal(const struct node *n, int val, const struct proposal *p);
void check_decision(const struct node *n, const struct effect *apply);
/* check_is_punished - what was known when the storm ended is on the chain. */
bool        check_is_punished(void);
void        check_end(void);
const char *block_name(int64_t height, const struct block_id *id);
/* check_proposer - whose turn it is; by an own count as long as the set does
 * not change. */
int check_proposer(int64_t height, int32_t round);

/* ---- blame.c ---- */

/* blame_conflict - a node has seen two votes that contradict each other. */
void blame_conflict(struct node *n, const struct vote *v);
void blame_block(const struct node *n, const struct block *b);
/* blame_fork - an honest one decided what others did not: who did it? */
void blame_fork(const struct effect *e);
/* blame_is_done - what was known when the storm ended is on the chain. */
bool blame_is_done(void);
void blame_end(void);

/* ---- lies.c ---- */

/* lie_about - make a block one that does not hold; false if it still does. */
bool lie_about(struct block *b, int val);

/* ---- crypto.c ---- */

void crypto_use_stubs(bool are_used);
void crypto_sign(uint8_t sig[64], const struct privkey *k, struct span msg);

#endif
