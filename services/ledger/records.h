/* records - what the messages of the ledger do to its state.
 *
 * Source:  proto/ledger.proto; services/ledger/README.md.
 * Memory:  answers and events in the arena, what is needed only in between in
 *          scratch.  *out is set on refusal, and the view's changes are then
 *          partial: undo them. */
#ifndef WARREN_LEDGER_RECORDS_H
#define WARREN_LEDGER_RECORDS_H

#include "ledger/outcome.h"
#include "ledger/view.h"

enum message_kind { MESSAGE_PUT, MESSAGE_DELETE };

struct message {
    enum message_kind kind;
    struct ledger_msg msg;
    uint8_t           signer[ADDRESS_BYTES];
};

/* message_decode - one message of a transaction, and every check that needs
 * no state: type, forms, lengths, canonical value. */
NODISCARD bool message_decode(struct message *m, struct span type_url,
                              struct span value, struct outcome *out,
                              struct arena *a, struct arena *scratch);

/* message_allowed - may its signer write to its collection? */
NODISCARD bool message_allowed(const struct message     *m,
                               const struct ledger_view *v, struct outcome *out,
                               struct arena *a, struct arena *scratch);

/* Where a message stands. */
struct message_place {
    int64_t     height;
    struct hash tx_hash;
    size_t      index; /* in its transaction */
};

/* message_execute - also asks message_allowed.  *event is what it emits. */
NODISCARD bool message_execute(const struct message       *m,
                               const struct ledger_view   *v,
                               const struct message_place *place,
                               struct span *response, struct abci_event *event,
                               struct outcome *out, struct arena *a,
                               struct arena *scratch);

/* message_url, message_response_url */
const char *message_url(enum message_kind kind);
const char *message_response_url(enum message_kind kind);

#endif
