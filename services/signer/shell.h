/* shell - the signer's files and its connection to consensus. */
#ifndef WARREN_SIGNER_SHELL_H
#define WARREN_SIGNER_SHELL_H

#include "privval/conn.h"
#include "privval/rules.h"
#include "svc/svc.h"

enum { CHAIN_ID_TEXT = 64 };

struct shell {
    struct svc          *svc;
    struct privkey       key;
    struct privval       privval;
    char                 chain_id[CHAIN_ID_TEXT];
    const char          *state_path, *address;
    struct bus_client   *consensus; /* asked for the last commit */
    struct privval_conn *conn;
    struct timer         redial, idle;
    uint64_t             redial_us;
    struct arena         arena;
};

/* shell_open - reads chain id, key and state, refusing what cannot be
 * trusted; then asks consensus whether the key has signed later, and
 * only then dials it. */
NODISCARD enum err shell_open(struct shell *s, struct svc *svc);
void               shell_close(struct shell *s);

/* files.c: each logs what is wrong and what to do. */
NODISCARD enum err signer_read_chain_id(struct shell *s);
NODISCARD enum err signer_read_key(struct shell *s);
NODISCARD enum err signer_read_state(struct shell *s);
/* signer_save_state - durable when it returns OK. */
NODISCARD enum err signer_save_state(struct shell *s);

/* signer_is_at_home - does it sign for its own node, and not at an address
 * behind which there may be another? */
bool signer_is_at_home(const struct shell *s);
/* history.c: then(s) once the chain's last commit does not contradict the
 * state; ends the process when it does. */
void signer_check_history(struct shell *s, void (*then)(struct shell *s));

#endif
