/* shell - the ledger's socket and database around its core. */
#ifndef WARREN_LEDGER_SHELL_H
#define WARREN_LEDGER_SHELL_H

#include "ledger/ledger.h"
#include "ledger/state.h"
#include "svc/svc.h"

struct shell {
    struct svc         *svc;
    struct state       *state;
    struct ledger_host  host;
    struct ledger       core;
    struct abci_server *server;
};

/* shell_open - the state under HOME/data/ledger, and the application's
 * socket. */
NODISCARD enum err shell_open(struct shell *s, struct svc *svc);
void               shell_close(struct shell *s);

/* host_of_state - the core's host over a state alone. */
struct ledger_host host_of_state(struct state *s);

#endif
