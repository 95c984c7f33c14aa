/* Queries of a ledger with a few records.
 *
 * Input:      a byte for the path, a byte for the height, then the data.
 * Properties: an answer has a height that is there; a refusal has a code and
 *             a text, no value and no proof; pages are bounded; the same
 *             query is answered the same twice. */
#include "fuzz.h"

#include "ledger/query.h"

static const char *const paths[] = {
    "/warren.ledger.v1.Query/Record",
    "/warren.ledger.v1.Query/History",
    "/warren.ledger.v1.Query/Records",
    "/warren.ledger.v1.Query/Collections",
    "/cosmos.auth.v1beta1.Query/Account",
    "/store/records/key",
    "/store/auth/key",
};

static struct changes state; /* all that there is, as one layer */

static bool db_get(void *ctx, enum ledger_store store, struct span key,
                   struct span *value)
{
    const struct change *ch = changes_find(&state, store, key);

    UNUSED(ctx);
    if (!ch || ch->kind != CHANGE_SET)
        return false;
    *value = ch->value;
    return true;
}

struct walk {
    enum ledger_store store;
    struct span       from, to;
    bool (*fn)(void *ctx, struct span key, struct span value);
    void *ctx;
    bool  is_done;
};

static void visit(void *ctx, const struct change *ch)
{
    struct walk *w = ctx;

    if (w->is_done || ch->kind != CHANGE_SET || ch->store != w->store ||
        span_cmp(ch->key, w->from) < 0 ||
        (w->to.p && span_cmp(ch->key, w->to) >= 0))
        return;
    w->is_done = !w->fn(w->ctx, ch->key, ch->value);
}

static void db_range(void *ctx, enum ledger_store store, struct span from,
                     struct span to,
                     bool (*fn)(void *ctx, struct span key, struct span value),
                     void *fn_ctx)
{
    struct walk w = { store, from, to, fn, fn_ctx, false };

    UNUSED(ctx);
    changes_each(&state, visit, &w);
}

static int64_t latest(void *ctx)
{
    UNUSED(ctx);
    return 9;
}

static int64_t oldest(void *ctx)
{
    UNUSED(ctx);
    return 3;
}

static int find(void *ctx, struct span name)
{
    enum ledger_store store = store_find(name);

    UNUSED(ctx);
    return store < LEDGER_TREES ? (int)store : -1;
}

static bool at(void *ctx, int64_t height, struct ledger_db *out)
{
    *out = (struct ledger_db){ ctx, height, db_get, db_range };
    return true;
}

static void fill(void)
{
    static struct arena      kept;
    struct ledger_db         db = { NULL, 9, db_get, db_range };
    struct ledger_view       v  = { &db, &state };
    struct ledger_collection c  = { .name = span_str("a"), .is_open = true };
    uint8_t                  id[ADDRESS_BYTES] = { 1 };
    struct ledger_account    account           = { .address = SPAN_OF(id) };

    arena_open(&kept, 16 << 20);
    changes_init(&state, &kept);
    collection_save(&v, &c, &kept);
    account_save(&v, &account, &kept);
    for (unsigned i = 0; i < 12; i++) {
        uint8_t              name = (uint8_t)('a' + i % 4);
        struct ledger_record r    = { .value      = span_str("1"),
                                      .version    = 1 + i / 4,
                                      .height     = 1 + i,
                                      .is_deleted = i == 11 };

        record_save(&v, &r, span_str("a"), SPAN(&name, 1), &kept);
    }
}

static struct span ask(const struct abci_req_query *q)
{
    struct query_source s = {
        .latest = latest, .oldest = oldest, .find = find, .at = at
    };
    struct abci_res_query res;

    query_answer(&res, q, &s, &fuzz_arena);
    if (res.code)
        must(res.log.n && res.value.n == 0 && !res.proof_ops);
    else
        must(res.height >= 3 && res.height <= 9 &&
             res.value.n <= PAGE_BYTES_MAX + VALUE_BYTES_MAX);
    return pb_encode(&abci_res_query_desc, &res, &fuzz_arena);
}

void fuzz_one(struct span in)
{
    struct abci_req_query q = {
        .path   = span_str(paths[fuzz_take(&in, 1) % COUNT(paths)]),
        .height = (int64_t)fuzz_take(&in, 1) % 13 - 1,
    };

    if (!state.root)
        fill();
    q.data = in;
    must(span_eq(ask(&q), ask(&q)));
}
