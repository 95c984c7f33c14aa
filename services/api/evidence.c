/* broadcast_evidence: whoever has seen misbehaviour may say so. */
#include "rpcjson/evidence.h"

#include "api/methods.h"
#include "model/evidence.h"
#include "rpcjson/types.h"

#include <stdio.h>

enum { TEXT_BYTES = 2000 };

/* ---- CometBFT's texts ---- */

static void put_fingerprint(struct buf *out, struct span s)
{
    for (size_t i = 0; i < 6; i++)
        buf_printf(out, "%02X", i < s.n ? s.p[i] : 0);
}

static void put_vote(struct buf *out, const struct vote *v)
{
    bool is_prevote;

    if (!v) {
        buf_str(out, "nil-Vote");
        return;
    }
    is_prevote = v->type == TYPE_PREVOTE;
    buf_printf(out, "Vote{%d:", v->validator_index);
    put_fingerprint(out, v->validator_address);
    buf_printf(out, " %" PRId64 "/%02d/%s(%s) ", v->height, v->round,
               is_prevote ? "SIGNED_MSG_TYPE_PREVOTE"
                          : "SIGNED_MSG_TYPE_PRECOMMIT",
               is_prevote ? "Prevote" : "Precommit");
    put_fingerprint(out, v->block_id.hash);
    buf_byte(out, ' ');
    put_fingerprint(out, v->signature);
    buf_byte(out, ' ');
    put_fingerprint(out, v->extension);
    buf_str(out, " @ ");
    stamp_print(out, v->timestamp);
    buf_byte(out, '}');
}

static void put_evidence(struct buf *out, const struct evidence *e,
                         const struct hash *hash)
{
    if (e->which == EVIDENCE_DUPLICATE_VOTE) {
        buf_str(out, "DuplicateVoteEvidence{VoteA: ");
        put_vote(out, e->duplicate_vote_evidence->vote_a);
        buf_str(out, ", VoteB: ");
        put_vote(out, e->duplicate_vote_evidence->vote_b);
        buf_byte(out, '}');
        return;
    }
    buf_printf(out, "LightClientAttackEvidence{CommonHeight: %" PRId64 "}#",
               e->light_client_attack_evidence->common_height);
    for (size_t i = 0; i < HASH_BYTES; i++)
        buf_printf(out, "%02X", hash->b[i]);
}

static const char *id_fault(const struct block_id *id)
{
    if (id->hash.n > 0 && id->hash.n != HASH_BYTES)
        return "wrong BlockID: wrong Hash";
    if (id->part_set_header.hash.n > 0 &&
        id->part_set_header.hash.n != HASH_BYTES)
        return "wrong BlockID: wrong PartSetHeader: wrong Hash";
    return NULL;
}

static const char *address_fault(size_t n)
{
    static char text[96];

    snprintf(text, sizeof text,
             "expected ValidatorAddress size to be %d bytes, got %zu bytes",
             ADDRESS_BYTES, n);
    return text;
}

static const char *vote_fault(const struct vote *v)
{
    if (v->type != TYPE_PREVOTE && v->type != TYPE_PRECOMMIT)
        return "invalid Type";
    if (v->height <= 0)
        return "negative or zero Height";
    if (v->round < 0)
        return "negative Round";
    if (id_fault(&v->block_id))
        return id_fault(&v->block_id);
    if (v->validator_address.n != ADDRESS_BYTES)
        return address_fault(v->validator_address.n);
    if (v->validator_index < 0)
        return "negative ValidatorIndex";
    if (v->signature.n == 0)
        return "signature is missing";
    if (v->signature.n > SIGNATURE_BYTES_MAX)
        return "signature is too big (max: 64)";
    return NULL;
}

static void explain_votes(struct buf                           *out,
                          const struct duplicate_vote_evidence *e)
{
    const char *a = e->vote_a ? vote_fault(e->vote_a) : NULL;
    const char *b = e->vote_b ? vote_fault(e->vote_b) : NULL;

    if (!e->vote_a || !e->vote_b) {
        buf_str(out, "one or both of the votes are empty ");
        put_vote(out, e->vote_a);
        buf_str(out, ", ");
        put_vote(out, e->vote_b);
    } else if (a || b) {
        buf_printf(out, "invalid Vote%s: %s", a ? "A" : "B", a ? a : b);
    } else {
        buf_str(out, "duplicate votes in invalid order");
    }
}

static void explain_attack(struct buf                                *out,
                           const struct light_client_attack_evidence *e)
{
    const struct light_block *b = e->conflicting_block;

    if (!b)
        buf_str(out, "conflicting block is nil");
    else if (!b->signed_header)
        buf_str(out, "conflicting block missing signed header");
    else if (!b->signed_header->header)
        buf_str(out, "conflicting block missing header");
    else if (e->total_voting_power <= 0)
        buf_str(out, "negative or zero total voting power");
    else if (e->common_height <= 0)
        buf_str(out, "negative or zero common height");
    else if (e->common_height > b->signed_header->header->height)
        buf_printf(out,
                   "common height is ahead of the conflicting block height"
                   " (%" PRId64 " > %" PRId64 ")",
                   e->common_height, b->signed_header->header->height);
    else
        buf_str(out, "invalid conflicting light block");
}

/* ---- the method ---- */

/* Kept between the question and the answer. */
struct told {
    struct evidence evidence;
    struct hash     hash;
};

static void answered(struct call *c, const Consensus__Reply *r)
{
    const struct told *t = c->state;
    char               text[TEXT_BYTES];
    struct buf         b;

    if (!*r->evidence->refused) {
        jw_object(&c->w);
        JW(&c->w, "hash", base64, hash_span(&t->hash));
        jw_object_end(&c->w);
        call_done(c);
        return;
    }
    buf_use(&b, text, sizeof text - 1);
    put_evidence(&b, &t->evidence, &t->hash);
    text[b.len] = 0;
    call_fail(c, "failed to add evidence: Invalid evidence: %s. Evidence: %s",
              r->evidence->refused, text);
}

static void ask(struct call *c, struct told *t)
{
    Consensus__Request     req = CONSENSUS__REQUEST__INIT;
    Consensus__AddEvidence add = CONSENSUS__ADD_EVIDENCE__INIT;
    struct span bytes = pb_encode(&evidence_desc, &t->evidence, c->arena);

    if (!bytes.p || !evidence_hash(&t->hash, &t->evidence, c->arena)) {
        call_fail(c, "failed to add evidence: too large");
        return;
    }
    c->state          = t;
    add.evidence.data = (uint8_t *)(uintptr_t)bytes.p;
    add.evidence.len  = bytes.n;
    req.kind_case     = CONSENSUS__REQUEST__KIND_ADD_EVIDENCE;
    req.add_evidence  = &add;
    ask_consensus(c, &req, CONSENSUS__REPLY__KIND_EVIDENCE, answered);
}

void method_broadcast_evidence(struct call *c)
{
    struct told *t = arena_new(c->arena, struct told);
    char         text[TEXT_BYTES];
    struct buf   b;

    buf_use(&b, text, sizeof text - 1);
    must(t);
    if (c->args[0].is_set &&
        !rj_evidence_read(&t->evidence, c->args[0].bytes, c->arena, &b)) {
        call_bad_args(c, buf_span(&b));
    } else if (t->evidence.which == EVIDENCE_NONE) {
        call_fail(c, "no evidence was provided");
    } else if (evidence_validate(&t->evidence, c->arena) != ACCEPT) {
        if (t->evidence.which == EVIDENCE_DUPLICATE_VOTE)
            explain_votes(&b, t->evidence.duplicate_vote_evidence);
        else
            explain_attack(&b, t->evidence.light_client_attack_evidence);
        call_fail(c, "evidence.ValidateBasic failed: %.*s", (int)b.len, text);
    } else {
        ask(c, t);
    }
}
