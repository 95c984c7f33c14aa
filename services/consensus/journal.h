/* journal - inputs and steps as records of the WAL.
 *
 * All of these only append; see wal.h for the sync and the errors. */
#ifndef WARREN_CONSENSUS_JOURNAL_H
#define WARREN_CONSENSUS_JOURNAL_H

#include "consensus/events.h"
#include "consensus/wal.h"

/* peer is all zero for our own. */
NODISCARD enum err journal_message(struct wal *w, struct stamp now,
                                   const struct consensus_msg *m,
                                   const struct peer_id       *peer,
                                   struct arena               *scratch);
NODISCARD enum err journal_timeout(struct wal *w, struct stamp now,
                                   const struct timeout *t,
                                   struct arena         *scratch);
NODISCARD enum err journal_step(struct wal *w, struct stamp now, int64_t height,
                                int32_t round, enum step step,
                                struct arena *scratch);

/* journal_event - a record as the event to replay; false for those that are
 * none (steps, ends of heights). */
bool journal_event(struct event *ev, const struct timed_wal_msg *m);
/* message_event - a decoded message as event; false for kinds that are for
 * the gossip, not the core. */
bool message_event(struct event *ev, const struct consensus_msg *m);

const char *step_name(enum step s); /* "RoundStepPropose" */

#endif
