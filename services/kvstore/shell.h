/* shell - the kvstore's socket and database around its core. */
#ifndef WARREN_KVSTORE_SHELL_H
#define WARREN_KVSTORE_SHELL_H

#include "kv/kv.h"
#include "kvstore/kvstore.h"
#include "svc/svc.h"

struct shell {
    struct svc         *svc;
    struct kv          *kv;
    struct kv_txn      *txn; /* of the request under way, or NULL */
    struct arena        block;
    struct kvstore      core;
    struct kvstore_db   db;
    struct abci_server *server;
};

/* shell_open - the state under HOME/data/kvstore, and the application's
 * socket. */
NODISCARD enum err shell_open(struct shell *s, struct svc *svc);
void               shell_close(struct shell *s);

#endif
