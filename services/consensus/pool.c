#include "consensus/pool.h"

#include "base/limits.h"

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

/* Verified evidence becomes pending, if there is room. */
static bool add(struct pool *p, const struct evidence *ev, struct span bytes)
{
    struct pool_item item = { .height = evidence_height(ev),
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

static void add_and_save(struct pool *p, const struct evidence *ev)
{
    struct span bytes = pb_encode(&evidence_desc, ev, &p->scratch);
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
    p->is_decoded = p->is_loading = false;
    p->numbers                    = 0;
    take_state(p, s);
}

static bool is_expired(const struct pool *p, int64_t height, struct stamp time)
{
    return evidence_is_expired(p->last_height, p->last_time, height, time,
                               p->params.max_age_num_blocks,
                               p->params.max_age_duration);
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

/* ---- a block ---- */

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
        if (is_expired(p, p->items[i].height, p->items[i].time))
            forget(p, i);
    compact(p);
}

/* ---- verification ---- */

static const char *check_attack(struct pool *p, const struct evidence *ev,
                                const struct pool_facts *f)
{
    const struct light_client_attack_evidence *e =
        ev->light_client_attack_evidence;
    const struct header *conflicting =
        e->conflicting_block->signed_header->header;

    if (!f->common->commit || !f->trusted || !f->trusted->commit)
        return "no header to compare an attack with";
    if (f->trusted->header->height < conflicting->height &&
        stamp_cmp(f->trusted->header->time, conflicting->time) < 0)
        return "an attack that lies ahead of our latest block";
    if (light_client_attack_verify(e, f->common, f->trusted, f->validators,
                                   &p->scratch) != ACCEPT)
        return "an attack that was none";
    return NULL;
}

static const char *check_evidence(struct pool *p, const struct evidence *ev,
                                  const struct pool_facts *f)
{
    struct stamp time;

    if (!f->common || !f->common->header || !f->validators)
        return "evidence of a height that is not here";
    time = f->common->header->time;
    if (stamp_cmp(evidence_time(ev), time) != 0)
        return "evidence with another time than its block";
    if (is_expired(p, evidence_height(ev), time))
        return "evidence that is too old";
    if (ev->which == EVIDENCE_LIGHT_CLIENT)
        return check_attack(p, ev, f);
    if (duplicate_vote_verify(ev->duplicate_vote_evidence, p->chain_id,
                              f->validators, &p->scratch) != ACCEPT)
        return "two votes that are no evidence";
    return NULL;
}

/* ---- jobs ---- */

static bool push_job(struct pool *p, const struct pool_job *job)
{
    size_t at = job->is_block && p->job_count > 0 ? 1 : p->job_count;

    if (p->job_count >= POOL_JOBS_MAX)
        return false;
    memmove(&p->jobs[at + 1], &p->jobs[at],
            (p->job_count - at) * sizeof p->jobs[0]);
    p->jobs[at] = *job;
    p->job_count++;
    return true;
}

static void end_job(struct pool *p)
{
    memmove(&p->jobs[0], &p->jobs[1], --p->job_count * sizeof p->jobs[0]);
    p->is_decoded = false;
    if (p->job_count == 0)
        arena_reset(&p->inbox);
}

static void end_block(struct pool *p, const char *why)
{
    struct pool_effect e = { .kind    = POOL_CHECKED,
                             .verdict = why ? POOL_INVALID : POOL_VALID,
                             .text    = why };

    end_job(p);
    p->emit(p->ctx, &e);
}

static void punish(struct pool *p, const char *why)
{
    struct pool_effect e = { .kind = POOL_PUNISH,
                             .peer = p->jobs[0].peer,
                             .text = why };

    end_job(p);
    p->emit(p->ctx, &e);
}

static void decode_job(struct pool *p)
{
    arena_reset(&p->work);
    p->list = (struct evidence_list){ 0 };
    must(pb_decode(&evidence_list_desc, &p->list, &p->work, p->jobs[0].bytes) ==
         ACCEPT);
    p->is_decoded = true;
}

static bool is_repeated(struct pool *p, size_t i, const struct hash *hash)
{
    struct hash other;

    while (i-- > 0)
        if (evidence_hash(&other, &p->list.evidence.v[i], &p->scratch) &&
            memcmp(other.b, hash->b, HASH_BYTES) == 0)
            return true;
    return false;
}

static void ask(struct pool *p, const struct evidence *ev,
                const struct hash *hash)
{
    struct pool_effect e = { .kind   = POOL_LOAD,
                             .height = evidence_height(ev),
                             .hash   = *hash };

    if (ev->which == EVIDENCE_LIGHT_CLIENT)
        e.other_height = ev->light_client_attack_evidence->conflicting_block
                             ->signed_header->header->height;
    p->is_loading = true;
    p->emit(p->ctx, &e);
}

/* The first item of the first job that has to be looked up. */
static void run_job(struct pool *p)
{
    struct pool_job       *job = &p->jobs[0];
    const struct evidence *ev;
    struct hash            hash;

    if (!p->is_decoded)
        decode_job(p);
    if (job->next >= p->list.evidence.n) {
        if (job->is_block)
            end_block(p, NULL);
        else
            end_job(p);
        return;
    }
    arena_reset(&p->scratch);
    ev = &p->list.evidence.v[job->next];
    if (!evidence_hash(&hash, ev, &p->scratch)) {
        job->next++;
        return;
    }
    if (job->is_block && is_repeated(p, job->next, &hash)) {
        end_block(p, "the same evidence twice");
        return;
    }
    /* One hash stands for all attacks with a block, whoever signed. */
    if (is_pending(p, evidence_height(ev), &hash) &&
        !(job->is_block && ev->which == EVIDENCE_LIGHT_CLIENT))
        job->next++;
    else
        ask(p, ev, &hash);
}

static void run(struct pool *p)
{
    while (p->job_count > 0 && !p->is_loading)
        run_job(p);
}

void pool_loaded(struct pool *p, const struct pool_facts *f)
{
    struct pool_job       *job = &p->jobs[0];
    const struct evidence *ev;
    const char            *why;

    must(p->is_loading && p->job_count > 0);
    p->is_loading = false;
    if (!p->is_decoded) /* an update came between */
        decode_job(p);
    arena_reset(&p->scratch);
    ev  = &p->list.evidence.v[job->next++];
    why = f->is_committed ? "evidence that was committed"
                          : check_evidence(p, ev, f);
    if (!why)
        add_and_save(p, ev);
    else if (job->is_block)
        end_block(p, why);
    /* A peer may be ahead of us, or not know of the latest block. */
    else if (!f->is_committed && f->common)
        punish(p, why);
    run(p);
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
    job.bytes = arena_copy(&p->inbox, bytes);
    if (!job.bytes.p || l.evidence.n == 0)
        return true;
    push_job(p, &job);
    run(p);
    return true;
}

void pool_check(struct pool *p, const struct evidence_list *l)
{
    struct pool_job    job = { .is_block = true };
    struct pool_effect no  = { .kind    = POOL_CHECKED,
                               .verdict = POOL_INVALID,
                               .text    = "no room to check evidence" };

    if (l->evidence.n == 0) {
        no.verdict = POOL_VALID;
        no.text    = NULL;
        p->emit(p->ctx, &no);
        return;
    }
    arena_reset(&p->scratch);
    job.bytes =
        arena_copy(&p->inbox, pb_encode(&evidence_list_desc, l, &p->scratch));
    if (!job.bytes.p || !push_job(p, &job)) {
        p->emit(p->ctx, &no);
        return;
    }
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
        *cursor = i->number;
        if (peer_height > i->height &&
            peer_height - i->height <= p->params.max_age_num_blocks)
            return message(item_bytes(p, i), a);
    }
    return (struct span){ 0 };
}
