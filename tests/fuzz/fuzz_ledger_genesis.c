/* app_state of a genesis.
 *
 * Properties: what is accepted makes the same state twice, in which every
 * tree has a record; what is refused says where, beginning with "app_state". */
#include "fuzz.h"

#include "ledger/genesis.h"

static bool nothing(void *ctx, enum ledger_store store, struct span key,
                    struct span *value)
{
    UNUSED(ctx);
    UNUSED(store);
    UNUSED(key);
    UNUSED(value);
    return false;
}

static void add(void *ctx, const struct change *ch)
{
    hash_update(ctx, ch->key);
    hash_update(ctx, ch->value);
}

static const char *apply(struct hash *digest, struct span in)
{
    struct ledger_db   db = { .get = nothing };
    struct changes     changes;
    struct ledger_view v = { &db, &changes };
    struct hasher      h;
    struct span        value;
    const char        *why;

    changes_init(&changes, &fuzz_arena);
    why = genesis_apply(&v, in, &fuzz_arena);
    if (why)
        return why;
    for (int s = 0; s < LEDGER_TREES; s++)
        must(view_get(&v, (enum ledger_store)s, span_str(FORMAT_KEY), &value));
    hash_begin(&h);
    changes_each(&changes, add, &h);
    hash_end(&h, digest);
    return NULL;
}

void fuzz_one(struct span in)
{
    struct hash first, second;
    const char *why = apply(&first, in), *again = apply(&second, in);

    must(!why == !again);
    if (why)
        must(strncmp(why, "app_state", 9) == 0);
    else
        must(hash_eq(&first, &second));
}
