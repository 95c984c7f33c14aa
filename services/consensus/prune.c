/* Old blocks: dropped when the application says so (retain_height), but
 * headers and commits that evidence may still need are kept. */
#include "base/log.h"
#include "consensus/shell.h"

static void on_pruned(struct shell *s, enum err status, const char *text,
                      const Store__Reply *r)
{
    s->is_pruning = false;
    if (status || r->kind_case != STORE__REPLY__KIND_PRUNED) {
        log_event(LOG_WARN, "store did not prune", LOG_STR("why", text));
        return;
    }
    s->store_lowest = s->prune_target;
    log_event(LOG_DEBUG, "pruned", LOG_UINT("blocks", r->pruned->blocks),
              LOG_INT("retain", s->prune_target));
}

static void prune(struct shell *s)
{
    Store__Prune   prune = STORE__PRUNE__INIT;
    Store__Request req   = STORE__REQUEST__INIT;

    prune.retain_height   = s->prune_target;
    prune.evidence_height = s->evidence_height < s->prune_target
                                ? s->evidence_height
                                : s->prune_target;
    req.kind_case         = STORE__REQUEST__KIND_PRUNE;
    req.prune             = &prune;
    store_ask(s, &req, on_pruned);
}

/* Is evidence of this header's height too old for our state? */
static bool is_expired(const struct shell *s, const struct block_meta *m)
{
    const struct chain_state *c = shell_chain(s);

    return evidence_is_expired(c->last_height, c->last_time, m->header.height,
                               m->header.time,
                               c->params.evidence.max_age_num_blocks,
                               c->params.evidence.max_age_duration);
}

/* The window moves up as headers expire, some at a time. */
static void on_metas(struct shell *s, enum err status, const char *text,
                     const Store__Reply *r)
{
    size_t mark = arena_mark(&s->scratch);

    UNUSED(text);
    for (size_t i = status || r->kind_case != STORE__REPLY__KIND_METAS
                        ? 0
                        : r->metas->n_metas;
         i > 0; i--) { /* descending: the lowest is last */
        struct block_meta m;

        if (pb_decode(&block_meta_desc, &m, &s->scratch,
                      SPAN(r->metas->metas[i - 1].data,
                           r->metas->metas[i - 1].len)) != ACCEPT ||
            !is_expired(s, &m))
            break;
        s->evidence_height = m.header.height + 1;
    }
    arena_release(&s->scratch, mark);
    prune(s);
}

void prune_to(struct shell *s, int64_t retain_height)
{
    Store__GetMetas get = STORE__GET_METAS__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    if (s->is_pruning || retain_height <= s->store_lowest ||
        retain_height > s->store_height)
        return;
    s->is_pruning   = true;
    s->prune_target = retain_height;
    if (s->evidence_height < 1)
        s->evidence_height = s->store_lowest;
    get.min_height = s->evidence_height;
    get.max_height = s->evidence_height + 19;
    req.kind_case  = STORE__REQUEST__KIND_GET_METAS;
    req.get_metas  = &get;
    store_ask(s, &req, on_metas);
}
