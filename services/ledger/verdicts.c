#include "ledger/verdicts.h"

enum { SLOTS = 2 * VERDICTS_MAX };

static const struct hash zero;

void verdicts_init(struct verdicts *v, struct arena *a)
{
    *v = (struct verdicts){ { arena_newn(a, struct hash, SLOTS),
                              arena_newn(a, struct hash, SLOTS) },
                            0 };
    must(v->slot[0] && v->slot[1]);
}

/* The slot that holds the hash, or the free one where it would go. */
static struct hash *find(struct hash *slots, const struct hash *tx)
{
    size_t i = load_le64(tx->b) % SLOTS;

    while (!hash_eq(&slots[i], &zero) && !hash_eq(&slots[i], tx))
        i = (i + 1) % SLOTS;
    return &slots[i];
}

bool verdicts_has(const struct verdicts *v, const struct hash *tx)
{
    return hash_eq(find(v->slot[0], tx), tx) ||
           hash_eq(find(v->slot[1], tx), tx);
}

void verdicts_add(struct verdicts *v, const struct hash *tx)
{
    struct hash *slot = find(v->slot[0], tx), *old = v->slot[1];

    if (hash_eq(slot, tx) || hash_eq(tx, &zero))
        return;
    *slot = *tx;
    if (++v->count < VERDICTS_MAX)
        return;
    v->slot[1] = v->slot[0];
    v->slot[0] = old;
    v->count   = 0;
    memset(old, 0, SLOTS * sizeof *old);
}
