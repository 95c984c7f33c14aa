/* events - the vocabulary: all that the core hears, all that it asks for.
 *
 * Units:   durations in nanoseconds; `now` of an event is the wall clock,
 *          or in a replay the time that the WAL noted.
 * Memory:  what an effect points to holds until the next step; what an event
 *          points to is copied by the core. */
#ifndef WARREN_CONSENSUS_EVENTS_H
#define WARREN_CONSENSUS_EVENTS_H

#include "consensus/votes.h"
#include "model/partset.h"
#include "model/state.h"

enum step { /* numbers of CometBFT's RoundStepType */
            STEP_NEW_HEIGHT     = 1,
            STEP_NEW_ROUND      = 2,
            STEP_PROPOSE        = 3,
            STEP_PREVOTE        = 4,
            STEP_PREVOTE_WAIT   = 5,
            STEP_PRECOMMIT      = 6,
            STEP_PRECOMMIT_WAIT = 7,
            STEP_COMMIT         = 8,
};

struct timeout {
    int64_t   duration;
    int64_t   height;
    int32_t   round;
    enum step step;
};

enum verdict { VERDICT_REJECT, VERDICT_ACCEPT };

/* Something that happened. */
struct event {
    enum event_kind {
        EV_STATE,    /* work on from this state: at start, after a sync */
        EV_START,    /* all that the WAL held was replayed: take part */
        EV_KEY,      /* our key is known, or can sign again */
        EV_PROPOSAL, /* these three passed their *_validate() */
        EV_PART,
        EV_VOTE,
        EV_CLAIM, /* a peer saw +2/3 for a block */
        EV_TIMEOUT,
        EV_TXS, /* transactions are waiting */
        /* Answers, each to the effect of the same name. */
        EV_PREPARED,
        EV_VALIDATED,
        EV_EXTENDED,
        EV_EXTENSION_VERIFIED,
        EV_SIGNED,
        EV_APPLIED,
    } kind;
    struct stamp   now;
    struct peer_id peer; /* of a message; zero: our own */
    union {
        struct {
            const struct chain_state *chain;
            /* For its last height; NULL at the first.  Without extensions
             * where there were none. */
            const struct extended_commit *seen;
            /* The last block's header does not carry chain's app hash. */
            bool needs_proof;
        } state;
        struct pubkey          key; /* type KEY_TYPE_NONE: we have none */
        const struct proposal *proposal;
        struct {
            int64_t            height;
            int32_t            round;
            const struct part *part;
        } part;
        const struct vote *vote;
        struct {
            int64_t                height;
            int32_t                round, type;
            const struct block_id *id;
        } claim;
        struct timeout timeout;
        struct {
            struct span block; /* n == 0: there is nothing to propose */
            struct hash hash;  /* of its header */
        } prepared;
        enum verdict verdict; /* VALIDATED, EXTENSION_VERIFIED */
        struct {
            bool        is_ok;
            struct span extension;
        } extended;
        struct {
            bool         is_ok;
            bool         is_refused; /* else the signer is not there */
            struct stamp time;       /* it may have put another */
            struct span  signature, extension_signature;
        } sign;
        const struct chain_state *applied;
    };
};

enum fact {
    FACT_NEW_ROUND,
    FACT_TIMEOUT_PROPOSE,
    FACT_TIMEOUT_WAIT,
    FACT_PROPOSAL,
    FACT_COMPLETE_PROPOSAL,
    FACT_INVALID_BLOCK, /* text says why; we prevote nil */
    FACT_REJECTED_BLOCK,
    FACT_POLKA,
    FACT_LOCK,
    FACT_RELOCK,
    FACT_UNLOCK,
    FACT_VALID_BLOCK,
    FACT_VOTE,      /* vote was added */
    FACT_LATE_VOTE, /* vote */
    FACT_DUPLICATE_VOTE,
    FACT_DUPLICATE_PART,
    FACT_OWN_CONFLICT, /* our key signed something else elsewhere */
};

/* Something to do, in order. */
struct effect {
    enum effect_kind {
        FX_SET_TIMER, /* replaces the one that runs */
        FX_NEW_STEP,  /* note it in the WAL, tell the peers */
        FX_HAS_VOTE,  /* tell the peers: vote was added */
        FX_NEW_VALID_BLOCK,
        FX_OWN_PROPOSAL, /* these three: note in the WAL, sync, hand back as */
        FX_OWN_PARTS,    /* events, send to the peers */
        FX_OWN_VOTE,
        FX_EVIDENCE, /* vote and other contradict each other */
        FX_REFUSED,  /* a message of peer, for the reason in text */
        FX_FACT,
        FX_HALT, /* text: going on would be unsafe; the core stands still */
        /* Questions: answer with the event of the same name. */
        FX_PREPARE,
        FX_VALIDATE,
        FX_EXTEND,
        FX_VERIFY_EXTENSION,
        FX_SIGN_PROPOSAL,
        FX_SIGN_VOTE,
        FX_APPLY,
    } kind;
    int64_t     height;
    int32_t     round;
    const char *text; /* static */
    union {
        struct timeout timer;
        struct {
            enum step    step;
            struct stamp start_time;
            int32_t      last_commit_round; /* -1: none */
        } new_step;
        struct {
            const struct vote *vote, *other;
            bool               is_extended; /* sign the extension as well */
            struct stamp       bounds[2];   /* SIGN_VOTE: of its time */
        };
        struct {
            const struct part_set *parts;
            bool                   is_commit;
        } valid_block;
        const struct proposal *proposal;
        const struct part_set *parts; /* OWN_PARTS */
        struct peer_id         peer;
        struct {
            enum fact          fact;
            const struct vote *fact_vote;
        };
        struct { /* NULL at the initial height */
            const struct extended_commit *last_commit;
        } prepare;
        struct { /* VALIDATE, EXTEND */
            const struct block *block;
            struct hash         hash;
            bool                asks_app; /* or just for its evidence */
            const struct vote  *extends;  /* EXTEND */
        } block;
        struct {
            struct block_id               id;
            const struct block           *block;
            const struct part_set        *parts;
            const struct extended_commit *seen;
            bool                          is_extended;
        } apply;
    };
};

enum { EFFECTS_MAX = 128 };

struct effects {
    struct effect v[EFFECTS_MAX];
    size_t        n;
};

#endif
