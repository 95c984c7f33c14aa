/* What the core asks: a block to propose, verdicts on blocks and extensions,
 * an extension of our own, signatures.
 *
 * One question is open at a time.  When the application goes away it is asked
 * again once it is back; a signature fails after a while (signer.h), and the
 * core goes on without. */
#include "base/limits.h"
#include "base/log.h"
#include "consensus/measure.h"
#include "consensus/shell.h"

static void answer(struct shell *s, struct event *ev)
{
    s->question.is_open = false;
    s->question.serial++;
    shell_answer(s, ev);
}

/* Is this answer to the question that is open, and good? */
static const struct abci_response *accept(struct shell *s, uint64_t serial,
                                          const struct abci_response *res,
                                          const char *call, const char *error)
{
    if (!s->question.is_open || serial != s->question.serial || s->is_halted ||
        !res)
        return NULL;
    if (error) {
        app_fault(s, call, error);
        return NULL;
    }
    return res;
}

static struct exec_context context(const struct shell *s)
{
    return (struct exec_context){ &s->core.state.last_validators,
                                  s->genesis.initial_height };
}

static void call_app(struct shell *s, struct abci_request *req, abci_fn *fn)
{
    abci_call(s->app.client, req, fn, s, s->question.serial);
}

static void too_large(struct shell *s)
{
    shell_halt(s,
               "a block of height %" PRId64 " is too large to be asked about",
               s->core.height);
}

/* ---- PrepareProposal ---- */

static void no_proposal(struct shell *s, const char *why)
{
    struct event ev = { .kind = EV_PREPARED };

    log_event(LOG_WARN, "nothing is proposed",
              LOG_INT("height", s->core.height), LOG_STR("why", why));
    answer(s, &ev);
}

static int64_t budget_with(const struct shell *s, int64_t evidence_bytes)
{
    return block_tx_budget(params_block_bytes(&s->core.state.params),
                           evidence_bytes, s->core.state.validators.n);
}

static int64_t tx_budget(const struct shell *s)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < s->question.evidence.n; i++)
        bytes += (int64_t)evidence_size(&s->question.evidence.v[i]);
    return budget_with(s, bytes);
}

/* The oldest that fits, for as long as this question is open. */
static void choose_evidence(struct shell *s)
{
    struct evidence_list l;
    int64_t              max = s->core.state.params.evidence.max_bytes;

    s->question.evidence.n = 0;
    if (!pool_pending(&s->pool, max, &l, &s->work))
        return;
    s->question.evidence.v = l.evidence.v;
    s->question.evidence.n = l.evidence.n;
    if (tx_budget(s) < 0)
        s->question.evidence.n = 0;
}

static struct block *make_block(struct shell *s, const span_list *txs)
{
    const struct extended_commit *last = s->question.fx.prepare.last_commit;
    struct commit *commit = last ? extended_commit_strip(last, &s->work) : NULL;

    if (last && !commit)
        return NULL;
    return state_make_block(&s->core.state, s->core.height, txs->v, txs->n,
                            commit, s->question.evidence.v,
                            s->question.evidence.n, SPAN_OF(s->core.address),
                            &s->work);
}

static void give_proposal(struct shell *s, struct event *ev)
{
    measure_proposed();
    answer(s, ev);
}

static void propose(struct shell *s, const span_list *txs)
{
    struct event  ev = { .kind = EV_PREPARED };
    struct block *b  = make_block(s, txs);

    if (b)
        ev.prepared.block = block_encode(b, &s->work);
    if (!b || !ev.prepared.block.p ||
        !header_hash(&ev.prepared.hash, &b->header))
        no_proposal(s, "the block does not fit in memory");
    else
        give_proposal(s, &ev);
}

static void on_prepared(void *ctx, uint64_t serial,
                        const struct abci_response *res, const char *error)
{
    struct shell *s = ctx;

    res = accept(s, serial, res, "PrepareProposal", error);
    if (!res)
        return;
    if (exec_txs_fit(&res->prepare_proposal->txs, tx_budget(s)))
        propose(s, &res->prepare_proposal->txs);
    else
        no_proposal(s, "the application put more into the block than"
                       " max_tx_bytes allows");
}

static void on_reaped(struct shell *s, uint64_t serial, const span_list *txs)
{
    struct abci_req_prepare_proposal prepare;
    struct abci_request              req = { .which = ABCI_REQ_PREPARE_PROPOSAL,
                                             .prepare_proposal = &prepare };
    struct exec_context              x   = context(s);
    static const span_list           none;
    struct block                    *b;

    if (!s->question.is_open || serial != s->question.serial)
        return;
    b = make_block(s, &none);
    if (!b ||
        !exec_prepare(&prepare, b, txs, s->question.fx.prepare.last_commit,
                      tx_budget(s), &x, &s->work))
        no_proposal(s, "the request does not fit in memory");
    else
        call_app(s, &req, on_prepared);
}

static void prepare(struct shell *s)
{
    const struct params *p  = &s->core.state.params;
    struct event         ev = { .kind = EV_PREPARED };

    arena_reset(&s->work);
    if (draft_find(s, &ev.prepared.block, &ev.prepared.hash)) {
        answer(s, &ev);
        return;
    }
    choose_evidence(s);
    txs_reap(s, p->block.max_bytes == -1 ? -1 : tx_budget(s), p->block.max_gas,
             on_reaped, s->question.serial);
}

/* ---- verdicts ---- */

static void give_verdict(struct shell *s, enum event_kind kind, int32_t status,
                         const char *call)
{
    struct event ev = { .kind    = kind,
                        .verdict = status == PROPOSAL_ACCEPT ? VERDICT_ACCEPT
                                                             : VERDICT_REJECT };

    if (status == PROPOSAL_ACCEPT || status == PROPOSAL_REJECT)
        answer(s, &ev);
    else
        app_fault(s, call, "a status that is neither accept nor reject");
}

static void on_processed(void *ctx, uint64_t serial,
                         const struct abci_response *res, const char *error)
{
    struct shell *s = ctx;

    res = accept(s, serial, res, "ProcessProposal", error);
    if (!res)
        return;
    measure_processed(res->process_proposal->status == PROPOSAL_ACCEPT);
    give_verdict(s, EV_VALIDATED, res->process_proposal->status,
                 "ProcessProposal");
}

static void process(struct shell *s)
{
    const struct effect             *e = &s->question.fx;
    struct abci_req_process_proposal process;
    struct abci_request              req = { .which = ABCI_REQ_PROCESS_PROPOSAL,
                                             .process_proposal = &process };
    struct exec_context              x   = context(s);

    arena_reset(&s->work);
    if (exec_process(&process, e->block.block, &e->block.hash, &x, &s->work))
        call_app(s, &req, on_processed);
    else
        too_large(s);
}

/* First its evidence; the application is not asked about what it cannot be. */
static void on_evidence_checked(struct shell *s, const char *why)
{
    const struct effect *e  = &s->question.fx;
    struct event         ev = { .kind    = EV_VALIDATED,
                                .verdict = why ? VERDICT_REJECT : VERDICT_ACCEPT };

    if (!s->question.is_open || e->kind != FX_VALIDATE || s->is_halted)
        return;
    if (why)
        log_event(LOG_WARN, "the evidence in a block does not hold",
                  LOG_INT("height", e->height), LOG_STR("why", why));
    if (why || !e->block.asks_app)
        answer(s, &ev);
    else if (s->app.is_ready)
        process(s); /* else all is asked again once it is */
}

static void validate(struct shell *s)
{
    const struct effect *e = &s->question.fx;

    if (e->block.block->evidence.evidence.n > 0)
        proof_check(s, &e->block.block->evidence, !e->block.asks_app,
                    on_evidence_checked);
    else
        on_evidence_checked(s, NULL);
}

static void on_verified(void *ctx, uint64_t serial,
                        const struct abci_response *res, const char *error)
{
    struct shell *s = ctx;

    res = accept(s, serial, res, "VerifyVoteExtension", error);
    if (!res)
        return;
    measure_extension(res->verify_vote_extension->status == PROPOSAL_ACCEPT);
    if (res->verify_vote_extension->status == PROPOSAL_ACCEPT)
        pump_verified(s);
    give_verdict(s, EV_EXTENSION_VERIFIED, res->verify_vote_extension->status,
                 "VerifyVoteExtension");
}

static void verify_extension(struct shell *s)
{
    const struct vote                    *v      = s->question.fx.vote;
    struct abci_req_verify_vote_extension verify = {
        .hash              = v->block_id.hash,
        .validator_address = v->validator_address,
        .height            = v->height,
        .vote_extension    = v->extension,
    };
    struct abci_request req = { .which = ABCI_REQ_VERIFY_VOTE_EXTENSION,
                                .verify_vote_extension = &verify };

    call_app(s, &req, on_verified);
}

/* ---- ExtendVote ---- */

static void on_extended(void *ctx, uint64_t serial,
                        const struct abci_response *res, const char *error)
{
    struct shell *s  = ctx;
    struct event  ev = { .kind = EV_EXTENDED };

    res = accept(s, serial, res, "ExtendVote", error);
    if (!res)
        return;
    ev.extended.is_ok     = true;
    ev.extended.extension = res->extend_vote->vote_extension;
    answer(s, &ev);
}

static void extend(struct shell *s)
{
    const struct effect        *e = &s->question.fx;
    struct abci_req_extend_vote extend;
    struct abci_request         req = { .which       = ABCI_REQ_EXTEND_VOTE,
                                        .extend_vote = &extend };
    struct exec_context         x   = context(s);

    arena_reset(&s->work);
    if (exec_extend(&extend, e->block.block, &e->block.hash, &x, &s->work))
        call_app(s, &req, on_extended);
    else
        too_large(s);
}

/* ---- signatures ---- */

/* Signers sign an extension with every precommit for a block, also where the
 * chain has none; there it must not travel. */
static void on_vote_signed(void *ctx, enum signed_verdict verdict,
                           const struct vote *v)
{
    struct shell *s           = ctx;
    struct event  ev          = { .kind = EV_SIGNED };
    bool          is_extended = s->question.fx.is_extended;

    ev.sign.is_refused = verdict == SIGNING_REFUSED;
    if (verdict == SIGNED && is_extended && v->extension_signature.n == 0) {
        log_event(LOG_WARN, "the signer does not sign vote extensions, so we"
                            " cannot precommit: let it (tmkms: protocol"
                            " v0.38 and sign_extensions)");
        ev.sign.is_refused = true;
    } else if (verdict == SIGNED) {
        ev.sign.is_ok     = true;
        ev.sign.time      = v->timestamp;
        ev.sign.signature = v->signature;
        if (is_extended)
            ev.sign.extension_signature = v->extension_signature;
    }
    answer(s, &ev);
}

static void on_proposal_signed(void *ctx, enum signed_verdict verdict,
                               const struct proposal *p)
{
    struct shell *s  = ctx;
    struct event  ev = { .kind = EV_SIGNED };

    ev.sign.is_ok      = verdict == SIGNED;
    ev.sign.is_refused = verdict == SIGNING_REFUSED;
    if (ev.sign.is_ok) {
        ev.sign.time      = p->timestamp;
        ev.sign.signature = p->signature;
    }
    answer(s, &ev);
}

/* What made us vote so is on the disk before the signer hears of it: after a
 * power cut we come to the same vote again, and no other is asked of it.  A
 * proposal of a later round makes the signer refuse our votes of the earlier
 * ones, so these are on the disk as well; one of round 0 that we do not come
 * to again costs its round. */
static bool needs_sync(const struct effect *e)
{
    return e->kind == FX_SIGN_VOTE || e->round > 0;
}

static void sign(struct shell *s)
{
    const struct effect *e = &s->question.fx;

    if (needs_sync(e) && s->has_unsynced_input)
        pump_sync(s);
    if (s->is_halted)
        return;
    if (e->kind == FX_SIGN_PROPOSAL)
        draft_write(s);
    if (e->kind == FX_SIGN_VOTE)
        signer_sign_vote(s->signer, e->vote, e->bounds, e->is_extended,
                         on_vote_signed, s);
    else
        signer_sign_proposal(s->signer, e->proposal, on_proposal_signed, s);
}

/* ---- opening ---- */

static bool asks_app(const struct effect *e)
{
    return e->kind != FX_SIGN_VOTE && e->kind != FX_SIGN_PROPOSAL &&
           (e->kind != FX_VALIDATE || e->block.asks_app);
}

static void begin(struct shell *s)
{
    switch (s->question.fx.kind) {
    case FX_PREPARE: prepare(s); break;
    case FX_VALIDATE: validate(s); break;
    case FX_EXTEND: extend(s); break;
    case FX_VERIFY_EXTENSION: verify_extension(s); break;
    case FX_SIGN_PROPOSAL:
    case FX_SIGN_VOTE: sign(s); break;
    default: must(!"a question");
    }
}

void ask_open(struct shell *s, const struct effect *e)
{
    s->question.fx      = *e;
    s->question.is_open = true;
    if (!asks_app(e) || s->app.is_ready)
        begin(s);
}

void ask_again(struct shell *s)
{
    if (s->question.is_open && asks_app(&s->question.fx) &&
        !proof_is_checking(s)) {
        s->question.serial++;
        begin(s);
    }
}
