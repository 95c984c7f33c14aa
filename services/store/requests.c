/* What each request does. */
#include "store/shell.h"

static struct span span_of(ProtobufCBinaryData b)
{
    return SPAN(b.data, b.len);
}

static ProtobufCBinaryData bytes_of(struct span s)
{
    return (ProtobufCBinaryData){ s.n, (uint8_t *)(uintptr_t)s.p };
}

static void reply(struct shell *s, struct bus_call call, enum err e,
                  const Store__Reply *r)
{
    if (e != OK)
        shell_refuse(s, call, e);
    else
        shell_reply(s, call, r);
}

/* ---- saving ---- */

static void reply_done(struct shell *s, struct bus_call call)
{
    Store__Done  done = STORE__DONE__INIT;
    Store__Reply out  = STORE__REPLY__INIT;

    out.kind_case = STORE__REPLY__KIND_DONE;
    out.done      = &done;
    shell_reply(s, call, &out);
}

/* What changed nothing needs no commit. */
static void saved(struct shell *s, struct bus_call call, enum err e)
{
    if (e != OK)
        shell_refuse(s, call, e);
    else if (db_has_batch(&s->db))
        shell_hold(s, call, -1);
    else
        reply_done(s, call);
}

static void do_open(struct shell *s, struct bus_call call, const Store__Open *r)
{
    struct binding b = { span_str(r->chain_id), span_of(r->genesis_hash),
                         r->initial_height };
    enum err       e;

    if (b.chain_id.n == 0 || b.chain_id.n > CHAIN_ID_BYTES_MAX ||
        b.genesis_hash.n != HASH_BYTES || b.initial_height < 1) {
        bus_reply(call, ERR_USAGE, "malformed Open", SPAN(NULL, 0));
        return;
    }
    shell_commit(s);
    e = db_bind(&s->db, &b);
    if (e == OK)
        shell_bound(s);
    saved(s, call, e);
}

static void do_save_block(struct shell *s, struct bus_call call,
                          const Store__SaveBlock *r)
{
    struct block_to_save b = { r->height, span_of(r->block_id),
                               span_of(r->block), span_of(r->seen_commit),
                               span_of(r->extended_commit) };
    enum err             e = db_save_block(&s->db, &b, &s->arena);

    if (e == OK && r->results.len > 0)
        e = db_save_results(&s->db, r->height, span_of(r->results), &s->arena);
    for (size_t i = 0; i < r->n_evidence && e == OK; i++)
        e = db_add_evidence(&s->db, span_of(r->evidence[i]), &s->arena);
    saved(s, call, e);
}

static void do_save_results(struct shell *s, struct bus_call call,
                            const Store__SaveResults *r)
{
    enum err e =
        db_save_results(&s->db, r->height, span_of(r->results), &s->arena);

    saved(s, call, e);
}

static void do_save_state(struct shell *s, struct bus_call call,
                          const Store__SaveState *r)
{
    enum err e = db_save_state(&s->db, r->height, span_of(r->state), r->sync);

    if (e == OK && db_has_batch(&s->db)) {
        shell_hold(s, call, r->height);
        return;
    }
    saved(s, call, e);
    if (e == OK)
        shell_publish(s, r->height);
}

static void do_add_evidence(struct shell *s, struct bus_call call,
                            const Store__AddEvidence *r)
{
    saved(s, call, db_add_evidence(&s->db, span_of(r->evidence), &s->arena));
}

static void do_drop_evidence(struct shell *s, struct bus_call call,
                             const Store__DropEvidence *r)
{
    struct hash hash;

    if (r->hash.len != HASH_BYTES) {
        bus_reply(call, ERR_USAGE, "malformed DropEvidence", SPAN(NULL, 0));
        return;
    }
    memcpy(hash.b, r->hash.data, HASH_BYTES);
    saved(s, call, db_drop_evidence(&s->db, r->height, &hash));
}

/* ---- reading ---- */

static void get_status(struct shell *s, struct bus_call call)
{
    const struct heads *h      = &s->db.heads;
    Store__Status       status = STORE__STATUS__INIT;
    Store__Reply        out    = STORE__REPLY__INIT;
    struct span         lowest, highest;
    enum err            e = db_get_meta(&s->db, h->lowest, &lowest);

    if (e == OK)
        e = db_get_meta(&s->db, h->height, &highest);
    if (e == OK) {
        status.lowest         = h->lowest;
        status.height         = h->height;
        status.state_height   = h->state;
        status.results_height = h->results;
        status.lowest_meta    = bytes_of(lowest);
        status.meta           = bytes_of(highest);
        status.indexes_txs    = s->db.indexes_txs;
    }
    out.kind_case = STORE__REPLY__KIND_STATUS;
    out.status    = &status;
    reply(s, call, e, &out);
}

static void get_state(struct shell *s, struct bus_call call)
{
    Store__State state = STORE__STATE__INIT;
    Store__Reply out   = STORE__REPLY__INIT;

    state.state   = bytes_of(buf_span(&s->db.state));
    out.kind_case = STORE__REPLY__KIND_STATE;
    out.state     = &state;
    reply(s, call, OK, &out);
}

static void get_block(struct shell *s, struct bus_call call,
                      const Store__GetBlock *r)
{
    Store__Block block  = STORE__BLOCK__INIT;
    Store__Reply out    = STORE__REPLY__INIT;
    int64_t      height = r->height;
    struct span  meta = { 0 }, bytes = { 0 };
    enum err     e = OK;

    if (height == 0 && r->hash.len == HASH_BYTES) {
        struct hash hash;

        memcpy(hash.b, r->hash.data, HASH_BYTES);
        e = db_find_block(&s->db, &hash, &height, &s->arena);
    }
    if (e == OK && height > 0)
        e = db_get_meta(&s->db, height, &meta);
    if (e == OK && meta.n > 0 && !r->meta_only)
        e = db_get_block(&s->db, height, &bytes);
    if (meta.n > 0)
        block.height = height;
    block.meta    = bytes_of(meta);
    block.block   = bytes_of(bytes);
    out.kind_case = STORE__REPLY__KIND_BLOCK;
    out.block     = &block;
    reply(s, call, e, &out);
}

static enum err read_block(struct shell *s, int64_t height, Store__Block *out)
{
    struct span bytes = { 0 }, extended = { 0 };
    enum err    e = db_get_block(&s->db, height, &bytes);

    if (e == OK)
        e = db_get_extended(&s->db, height, &extended);
    store__block__init(out);
    out->height          = bytes.n > 0 ? height : 0;
    out->block           = bytes_of(bytes);
    out->extended_commit = bytes_of(extended);
    return e;
}

static void get_blocks(struct shell *s, struct bus_call call,
                       const Store__GetBlocks *r)
{
    Store__Blocks blocks = STORE__BLOCKS__INIT;
    Store__Reply  out    = STORE__REPLY__INIT;
    Store__Block  list[BLOCKS_MAX], *each[BLOCKS_MAX];
    uint64_t      bytes = 0;
    enum err      e     = OK;

    for (size_t i = 0; i < r->n_heights && i < BLOCKS_MAX; i++) {
        each[i] = &list[i];
        e       = read_block(s, r->heights[i], each[i]);
        bytes += list[i].block.len + list[i].extended_commit.len;
        if (e != OK || (i > 0 && bytes > r->bytes_max))
            break;
        blocks.n_blocks++;
    }
    if (blocks.n_blocks > 0)
        e = OK; /* what cannot be read is found when it is the first */
    blocks.blocks = each;
    out.kind_case = STORE__REPLY__KIND_BLOCKS;
    out.blocks    = &blocks;
    reply(s, call, e, &out);
}

static void get_metas(struct shell *s, struct bus_call call,
                      const Store__GetMetas *r)
{
    Store__Metas        metas = STORE__METAS__INIT;
    Store__Reply        out   = STORE__REPLY__INIT;
    ProtobufCBinaryData list[METAS_MAX];
    int64_t             h = r->max_height;
    enum err            e = OK;

    if (h > s->db.heads.height)
        h = s->db.heads.height;
    for (; e == OK && h >= r->min_height && h > 0 && metas.n_metas < METAS_MAX;
         h--) {
        struct span meta;

        e = db_get_meta(&s->db, h, &meta);
        if (e == OK && meta.n > 0)
            list[metas.n_metas++] = bytes_of(meta);
        else
            break;
    }
    metas.metas       = list;
    metas.last_height = s->db.heads.height;
    out.kind_case     = STORE__REPLY__KIND_METAS;
    out.metas         = &metas;
    reply(s, call, e, &out);
}

static void get_commit(struct shell *s, struct bus_call call,
                       const Store__GetCommit *r)
{
    Store__Commit commit       = STORE__COMMIT__INIT;
    Store__Reply  out          = STORE__REPLY__INIT;
    struct span   bytes        = { 0 };
    bool          is_canonical = false;
    enum err      e;

    if (r->extended)
        e = db_get_extended(&s->db, r->height, &bytes);
    else
        e = db_get_commit(&s->db, r->height, &bytes, &is_canonical, &s->arena);
    commit.commit    = bytes_of(bytes);
    commit.canonical = is_canonical;
    out.kind_case    = STORE__REPLY__KIND_COMMIT;
    out.commit       = &commit;
    reply(s, call, e, &out);
}

static void get_results(struct shell *s, struct bus_call call,
                        const Store__GetResults *r)
{
    Store__Results results = STORE__RESULTS__INIT;
    Store__Reply   out     = STORE__REPLY__INIT;
    struct span    bytes;
    enum err       e = db_get_results(&s->db, r->height, &bytes, &s->arena);

    results.results = bytes_of(bytes);
    out.kind_case   = STORE__REPLY__KIND_RESULTS;
    out.results     = &results;
    reply(s, call, e, &out);
}

static void get_validators(struct shell *s, struct bus_call call,
                           const Store__GetValidators *r)
{
    Store__Validators v   = STORE__VALIDATORS__INIT;
    Store__Reply      out = STORE__REPLY__INIT;
    struct span       set;
    enum err          e = db_get_validators(&s->db, r->height, &set, &s->arena);

    v.set          = bytes_of(set);
    v.last_height  = s->db.heads.height;
    out.kind_case  = STORE__REPLY__KIND_VALIDATORS;
    out.validators = &v;
    reply(s, call, e, &out);
}

static void get_params(struct shell *s, struct bus_call call,
                       const Store__GetParams *r)
{
    Store__Params p   = STORE__PARAMS__INIT;
    Store__Reply  out = STORE__REPLY__INIT;
    struct span   params;
    enum err      e = db_get_params(&s->db, r->height, &params);

    p.params      = bytes_of(params);
    out.kind_case = STORE__REPLY__KIND_PARAMS;
    out.params    = &p;
    reply(s, call, e, &out);
}

static void get_tx(struct shell *s, struct bus_call call, const Store__GetTx *r)
{
    Store__Tx       tx    = STORE__TX__INIT;
    Store__Reply    out   = STORE__REPLY__INIT;
    struct found_tx found = { 0 };
    struct hash     hash;
    enum err        e = OK;

    if (r->hash.len == HASH_BYTES) {
        memcpy(hash.b, r->hash.data, HASH_BYTES);
        e = db_get_tx(&s->db, &hash, &found);
    }
    tx.height     = found.height;
    tx.index      = found.index;
    tx.tx         = bytes_of(found.tx);
    tx.result     = bytes_of(found.result);
    out.kind_case = STORE__REPLY__KIND_TX;
    out.tx        = &tx;
    reply(s, call, e, &out);
}

static void get_genesis(struct shell *s, struct bus_call call)
{
    Store__Genesis g                                = STORE__GENESIS__INIT;
    Store__Reply   out                              = STORE__REPLY__INIT;
    char           chain_id[CHAIN_ID_BYTES_MAX + 1] = "";

    if (s->db.is_bound) {
        memcpy(chain_id, s->db.binding.chain_id.p, s->db.binding.chain_id.n);
        g.chain_id     = chain_id;
        g.genesis_hash = bytes_of(s->db.binding.genesis_hash);
    }
    out.kind_case = STORE__REPLY__KIND_GENESIS;
    out.genesis   = &g;
    reply(s, call, OK, &out);
}

static void get_pending(struct shell *s, struct bus_call call)
{
    Store__Pending pending = STORE__PENDING__INIT;
    Store__Reply   out     = STORE__REPLY__INIT;
    struct span   *all;
    enum err e = db_get_pending(&s->db, &all, &pending.n_evidence, &s->arena);

    pending.evidence =
        arena_newn(&s->arena, ProtobufCBinaryData, pending.n_evidence);
    for (size_t i = 0; i < pending.n_evidence && e == OK; i++)
        pending.evidence[i] = bytes_of(all[i]);
    out.kind_case = STORE__REPLY__KIND_PENDING;
    out.pending   = &pending;
    reply(s, call, e, &out);
}

static void get_facts(struct shell *s, struct bus_call call,
                      const Store__GetFacts *r)
{
    Store__Facts       facts = STORE__FACTS__INIT;
    Store__Reply       out   = STORE__REPLY__INIT;
    struct proof_facts f     = { 0 };
    struct hash        hash;
    enum err           e;

    if (r->hash.len != HASH_BYTES) {
        bus_reply(call, ERR_USAGE, "malformed GetFacts", SPAN(NULL, 0));
        return;
    }
    memcpy(hash.b, r->hash.data, HASH_BYTES);
    e = db_get_facts(&s->db, &f, r->height, &hash, r->other_height, &s->arena);
    facts.committed    = f.is_committed;
    facts.meta         = bytes_of(f.meta);
    facts.commit       = bytes_of(f.commit);
    facts.validators   = bytes_of(f.validators);
    facts.other_meta   = bytes_of(f.other_meta);
    facts.other_commit = bytes_of(f.other_commit);
    out.kind_case      = STORE__REPLY__KIND_FACTS;
    out.facts          = &facts;
    reply(s, call, e, &out);
}

/* Readers see what is committed: what waits is committed for them. */
static void answer_read(struct shell *s, struct bus_call call,
                        const Store__Request *r)
{
    shell_commit(s);
    switch (r->kind_case) {
    case STORE__REQUEST__KIND_GET_STATUS: get_status(s, call); break;
    case STORE__REQUEST__KIND_GET_STATE: get_state(s, call); break;
    case STORE__REQUEST__KIND_GET_BLOCK:
        get_block(s, call, r->get_block);
        break;
    case STORE__REQUEST__KIND_GET_BLOCKS:
        get_blocks(s, call, r->get_blocks);
        break;
    case STORE__REQUEST__KIND_GET_METAS:
        get_metas(s, call, r->get_metas);
        break;
    case STORE__REQUEST__KIND_GET_COMMIT:
        get_commit(s, call, r->get_commit);
        break;
    case STORE__REQUEST__KIND_GET_RESULTS:
        get_results(s, call, r->get_results);
        break;
    case STORE__REQUEST__KIND_GET_VALIDATORS:
        get_validators(s, call, r->get_validators);
        break;
    case STORE__REQUEST__KIND_GET_PARAMS:
        get_params(s, call, r->get_params);
        break;
    case STORE__REQUEST__KIND_GET_TX: get_tx(s, call, r->get_tx); break;
    case STORE__REQUEST__KIND_GET_GENESIS: get_genesis(s, call); break;
    case STORE__REQUEST__KIND_GET_PENDING: get_pending(s, call); break;
    case STORE__REQUEST__KIND_GET_FACTS:
        get_facts(s, call, r->get_facts);
        break;
    default: bus_reply(call, ERR_USAGE, "unknown request", SPAN(NULL, 0));
    }
}

void shell_answer(struct shell *s, struct bus_call call,
                  const Store__Request *r)
{
    switch (r->kind_case) {
    case STORE__REQUEST__KIND_OPEN: do_open(s, call, r->open); break;
    case STORE__REQUEST__KIND_SAVE_BLOCK:
        do_save_block(s, call, r->save_block);
        break;
    case STORE__REQUEST__KIND_SAVE_RESULTS:
        do_save_results(s, call, r->save_results);
        break;
    case STORE__REQUEST__KIND_SAVE_STATE:
        do_save_state(s, call, r->save_state);
        break;
    case STORE__REQUEST__KIND_ADD_EVIDENCE:
        do_add_evidence(s, call, r->add_evidence);
        break;
    case STORE__REQUEST__KIND_DROP_EVIDENCE:
        do_drop_evidence(s, call, r->drop_evidence);
        break;
    case STORE__REQUEST__KIND_PRUNE:
        shell_prune(s, call, r->prune->retain_height,
                    r->prune->evidence_height);
        break;
    default: answer_read(s, call, r);
    }
}
