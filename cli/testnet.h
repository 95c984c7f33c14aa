/* testnet - what the layouts of a network share.
 *
 * Layouts: homes, a directory for each node (testnet.c); compose, the files
 * that the containers of compose/docker-compose.yml mount (compose.c). */
#ifndef WARREN_TESTNET_H
#define WARREN_TESTNET_H

#include "cli.h"
#include "keystore.h"

enum { HOST_BYTES_MAX = 256 };

struct node {
    struct config     *config;
    struct pubkey      validator, id;
    struct account_key admin;
    char               name[128], host[HOST_BYTES_MAX];
    uint16_t           port; /* p2p */
};

/* compose_start - before a node's keys are made: where they go. */
NODISCARD enum err compose_start(struct node *n);
/* compose_node - CURVE keys, and the config as its containers see it. */
NODISCARD enum err compose_node(struct node *n);
/* compose_finish - everything belongs to the user that the containers run as;
 * then dir/.env, which says who that is. */
NODISCARD enum err compose_finish(const char *dir, const struct node *n,
                                  size_t count);

#endif
