/* witness - the last commit that this node holds, for the signer: it talks to
 * nobody else, and compares it with what it remembers before it signs.
 */
#ifndef WARREN_CONSENSUS_WITNESS_H
#define WARREN_CONSENSUS_WITNESS_H

#include "bus/bus.h"

struct shell;

/* witness_ask - answers GetLastCommit. */
void witness_ask(struct shell *s, struct bus_call call);

#endif
