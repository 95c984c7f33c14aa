#include "consensus/pool.h"

#include "base/limits.h"

static void run(struct pool *p);

/* ---- items ---- */

static int compare(const struct pool_item *i, int64_t height,
                   const struct hash *hash)
{
    if (i->height != height)
        return i->height < height ? -1 : 1;
    return memcmp(i->hash.b, hash->b, HASH_BYTES);
}

/* The first that is not before. */
static size_t place_of(const struct pool *p, int64_t height,
                       const struct hash *hash)
{
    size_t low = 0, high = p->count;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (compare(&p->items[mid], height, hash) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool is_pending(const struct pool *p, int64_t height,
                       const struct hash *hash)
{
    size_t i = place_of(p, height, hash);

    return i < p->count && compare(&p->items[i], height, hash) == 0;
}

static void emit_item(struct pool *p, enum pool_effect_kind kind,
                      const struct pool_item *i, struct span bytes)
{
    struct pool_effect e = {
        .kind = kind, .height = i->height, .hash = i->hash, .bytes = bytes
    };

    p->emit(p->ctx, &e);
}

static struct span item_bytes(const struct pool *p, const struct pool_item *i)
{
    return SPAN(p->store.base + i->at, i->size);
}

static int64_t conflicting_height(const struct evidence *ev)
{
    return ev->light_client_attack_evidence->conflicting_block->signed_header
        ->header->height;
}

/* Whoever decides this height has the headers, and the commits in the blocks
 * above them, that a check needs. */
static int64_t checkable_from(const struct evidence *ev)
{
    int64_t above = ev->which == EVIDENCE_LIGHT_CLIENT ? 2 : 1;
    int64_t h     = ev->which == EVIDENCE_LIGHT_CLIENT ? conflicting_height(ev)
                                                       : evidence_height(ev);

    return h > INT64_MAX - above ? INT64_MAX : h + above;
}

/* Verified evidence becomes pending, if there is room. */
static bool add(struct pool *p, const struct evidence *ev, struct span bytes)
{
    struct pool_item item = { .height = evidence_height(ev),
                              .from   = checkable_from(ev),
                              .time   = evidence_time(ev),
                              .size   = bytes.n };
    struct span      kept;
    size_t           i;

    if (p->count >= POOL_ITEMS_MAX ||
        !evidence_hash(&item.hash, ev, &p->scratch) ||
        is_pending(p, item.height, &item.hash))
        return false;
    kept = arena_copy(&p->store, bytes);
    if (!kept.p)
        return false;
    item.at     = (size_t)(kept.p - p->store.base);
    item.number = ++p->numbers;
    i           = place_of(p, item.height, &item.hash);
    memmove(&p->items[i + 1], &p->items[i],
            (p->count - i) * sizeof p->items[0]);
    p->items[i] = item;
    p->count++;
    return true;
}

static struct span canonical_bytes(const struct evidence *ev, struct arena *a)
{
    struct evidence c;

    return evidence_canonical(&c, ev, a) ? pb_encode(&evidence_desc, &c, a)
                                         : (struct span){ 0 };
}

static void add_and_save(struct pool *p, const struct evidence *ev)
{
    struct span bytes = canonical_bytes(ev, &p->scratch);
    struct hash hash;

    if (!bytes.p || !add(p, ev, bytes) ||
        !evidence_hash(&hash, ev, &p->scratch))
        return;
    emit_item(p, POOL_SAVE, &p->items[place_of(p, evidence_height(ev), &hash)],
              bytes);
}

static void forget(struct pool *p, size_t i)
{
    emit_item(p, POOL_DROP, &p->items[i], (struct span){ 0 });
    memmove(&p->items[i], &p->items[i + 1],
            (p->count - i - 1) * sizeof p->items[0]);
    p->count--;
}

/* The bytes of what is left, without holes. */
static void compact(struct pool *p)
{
    size_t total = 0, at = 0;
    bool   is_ok = true;

    for (size_t i = 0; i < p->count; i++)
        total += p->items[i].size;
    if (p->store.used - total < p->store.cap / 4)
        return;
    arena_reset(&p->work);
    for (size_t i = 0; i < p->count && is_ok; i++)
        is_ok = arena_copy(&p->work, item_bytes(p, &p->items[i])).p != NULL;
    if (!is_ok)
        return;
    arena_reset(&p->store);
    for (size_t i = 0; i < p->count; i++) {
        struct span kept =
            arena_copy(&p->store, SPAN(p->work.base + at, p->items[i].size));

        must(kept.p);
        at += (p->items[i].size + 15) / 16 * 16;
        p->items[i].at = (size_t)(kept.p - p->store.base);
    }
    arena_reset(&p->work);
    p->is_decoded = false;
}

/* ---- the state ---- */

static void take_state(struct pool *p, const struct chain_state *s)
{
    arena_reset(&p->state);
    must(validators_copy(&p->last_validators, &s->last_validators, &p->state));
    p->chain_id    = arena_copy(&p->state, s->chain_id);
    p->last_height = s->last_height;
    p->last_time   = s->last_time;
    p->params      = s->params.evidence;
}

void pool_init(struct pool *p, const struct chain_state *s)
{
    p->count = p->waiting_count = p->job_count = 0;
    p->is_decoded                              = false;
    p->loading                                 = POOL_IDLE;
    p->block                                   = (struct pool_block){ 0 };
    p->numbers                                 = 0;
    take_state(p, s);
}

static bool is_expired(const struct pool *p, int64_t height, struct stamp time)
{
    return evidence_is_expired(p->last_height, p->last_time, height, time,
                               p->params.max_age_num_blocks,
                               p->params.max_age_duration);
}

/* And so long ago that nobody proposes it any more. */
static bool is_long_expired(const struct pool *p, const struct pool_item *i)
{
    const struct evidence_params *e = &p->params;
    int64_t                       blocks, age;

    if (__builtin_add_overflow(e->max_age_num_blocks, POOL_GRACE_BLOCKS,
                               &blocks) ||
        __builtin_add_overflow(e->max_age_duration, POOL_GRACE_NS, &age))
        return false;
    return evidence_is_expired(p->last_height, p->last_time, i->height, i->time,
                               blocks, age);
}

bool pool_restore(struct pool *p, struct span bytes)
{
    struct evidence ev;

    arena_reset(&p->scratch);
    if (pb_decode(&evidence_desc, &ev, &p->scratch, bytes) != ACCEPT ||
        evidence_validate(&ev, &p->scratch) != ACCEPT)
        return false;
    if (!is_expired(p, evidence_height(&ev), evidence_time(&ev)))
        add(p, &ev, bytes);
    return true;
}

/* ---- votes that contradict each other ---- */

static void make_evidence(struct pool *p, const struct vote *a,
                          const struct vote *b)
{
    struct evidence *ev = duplicate_vote_make(a, b, p->last_time,
                                              &p->last_validators, &p->scratch);

    if (ev)
        add_and_save(p, ev);
}

void pool_conflict(struct pool *p, const struct vote *a, const struct vote *b)
{
    struct pool_conflict *c;

    if (a->height < p->last_height)
        return;
    if (a->height == p->last_height) {
        arena_reset(&p->scratch);
        make_evidence(p, a, b);
        return;
    }
    if (p->waiting_count >= POOL_CONFLICTS_MAX)
        return;
    c = &p->waiting[p->waiting_count];
    if (vote_copy(&c->a, a, &p->conflicts) &&
        vote_copy(&c->b, b, &p->conflicts))
        p->waiting_count++;
}

static void make_all_evidence(struct pool *p)
{
    for (size_t i = 0; i < p->waiting_count; i++)
        if (p->waiting[i].a.height == p->last_height)
            make_evidence(p, &p->waiting[i].a, &p->waiting[i].b);
    p->waiting_count = 0;
    arena_reset(&p->conflicts);
}

bool pool_foretell(const struct pool *p, const struct chain_state *s,
                   struct evidence_list *out, struct arena *a)
{
    *out            = (struct evidence_list){ 0 };
    out->evidence.v = arena_newn(a, struct evidence, p->waiting_count + 1);
    if (!out->evidence.v)
        return false;
    for (size_t i = 0; i < p->waiting_count; i++) {
        const struct pool_conflict *c = &p->waiting[i];
        const struct evidence      *ev;

        if (c->a.height != s->last_height)
            continue;
        ev = duplicate_vote_make(&c->a, &c->b, s->last_time,
                                 &s->last_validators, a);
        if (ev)
            out->evidence.v[out->evidence.n++] = *ev;
    }
    return true;
}

/* ---- after a block ---- */

static void commit(struct pool *p, const struct evidence *ev)
{
    struct pool_item item = { .height = evidence_height(ev) };
    size_t           i;

    if (!evidence_hash(&item.hash, ev, &p->scratch))
        return;
    emit_item(p, POOL_COMMITTED, &item, (struct span){ 0 });
    i = place_of(p, item.height, &item.hash);
    if (i < p->count && compare(&p->items[i], item.height, &item.hash) == 0)
        forget(p, i);
}

void pool_update(struct pool *p, const struct chain_state *s,
                 const struct evidence_list *committed)
{
    must(s->last_height > p->last_height);
    arena_reset(&p->scratch);
    take_state(p, s);
    make_all_evidence(p);
    for (size_t i = 0; i < committed->evidence.n; i++)
        commit(p, &committed->evidence.v[i]);
    for (size_t i = p->count; i-- > 0;)
        if (is_long_expired(p, &p->items[i]))
            forget(p, i);
    compact(p);
}

/* ---- verification ---- */

struct refusal {
    const char *why;      /* static; NULL: it holds */
    bool        is_fault; /* whoever sends it could have known */
};

/* Neither proves anything against who sends it: it may be ahead of us, or not
 * know how old the chain is. */
static struct refusal not_now(const char *why)
{
    return (struct refusal){ why, false };
}

static struct refusal fault(const char *why)
{
    return (struct refusal){ why, true };
}

static struct refusal check_attack(struct pool *p, const struct evidence *ev,
                                   const struct pool_facts *f)
{
    if (!f->common->commit || !f->trusted || !f->trusted->commit)
        return not_now("no header to compare an attack with");
    if (light_client_attack_verify(ev->light_client_attack_evidence, f->common,
                                   f->trusted, f->validators,
                                   &p->scratch) != ACCEPT)
        return fault("an attack that was none");
    return (struct refusal){ 0 };
}

static struct refusal check_evidence(struct pool *p, const struct evidence *ev,
                                     const struct pool_facts *f)
{
    struct stamp time;

    if (!f->common || !f->common->header || !f->validators)
        return not_now("evidence of a height that is not here");
    time = f->common->header->time;
    if (stamp_cmp(evidence_time(ev), time) != 0)
        return fault("evidence with another time than its block");
    if (is_expired(p, evidence_height(ev), time))
        return not_now("evidence that is too old");
    if (ev->which == EVIDENCE_LIGHT_CLIENT)
        return check_attack(p, ev, f);
    if (duplicate_vote_verify(ev->duplicate_vote_evidence, p->chain_id,
                              f->validators, &p->scratch) != ACCEPT)
        return fault("two votes that are no evidence");
    return (struct refusal){ 0 };
}

static struct refusal judge(struct pool *p, const struct evidence *ev,
                            const struct pool_facts *f)
{
    if (f->is_committed)
        return not_now("evidence that was committed");
    return check_evidence(p, ev, f);
}

static void load(struct pool *p, const struct evidence *ev,
                 const struct hash *hash)
{
    struct pool_effect e = { .kind   = POOL_LOAD,
                             .height = evidence_height(ev),
                             .hash   = *hash };

    if (ev->which == EVIDENCE_LIGHT_CLIENT)
        e.other_height = conflicting_height(ev);
    p->emit(p->ctx, &e);
}

/* ---- a block ---- */

static void end_block(struct pool *p, const char *why)
{
    struct pool_effect e = { .kind    = POOL_CHECKED,
                             .verdict = why ? POOL_INVALID : POOL_VALID,
                             .text    = why };

    p->block.list = NULL;
    p->emit(p->ctx, &e);
}

/* Hashes are remembered: a block may hold thousands. */
static bool is_repeated(struct pool *p, size_t i, const struct hash *hash)
{
    const struct evidence_list *l = p->block.list;
    struct hash                 other;

    for (size_t j = COUNT(p->seen); j < i; j++)
        if (evidence_hash(&other, &l->evidence.v[j], &p->scratch) &&
            memcmp(other.b, hash->b, HASH_BYTES) == 0)
            return true;
    if (i < COUNT(p->seen))
        p->seen[i] = *hash;
    for (size_t j = 0; j < i && j < COUNT(p->seen); j++)
        if (memcmp(p->seen[j].b, hash->b, HASH_BYTES) == 0)
            return true;
    return false;
}

static void run_block(struct pool *p)
{
    struct pool_block     *b = &p->block;
    const struct evidence *ev;
    struct hash            hash;

    if (b->next >= b->list->evidence.n) {
        end_block(p, NULL);
        return;
    }
    arena_reset(&p->scratch);
    ev = &b->list->evidence.v[b->next];
    if (!evidence_hash(&hash, ev, &p->scratch)) {
        end_block(p, "no room to check evidence");
    } else if (is_repeated(p, b->next, &hash)) {
        end_block(p, "the same evidence twice");
    } else if (is_pending(p, evidence_height(ev), &hash) &&
               ev->which != EVIDENCE_LIGHT_CLIENT) {
        b->next++;
    } else {
        /* One hash stands for all attacks with a block, whoever signed. */
        p->loading = POOL_LOADS_BLOCK;
        load(p, ev, &hash);
    }
}

static void block_loaded(struct pool *p, const struct pool_facts *f)
{
    struct pool_block     *b  = &p->block;
    const struct evidence *ev = &b->list->evidence.v[b->next++];
    struct refusal         r  = judge(p, ev, f);

    if (!r.why)
        add_and_save(p, ev);
    else if (!b->is_decided || r.is_fault || f->is_committed)
        end_block(p, r.why);
}

void pool_check(struct pool *p, const struct evidence_list *l, bool is_decided)
{
    must(!p->block.list);
    p->block = (struct pool_block){ .list = l, .is_decided = is_decided };
    run(p);
}

/* ---- what comes from outside ---- */

static bool push_job(struct pool *p, const struct pool_job *job,
                     struct span bytes)
{
    size_t of_peer = 0;

    for (size_t i = 0; i < p->job_count; i++)
        of_peer += p->jobs[i].peer == job->peer &&
                   p->jobs[i].is_asked == job->is_asked;
    if (p->job_count >= POOL_JOBS_MAX || of_peer >= POOL_PEER_JOBS_MAX)
        return false;
    p->jobs[p->job_count]       = *job;
    p->jobs[p->job_count].bytes = arena_copy(&p->inbox, bytes);
    return p->jobs[p->job_count].bytes.p && ++p->job_count;
}

/* What is done leaves a hole at the front of the inbox: the rest moves there
 * before that is large, by way of work. */
static void compact_inbox(struct pool *p)
{
    size_t hole = (size_t)(p->jobs[0].bytes.p - p->inbox.base);

    if (hole < p->inbox.cap / 4)
        return;
    arena_reset(&p->work);
    for (size_t i = 0; i < p->job_count; i++) {
        p->jobs[i].bytes = arena_copy(&p->work, p->jobs[i].bytes);
        must(p->jobs[i].bytes.p);
    }
    arena_reset(&p->inbox);
    for (size_t i = 0; i < p->job_count; i++) {
        p->jobs[i].bytes = arena_copy(&p->inbox, p->jobs[i].bytes);
        must(p->jobs[i].bytes.p);
    }
}

static void end_job(struct pool *p)
{
    memmove(&p->jobs[0], &p->jobs[1], --p->job_count * sizeof p->jobs[0]);
    p->is_decoded = false;
    if (p->job_count == 0)
        arena_reset(&p->inbox);
    else
        compact_inbox(p);
}

static void decode_job(struct pool *p)
{
    arena_reset(&p->work);
    p->list = (struct evidence_list){ 0 };
    must(pb_decode(&evidence_list_desc, &p->list, &p->work, p->jobs[0].bytes) ==
         ACCEPT);
    p->is_decoded = true;
}

static void answer(struct pool *p, const struct evidence *ev,
                   const struct pool_facts *f, const char *why)
{
    struct pool_effect e = { .kind     = POOL_ANSWER,
                             .peer     = p->jobs[0].peer,
                             .text     = why,
                             .evidence = ev,
                             .facts    = f };

    p->emit(p->ctx, &e);
}

/* The first item that has to be looked up. */
static void run_job(struct pool *p)
{
    struct pool_job       *job = &p->jobs[0];
    const struct evidence *ev;
    struct hash            hash;

    if (!p->is_decoded)
        decode_job(p);
    if (job->next >= p->list.evidence.n) {
        end_job(p);
        return;
    }
    arena_reset(&p->scratch);
    ev = &p->list.evidence.v[job->next];
    if (!evidence_hash(&hash, ev, &p->scratch) ||
        is_pending(p, evidence_height(ev), &hash)) {
        job->next++;
        if (job->is_asked)
            answer(p, ev, NULL, NULL);
    } else {
        p->loading = POOL_LOADS_JOB;
        load(p, ev, &hash);
    }
}

static void job_loaded(struct pool *p, const struct pool_facts *f)
{
    struct pool_job       *job = &p->jobs[0];
    struct pool_effect     e   = { .kind = POOL_PUNISH, .peer = job->peer };
    const struct evidence *ev;
    struct refusal         r;

    if (!p->is_decoded) /* an update came between */
        decode_job(p);
    ev = &p->list.evidence.v[job->next++];
    r  = judge(p, ev, f);
    if (!r.why)
        add_and_save(p, ev);
    if (job->is_asked) {
        answer(p, ev, f, f->is_committed ? NULL : r.why);
    } else if (r.is_fault) {
        e.text = r.why;
        end_job(p);
        p->emit(p->ctx, &e);
    }
}

bool pool_hear(struct pool *p, uint64_t peer, struct span bytes)
{
    struct pool_job      job = { .peer = peer };
    struct evidence_list l   = { 0 };

    arena_reset(&p->scratch);
    if (pb_decode(&evidence_list_desc, &l, &p->scratch, bytes) != ACCEPT)
        return false;
    for (size_t i = 0; i < l.evidence.n; i++)
        if (evidence_validate(&l.evidence.v[i], &p->scratch) != ACCEPT)
            return false;
    if (l.evidence.n > 0 && push_job(p, &job, bytes))
        run(p);
    return true;
}

bool pool_ask(struct pool *p, uint64_t asker, const struct evidence *ev)
{
    struct pool_job      job  = { .peer = asker, .is_asked = true };
    struct evidence      copy = *ev;
    struct evidence_list l    = { 0 };
    struct span          bytes;

    arena_reset(&p->scratch);
    l.evidence.v = &copy;
    l.evidence.n = 1;
    bytes        = pb_encode(&evidence_list_desc, &l, &p->scratch);
    if (!bytes.p || !push_job(p, &job, bytes))
        return false;
    run(p);
    return true;
}

/* ---- in turn: blocks first ---- */

static void run(struct pool *p)
{
    while (p->loading == POOL_IDLE && (p->block.list || p->job_count > 0)) {
        if (p->block.list)
            run_block(p);
        else
            run_job(p);
    }
}

void pool_loaded(struct pool *p, const struct pool_facts *f)
{
    bool is_block = p->loading == POOL_LOADS_BLOCK;

    must(p->loading != POOL_IDLE);
    p->loading = POOL_IDLE;
    arena_reset(&p->scratch);
    if (is_block)
        block_loaded(p, f);
    else
        job_loaded(p, f);
    run(p);
}

/* ---- what is pending ---- */

static bool decode_item(const struct pool *p, const struct pool_item *i,
                        struct evidence *out, struct arena *a)
{
    struct span bytes = arena_copy(a, item_bytes(p, i));

    return bytes.p && pb_decode(&evidence_desc, out, a, bytes) == ACCEPT;
}

bool pool_pending(const struct pool *p, int64_t bytes_max,
                  struct evidence_list *out, struct arena *a)
{
    int64_t size = 0;

    *out            = (struct evidence_list){ 0 };
    out->evidence.v = arena_newn(a, struct evidence, p->count + 1);
    if (!out->evidence.v)
        return false;
    for (size_t i = 0; i < p->count; i++) {
        struct evidence *ev = &out->evidence.v[out->evidence.n];

        if (is_expired(p, p->items[i].height, p->items[i].time))
            continue;
        if (!decode_item(p, &p->items[i], ev, a))
            return false;
        size += (int64_t)evidence_size(ev);
        if (bytes_max != -1 && size > bytes_max)
            return true;
        out->evidence.n++;
    }
    return true;
}

static const struct pool_item *after(const struct pool *p, uint64_t cursor)
{
    const struct pool_item *best = NULL;

    for (size_t i = 0; i < p->count; i++)
        if (p->items[i].number > cursor &&
            (!best || p->items[i].number < best->number))
            best = &p->items[i];
    return best;
}

static struct span message(struct span evidence, struct arena *a)
{
    uint8_t   *out = arena_alloc(a, evidence.n + 12);
    struct buf b;

    if (!out)
        return (struct span){ 0 };
    buf_use(&b, out, evidence.n + 12);
    buf_byte(&b, 0x0a);
    buf_uvarint(&b, evidence.n);
    buf_add(&b, evidence);
    return buf_span(&b);
}

struct span pool_next(const struct pool *p, uint64_t *cursor,
                      int64_t peer_height, struct arena *a)
{
    const struct pool_item *i;

    if (peer_height == 0) /* it has not said yet */
        return (struct span){ 0 };
    while ((i = after(p, *cursor))) {
        if (peer_height < i->from)
            break; /* until it is there */
        *cursor = i->number;
        if (!is_expired(p, i->height, i->time) &&
            peer_height - i->height <= p->params.max_age_num_blocks)
            return message(item_bytes(p, i), a);
    }
    return (struct span){ 0 };
}
