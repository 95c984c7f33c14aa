/* greet - from a fresh connection to a known peer: the encrypted channel,
 * then both sides' NodeInfo.  Bytes in, bytes out.
 *
 * Source:  CometBFT v0.38 p2p/transport.go (upgrade, handshake).
 * Memory:  holds the other side's NodeInfo, at most NODE_INFO_BYTES_MAX. */
#ifndef WARREN_P2P_GREET_H
#define WARREN_P2P_GREET_H

#include "base/limits.h"
#include "secret/secret.h"
#include "wire/p2p.h"

enum { NODE_ID_TEXT = 2 * ADDRESS_BYTES };

/* What we say of ourselves. */
struct greet_self {
    const struct privkey *key;
    uint8_t               id[ADDRESS_BYTES];
    struct node_info      info;
    struct span           hello; /* the same, encoded and delimited */
};

/* node_id_of - the address of a node's key; node_id_print in lower case,
 * with a zero behind. */
void node_id_of(uint8_t id[ADDRESS_BYTES], const struct pubkey *key);
void node_id_print(char          text[NODE_ID_TEXT + 1],
                   const uint8_t id[ADDRESS_BYTES]);

enum greet_verdict {
    GREET_WAIT,         /* more bytes are needed */
    GREET_DONE,         /* a peer: info and id are valid */
    GREET_MALFORMED,    /* what came does not follow the protocol */
    GREET_STRANGER,     /* not the node that was dialled */
    GREET_SELF,         /* we reached ourselves */
    GREET_INCOMPATIBLE, /* another chain or version: id is valid */
};

struct greet {
    const struct greet_self *self;
    bool                     has_dialled, has_sent_info;
    uint8_t                  dialled[ADDRESS_BYTES];
    struct secret            secret;
    uint8_t                  id[ADDRESS_BYTES];
    uint8_t                  bytes[NODE_INFO_BYTES_MAX];
    size_t                   bytes_n;
    struct node_info         info; /* borrows from bytes */
    const char              *why;  /* static; for other verdicts than DONE */
};

/* greet_init - dialled is NULL for one who came to us.  ephemeral as in
 * secret_init.  Appends what is to be sent first. */
void greet_init(struct greet *g, const struct greet_self *self,
                const uint8_t *dialled, const uint8_t ephemeral[32],
                struct buf *out);
void greet_fini(struct greet *g);

/* greet_read - take bytes off the front of *in.
 *
 * plain is for the conversation's own use; on GREET_DONE it holds what came
 * behind the NodeInfo, already decrypted, and the connection goes on with
 * g->secret. */
NODISCARD enum greet_verdict greet_read(struct greet *g, struct span *in,
                                        struct buf *plain, struct buf *out);

#endif
