#include "privval/rules.h"

#include "model/canonical.h"
#include "model/vote.h"

#include <stdio.h>

enum { STEP_PROPOSE = 1, STEP_PREVOTE = 2, STEP_PRECOMMIT = 3 };

enum hrs_verdict last_signed_check(const struct last_signed *last,
                                   int64_t height, int32_t round, int8_t step,
                                   char *why)
{
    if (last->height > height) {
        snprintf(why, WHY_BYTES,
                 "height regression. Got %" PRId64 ", last height %" PRId64,
                 height, last->height);
        return HRS_REFUSED;
    }
    if (last->height < height || last->round < round)
        return HRS_NEW;
    if (last->round > round) {
        snprintf(why, WHY_BYTES,
                 "round regression at height %" PRId64 ". Got %" PRId32
                 ", last round %" PRId32,
                 height, round, last->round);
        return HRS_REFUSED;
    }
    if (last->step > step) {
        snprintf(why, WHY_BYTES,
                 "step regression at height %" PRId64 " round %" PRId32
                 ". Got %d, last step %d",
                 height, round, step, last->step);
        return HRS_REFUSED;
    }
    if (last->step < step)
        return HRS_NEW;
    if (last->has_sign_bytes && last->has_signature)
        return HRS_SAME;
    snprintf(why, WHY_BYTES, "no SignBytes found");
    return HRS_REFUSED;
}

/* Both are canonical messages of one kind: equal but for their times? */
static bool differ_in_time_only(const struct pb_desc *d, void *a, void *b,
                                struct stamp *time_a, struct stamp *time_b,
                                struct span bytes_a, struct span bytes_b,
                                struct arena *arena, struct stamp *was)
{
    struct span x, y;

    if (pb_delimited_read(&bytes_a, SIGN_BYTES_MAX, &x) ||
        pb_delimited_read(&bytes_b, SIGN_BYTES_MAX, &y) ||
        pb_decode(d, a, arena, x) || pb_decode(d, b, arena, y))
        return false;
    *was    = *time_a;
    *time_b = *time_a;
    return span_eq(pb_encode(d, a, arena), pb_encode(d, b, arena));
}

static bool votes_alike(struct span last, struct span now, struct arena *a,
                        struct stamp *was)
{
    struct canonical_vote x, y;

    return differ_in_time_only(&canonical_vote_desc, &x, &y, &x.timestamp,
                               &y.timestamp, last, now, a, was);
}

static bool proposals_alike(struct span last, struct span now, struct arena *a,
                            struct stamp *was)
{
    struct canonical_proposal x, y;

    return differ_in_time_only(&canonical_proposal_desc, &x, &y, &x.timestamp,
                               &y.timestamp, last, now, a, was);
}

static struct span keep_signature(const uint8_t *sig, struct arena *a)
{
    return arena_copy(a, SPAN(sig, SIGNATURE_BYTES_MAX));
}

struct request {
    int64_t     height;
    int32_t     round;
    int8_t      step;
    struct span sign_bytes;
    bool (*alike)(struct span last, struct span now, struct arena *a,
                  struct stamp *was);
};

/* The signature for a request and the time that it is for.  False: why. */
static bool sign(struct privval *p, const struct request *r, struct span *sig,
                 struct stamp *time, bool *is_new, char *why, struct arena *a)
{
    struct last_signed *l    = &p->last;
    struct span         last = { l->sign_bytes, l->sign_bytes_n };

    if (!r->sign_bytes.p || r->sign_bytes.n > SIGN_BYTES_MAX) {
        snprintf(why, WHY_BYTES, "the message cannot be encoded for signing");
        return false;
    }
    switch (last_signed_check(l, r->height, r->round, r->step, why)) {
    case HRS_REFUSED: return false;
    case HRS_SAME:
        if (!span_eq(last, r->sign_bytes) &&
            !r->alike(last, r->sign_bytes, a, time)) {
            snprintf(why, WHY_BYTES, "conflicting data");
            return false;
        }
        *sig = keep_signature(l->signature, a);
        return sig->p != NULL;
    case HRS_NEW: break;
    }
    *l = (struct last_signed){ .height         = r->height,
                               .round          = r->round,
                               .step           = r->step,
                               .has_sign_bytes = true,
                               .has_signature  = true,
                               .sign_bytes_n   = r->sign_bytes.n };
    memcpy(l->sign_bytes, r->sign_bytes.p, r->sign_bytes.n);
    privkey_sign(l->signature, p->key, r->sign_bytes);
    *is_new = true;
    *sig    = keep_signature(l->signature, a);
    return sig->p != NULL;
}

static struct remote_signer_error *refusal(const char *text, struct arena *a)
{
    struct remote_signer_error *e = arena_new(a, struct remote_signer_error);

    must(e != NULL);
    e->description = arena_copy(a, span_str(text));
    return e;
}

static bool sign_extension(struct privval *p, struct vote *v, char *why,
                           struct arena *a)
{
    uint8_t     sig[SIGNATURE_BYTES_MAX];
    struct span bytes;

    if (v->type != TYPE_PRECOMMIT || block_id_is_nil(&v->block_id)) {
        v->extension_signature = (struct span){ 0 };
        if (v->extension.n == 0)
            return true;
        snprintf(why, WHY_BYTES,
                 "unexpected vote extension - extensions are only allowed in "
                 "non-nil precommits");
        return false;
    }
    bytes = vote_extension_sign_bytes(v, p->chain_id, a);
    if (!bytes.p)
        return false;
    privkey_sign(sig, p->key, bytes);
    v->extension_signature = keep_signature(sig, a);
    return v->extension_signature.p != NULL;
}

static bool sign_vote(struct privval *p, struct vote *v, bool *is_new,
                      char *why, struct arena *a)
{
    struct request r = { .height = v->height,
                         .round  = v->round,
                         .step   = v->type == TYPE_PREVOTE ? STEP_PREVOTE
                                                           : STEP_PRECOMMIT,
                         .alike  = votes_alike };

    if (v->type != TYPE_PREVOTE && v->type != TYPE_PRECOMMIT) {
        snprintf(why, WHY_BYTES, "unknown vote type %" PRId32, v->type);
        return false;
    }
    /* A regression is named before anything else is looked at. */
    if (last_signed_check(&p->last, r.height, r.round, r.step, why) ==
        HRS_REFUSED)
        return false;
    r.sign_bytes = vote_sign_bytes(v, p->chain_id, a);
    return sign_extension(p, v, why, a) &&
           sign(p, &r, &v->signature, &v->timestamp, is_new, why, a);
}

static void answer_vote(struct privval *p, const struct sign_vote_request *q,
                        struct privval_msg *res, bool *is_new, char *why,
                        struct arena *a)
{
    struct signed_vote_response *r = arena_new(a, struct signed_vote_response);
    char                         text[WHY_BYTES + 32];

    must(r != NULL);
    res->which                = PRIVVAL_SIGNED_VOTE_RESPONSE;
    res->signed_vote_response = r;
    r->vote                   = (struct vote){ .timestamp = STAMP_ZERO };
    if (!span_eq(q->chain_id, p->chain_id)) {
        snprintf(why, WHY_BYTES, "another chain id");
        r->error = refusal("unable to sign vote", a);
        return;
    }
    if (q->vote) {
        struct vote v = *q->vote;

        if (sign_vote(p, &v, is_new, why, a)) {
            r->vote = v;
            return;
        }
    } else {
        snprintf(why, WHY_BYTES, "there is no vote in the request");
    }
    snprintf(text, sizeof text, "error signing vote: %s", why);
    r->error = refusal(text, a);
}

static void answer_proposal(struct privval                     *p,
                            const struct sign_proposal_request *q,
                            struct privval_msg *res, bool *is_new, char *why,
                            struct arena *a)
{
    struct signed_proposal_response *r =
        arena_new(a, struct signed_proposal_response);
    char text[WHY_BYTES + 32];

    must(r != NULL);
    res->which                    = PRIVVAL_SIGNED_PROPOSAL_RESPONSE;
    res->signed_proposal_response = r;
    r->proposal = (struct proposal){ .timestamp = STAMP_ZERO };
    if (!span_eq(q->chain_id, p->chain_id)) {
        snprintf(why, WHY_BYTES, "another chain id");
        r->error = refusal("unable to sign proposal", a);
        return;
    }
    if (q->proposal) {
        struct proposal prop = *q->proposal;
        struct request  req  = { .height = prop.height,
                                 .round  = prop.round,
                                 .step   = STEP_PROPOSE,
                                 .sign_bytes =
                                     proposal_sign_bytes(&prop, p->chain_id, a),
                                 .alike = proposals_alike };

        if (sign(p, &req, &prop.signature, &prop.timestamp, is_new, why, a)) {
            r->proposal = prop;
            return;
        }
    } else {
        snprintf(why, WHY_BYTES, "there is no proposal in the request");
    }
    snprintf(text, sizeof text, "error signing proposal: %s", why);
    r->error = refusal(text, a);
}

static void answer_pub_key(struct privval *p, const struct pub_key_request *q,
                           struct privval_msg *res, char *why, struct arena *a)
{
    struct pub_key_response *r = arena_new(a, struct pub_key_response);

    must(r != NULL);
    res->which            = PRIVVAL_PUB_KEY_RESPONSE;
    res->pub_key_response = r;
    if (!span_eq(q->chain_id, p->chain_id)) {
        snprintf(why, WHY_BYTES, "another chain id");
        r->error = refusal("unable to provide pubkey", a);
        return;
    }
    r->pub_key.type  = (int)p->pub.type;
    r->pub_key.bytes = pubkey_span(&p->pub);
}

bool privval_is_storable(const struct privval_msg *req)
{
    const struct vote     *v;
    const struct proposal *p;

    if (req->which == PRIVVAL_SIGN_VOTE_REQUEST) {
        v = req->sign_vote_request->vote;
        return !v || (v->height >= 0 && v->round >= 0);
    }
    if (req->which == PRIVVAL_SIGN_PROPOSAL_REQUEST) {
        p = req->sign_proposal_request->proposal;
        return !p || (p->height >= 0 && p->round >= 0);
    }
    return true;
}

void privval_refuse(const struct privval_msg *req, struct privval_msg *res,
                    const char *why, struct arena *a)
{
    struct signed_vote_response     *v;
    struct signed_proposal_response *p;

    *res = (struct privval_msg){ 0 };
    if (req->which == PRIVVAL_SIGN_VOTE_REQUEST) {
        v = arena_new(a, struct signed_vote_response);
        must(v != NULL);
        v->vote.timestamp         = STAMP_ZERO;
        v->error                  = refusal(why, a);
        res->which                = PRIVVAL_SIGNED_VOTE_RESPONSE;
        res->signed_vote_response = v;
    } else {
        must(req->which == PRIVVAL_SIGN_PROPOSAL_REQUEST);
        p = arena_new(a, struct signed_proposal_response);
        must(p != NULL);
        p->proposal.timestamp         = STAMP_ZERO;
        p->error                      = refusal(why, a);
        res->which                    = PRIVVAL_SIGNED_PROPOSAL_RESPONSE;
        res->signed_proposal_response = p;
    }
}

bool privval_answer(struct privval *p, const struct privval_msg *req,
                    struct privval_msg *res, bool *is_new, char *why,
                    struct arena *a)
{
    *res    = (struct privval_msg){ 0 };
    *is_new = false;
    why[0]  = 0;
    switch (req->which) {
    case PRIVVAL_PUB_KEY_REQUEST:
        answer_pub_key(p, req->pub_key_request, res, why, a);
        return true;
    case PRIVVAL_SIGN_VOTE_REQUEST:
        answer_vote(p, req->sign_vote_request, res, is_new, why, a);
        return true;
    case PRIVVAL_SIGN_PROPOSAL_REQUEST:
        answer_proposal(p, req->sign_proposal_request, res, is_new, why, a);
        return true;
    case PRIVVAL_PING_REQUEST:
        res->which         = PRIVVAL_PING_RESPONSE;
        res->ping_response = arena_new(a, struct privval_ping);
        return res->ping_response != NULL;
    case PRIVVAL_NONE:
    case PRIVVAL_PUB_KEY_RESPONSE:
    case PRIVVAL_SIGNED_VOTE_RESPONSE:
    case PRIVVAL_SIGNED_PROPOSAL_RESPONSE:
    case PRIVVAL_PING_RESPONSE: break;
    }
    return false;
}
