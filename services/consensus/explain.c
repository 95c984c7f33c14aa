#include "consensus/explain.h"

#include "base/text.h"

/* As Go prints a time. */
static void put_time(struct buf *out, struct stamp t)
{
    char       text[64];
    struct buf b;

    buf_use(&b, text, sizeof text);
    stamp_print(&b, t);
    for (size_t i = 0; i + 1 < b.len; i++)
        buf_byte(out, text[i] == 'T' ? ' ' : (uint8_t)text[i]);
    buf_str(out, " +0000 UTC");
}

static void put_hex(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_printf(out, "%02X", s.p[i]);
}

static void differ(struct buf *out, const char *what, int64_t a, int64_t b)
{
    buf_printf(out, "%s does not match (%" PRId64 " != %" PRId64 ")", what, a,
               b);
}

static const char *type_name(int32_t type)
{
    return type == TYPE_PREVOTE ? "SIGNED_MSG_TYPE_PREVOTE"
                                : "SIGNED_MSG_TYPE_PRECOMMIT";
}

static void explain_votes(struct buf *out, const struct pool *p,
                          const struct duplicate_vote_evidence *d,
                          const struct validators              *s)
{
    const struct vote *a = d->vote_a, *b = d->vote_b;
    int64_t            at = validators_find(s, a->validator_address);
    struct arena      *w  = (struct arena *)(uintptr_t)&p->scratch;

    if (at < 0) {
        buf_str(out, "address ");
        put_hex(out, a->validator_address);
        buf_printf(out, " was not a validator at height %" PRId64, a->height);
    } else if (a->height != b->height || a->round != b->round ||
               a->type != b->type) {
        buf_printf(
            out, "h/r/s does not match: %" PRId64 "/%d/%s vs %" PRId64 "/%d/%s",
            a->height, a->round, type_name(a->type), b->height, b->round,
            type_name(b->type));
    } else if (!span_eq(a->validator_address, b->validator_address)) {
        buf_str(out, "validator addresses do not match: ");
        put_hex(out, a->validator_address);
        buf_str(out, " vs ");
        put_hex(out, b->validator_address);
    } else if (s->v[at].power != d->validator_power) {
        differ(out, "validator power from evidence and our validator set",
               d->validator_power, s->v[at].power);
    } else if (s->total != d->total_voting_power) {
        differ(out,
               "total voting power from the evidence and our validator set",
               d->total_voting_power, s->total);
    } else {
        buf_printf(out, "verifying Vote%s: invalid signature",
                   vote_verify(a, p->chain_id, &s->v[at].key, w) ? "B" : "A");
    }
}

static void explain_attack(struct buf *out, const struct evidence *ev,
                           const struct pool_facts *f, const char *why)
{
    const struct light_client_attack_evidence *e =
        ev->light_client_attack_evidence;
    int64_t own   = evidence_height(ev);
    int64_t other = e->conflicting_block->signed_header->header->height;

    if (!f->common->commit)
        buf_printf(out, "don't have commit at height #%" PRId64, own);
    else if (!f->trusted)
        buf_printf(out, "don't have header at height #%" PRId64, other);
    else if (!f->trusted->commit)
        buf_printf(out, "don't have commit at height #%" PRId64, other);
    else if (e->total_voting_power != f->validators->total)
        differ(out,
               "total voting power from the evidence and our validator set",
               e->total_voting_power, f->validators->total);
    else
        buf_str(out, why);
}

static void explain_age(struct buf *out, const struct pool *p, int64_t height,
                        struct stamp time)
{
    buf_printf(out, "evidence from height %" PRId64 " (created at: ", height);
    put_time(out, time);
    buf_printf(out,
               ") is too old; min height is %" PRId64
               " and evidence can not be older than ",
               p->last_height - p->params.max_age_num_blocks);
    put_time(out, stamp_add(p->last_time, p->params.max_age_duration));
}

void explain(struct buf *out, const struct pool *p, const struct evidence *ev,
             const struct pool_facts *f, const char *why)
{
    int64_t      height = evidence_height(ev);
    struct stamp time;

    if (!f || !f->common || !f->common->header) {
        buf_printf(out, "don't have header #%" PRId64, height);
        return;
    }
    time = f->common->header->time;
    if (stamp_cmp(evidence_time(ev), time) != 0) {
        buf_str(out, "evidence has a different time to the block it is"
                     " associated with (");
        put_time(out, evidence_time(ev));
        buf_str(out, " != ");
        put_time(out, time);
        buf_byte(out, ')');
    } else if (evidence_is_expired(p->last_height, p->last_time, height, time,
                                   p->params.max_age_num_blocks,
                                   p->params.max_age_duration)) {
        explain_age(out, p, height, time);
    } else if (!f->validators) {
        buf_printf(out, "could not find validator set for height #%" PRId64,
                   height);
    } else if (ev->which == EVIDENCE_LIGHT_CLIENT) {
        explain_attack(out, ev, f, why);
    } else {
        explain_votes(out, p, ev->duplicate_vote_evidence, f->validators);
    }
}
