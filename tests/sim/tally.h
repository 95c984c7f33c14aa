/* tally - what schedules contained: so that "schedules run" means something.
 *
 * Each counts occurrences within one schedule; main.c sums them, and counts
 * the schedules that had any. */
#ifndef SIM_TALLY_H
#define SIM_TALLY_H

#include <stdint.h>

#define TALLIES(X)                                                             \
    X(MESSAGES, "messages sent")                                               \
    X(LOST, "messages lost")                                                   \
    X(DOUBLED, "messages doubled")                                             \
    X(HELD, "messages held back past a timeout")                               \
    X(HELD_BACK, "times that what a node left to others was due")              \
    X(PARTITIONS, "partitions")                                                \
    X(CRASHES, "crashes")                                                      \
    X(CRASHES_WITHIN, "crashes between two writes")                            \
    X(BYTES_LOST, "WAL bytes lost in a crash")                                 \
    X(HOLES, "WALs with a hole in what was not synced")                        \
    X(NOT_HEARD, "messages of no use, taken back from a WAL")                  \
    X(TORN, "WALs that ended within a record")                                 \
    X(REPLAYS, "restarts that replayed records")                               \
    X(SET_BACK, "restarts with a store behind the log")                        \
    X(STARTED_AGAIN, "of them, those that started again to hear the log")      \
    X(ROUNDS, "rounds after the first entered")                                \
    X(LATE_DECISIONS, "decisions in a round after the first")                  \
    X(LOCKS, "locks")                                                          \
    X(RELOCKS, "locks renewed")                                                \
    X(UNLOCKS, "locks lost to a later quorum")                                 \
    X(SPLIT_LOCKS, "heights with locks on two blocks")                         \
    X(POLS, "proposals with a proof-of-lock round")                            \
    X(SILENCES, "proposals waited for in vain")                                \
    X(INVALID, "proposed blocks found invalid")                                \
    X(REFUSED_BY_APP, "proposed blocks the application refused")               \
    X(REFUSED, "messages refused")                                             \
    X(EQUIVOCATIONS, "conflicting votes met")                                  \
    X(PUNISHED, "evidence committed")                                          \
    X(FORGOTTEN, "restarts of a validator that forgot its votes")              \
    X(FORKS, "forks (in schedules with too many evil ones)")                   \
    X(FORKS_PROVEN, "forks within a round, all culprits proven")               \
    X(LIES, "blocks proposed that do not hold")                                \
    X(EXTENSIONS, "vote extensions verified")                                  \
    X(EXTENSIONS_REFUSED, "vote extensions refused")                           \
    X(CHANGES, "changes of the validator set")                                 \
    X(SYNCED, "blocks taken by block sync")                                    \
    X(BAD_BLOCKS, "blocks refused by block sync")                              \
    X(LEFT_BEHIND, "nodes left behind that synced again")

enum tally_kind {
#define X(name, text) TALLY_##name,
    TALLIES(X)
#undef X
        TALLY_COUNT
};

#endif
