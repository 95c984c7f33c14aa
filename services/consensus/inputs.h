/* inputs - what waits for the core: our own messages first, then the rest in
 * the order of arrival.
 *
 * Shapes:  messages are encoded consensus.Message bytes.
 * Memory:  others' messages are bounded in number and bytes: a full queue
 *          refuses them.  Our own come from the core's effects, at most one
 *          proposal with its block and two votes at a time. */
#ifndef WARREN_CONSENSUS_INPUTS_H
#define WARREN_CONSENSUS_INPUTS_H

#include "consensus/events.h"

enum { INPUTS_MAX = 1 << 18, INPUT_BYTES_MAX = 64 << 20 };

struct input {
    enum input_kind {
        INPUT_MESSAGE,
        INPUT_TIMEOUT,
        INPUT_TXS,
        INPUT_KEY, /* the signer can sign (again) */
    } kind;
    bool           is_own, is_logged;
    struct peer_id peer;
    struct timeout timeout;
    struct span    bytes;
    struct input  *next;
};

struct input_list {
    struct input *first, *last;
};

struct inputs {
    struct input_list own, others;
    size_t            count, bytes; /* of others */
    bool              has_txs, has_key;
};

void inputs_own(struct inputs *q, struct span message);
/* inputs_peer - false when there is no room. */
NODISCARD bool inputs_peer(struct inputs *q, const struct peer_id *peer,
                           struct span message);
void           inputs_timeout(struct inputs *q, const struct timeout *t);
void           inputs_txs(struct inputs *q);
void           inputs_key(struct inputs *q);
/* inputs_forget_peers - what peers said is of no use any more. */
void inputs_forget_peers(struct inputs *q);

/* inputs_take - the next one, or NULL; input_free() it. */
struct input *inputs_take(struct inputs *q);
void          input_free(struct input *in);
void          inputs_clear(struct inputs *q);

#endif
