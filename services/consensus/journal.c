#include "consensus/journal.h"

#include "base/text.h"

static enum err append(struct wal *w, struct stamp now, struct wal_msg *body,
                       struct arena *scratch)
{
    struct timed_wal_msg m = { .time = now, .msg = body };

    return wal_append(w, &m, scratch);
}

static bool is_own(const struct peer_id *peer)
{
    static const struct peer_id self;

    return peer_id_eq(peer, &self);
}

enum err journal_message(struct wal *w, struct stamp now,
                         const struct consensus_msg *m,
                         const struct peer_id *peer, struct arena *scratch)
{
    static const char   digits[] = "0123456789abcdef";
    char                hex[2 * ADDRESS_BYTES];
    struct wal_msg_info info = { .msg = *m };
    struct wal_msg      body = { .which = WAL_MSG_INFO, .msg_info = &info };

    for (size_t i = 0; i < ADDRESS_BYTES; i++) {
        hex[2 * i]     = digits[peer->b[i] >> 4];
        hex[2 * i + 1] = digits[peer->b[i] & 15];
    }
    if (!is_own(peer))
        info.peer_id = SPAN_OF(hex);
    return append(w, now, &body, scratch);
}

enum err journal_timeout(struct wal *w, struct stamp now,
                         const struct timeout *t, struct arena *scratch)
{
    struct wal_timeout rec  = { .duration = t->duration,
                                .height   = t->height,
                                .round    = t->round,
                                .step     = (uint32_t)t->step };
    struct wal_msg     body = { .which = WAL_TIMEOUT, .timeout_info = &rec };

    return append(w, now, &body, scratch);
}

const char *step_name(enum step s)
{
    switch (s) {
    case STEP_NEW_HEIGHT: return "RoundStepNewHeight";
    case STEP_NEW_ROUND: return "RoundStepNewRound";
    case STEP_PROPOSE: return "RoundStepPropose";
    case STEP_PREVOTE: return "RoundStepPrevote";
    case STEP_PREVOTE_WAIT: return "RoundStepPrevoteWait";
    case STEP_PRECOMMIT: return "RoundStepPrecommit";
    case STEP_PRECOMMIT_WAIT: return "RoundStepPrecommitWait";
    case STEP_COMMIT: return "RoundStepCommit";
    }
    return "RoundStepUnknown";
}

enum err journal_step(struct wal *w, struct stamp now, int64_t height,
                      int32_t round, enum step step, struct arena *scratch)
{
    struct wal_round_state rec  = { .height = height,
                                    .round  = round,
                                    .step   = span_str(step_name(step)) };
    struct wal_msg         body = { .which                  = WAL_ROUND_STATE,
                                    .event_data_round_state = &rec };

    return append(w, now, &body, scratch);
}

bool message_event(struct event *ev, const struct consensus_msg *m)
{
    switch (m->which) {
    case CONSENSUS_PROPOSAL:
        ev->kind     = EV_PROPOSAL;
        ev->proposal = &m->proposal->proposal;
        return true;
    case CONSENSUS_BLOCK_PART:
        ev->kind        = EV_PART;
        ev->part.height = m->block_part->height;
        ev->part.round  = m->block_part->round;
        ev->part.part   = &m->block_part->part;
        return true;
    case CONSENSUS_VOTE:
        ev->kind = EV_VOTE;
        ev->vote = m->vote->vote;
        return true;
    case CONSENSUS_VOTE_SET_MAJ23: /* what votes count depends on it */
        ev->kind         = EV_CLAIM;
        ev->claim.height = m->vote_set_maj23->height;
        ev->claim.round  = m->vote_set_maj23->round;
        ev->claim.type   = m->vote_set_maj23->type;
        ev->claim.id     = &m->vote_set_maj23->block_id;
        return true;
    case CONSENSUS_NONE:
    case CONSENSUS_NEW_ROUND_STEP:
    case CONSENSUS_NEW_VALID_BLOCK:
    case CONSENSUS_PROPOSAL_POL:
    case CONSENSUS_HAS_VOTE:
    case CONSENSUS_VOTE_SET_BITS: break;
    }
    return false;
}

/* What CometBFT wrote there is its node id; anything else counts as one peer
 * of an odd name. */
static struct peer_id read_peer(struct span hex)
{
    struct peer_id id = { { 0 } };

    if (hex.n > 0 && !hex_decode(id.b, sizeof id.b, hex))
        memset(id.b, 0xff, sizeof id.b);
    return id;
}

bool journal_event(struct event *ev, const struct timed_wal_msg *m)
{
    *ev = (struct event){ .now = m->time };
    switch (m->msg->which) {
    case WAL_MSG_INFO:
        ev->peer = read_peer(m->msg->msg_info->peer_id);
        return message_event(ev, &m->msg->msg_info->msg);
    case WAL_TIMEOUT:
        ev->kind    = EV_TIMEOUT;
        ev->timeout = (struct timeout){
            .duration = m->msg->timeout_info->duration,
            .height   = m->msg->timeout_info->height,
            .round    = m->msg->timeout_info->round,
            .step     = (enum step)m->msg->timeout_info->step,
        };
        return ev->timeout.step >= STEP_NEW_HEIGHT &&
               ev->timeout.step <= STEP_COMMIT;
    case WAL_NONE:
    case WAL_ROUND_STATE:
    case WAL_END_HEIGHT: break;
    }
    return false;
}
