/* An AVL tree: ordered, and no choice of keys makes it slow. */
#include "ledger/changes.h"

struct undo {
    struct undo   *next;
    struct change *change;
    struct span    value;
    int            kind;
};

void changes_init(struct changes *c, struct arena *a)
{
    *c = (struct changes){ .arena = a };
}

static int compare(enum ledger_store store, struct span key,
                   const struct change *ch)
{
    if (store != ch->store)
        return store < ch->store ? -1 : 1;
    return span_cmp(key, ch->key);
}

static struct change *find(const struct changes *c, enum ledger_store store,
                           struct span key)
{
    struct change *at = c->root;
    int            order;

    while (at && (order = compare(store, key, at)) != 0)
        at = at->child[order > 0];
    return at;
}

const struct change *changes_find(const struct changes *c,
                                  enum ledger_store store, struct span key)
{
    const struct change *ch = find(c, store, key);

    return ch && ch->kind != CHANGE_NONE ? ch : NULL;
}

/* ---- insertion ---- */

static int height(const struct change *ch)
{
    return ch ? ch->height : 0;
}

static void measure(struct change *ch)
{
    int l = height(ch->child[0]), r = height(ch->child[1]);

    ch->height = 1 + (l > r ? l : r);
}

static struct change *rotate(struct change *top, int from)
{
    struct change *up = top->child[from];

    top->child[from] = up->child[!from];
    up->child[!from] = top;
    measure(top);
    measure(up);
    return up;
}

static struct change *balance(struct change *top)
{
    int tilt = height(top->child[0]) - height(top->child[1]);
    int side = tilt < 0;

    measure(top);
    if (tilt >= -1 && tilt <= 1)
        return top;
    if (height(top->child[side]->child[side]) <
        height(top->child[side]->child[!side]))
        top->child[side] = rotate(top->child[side], !side);
    return rotate(top, side);
}

static struct change *insert(struct change *top, struct change *fresh)
{
    int side;

    if (!top)
        return fresh;
    side             = compare(fresh->store, fresh->key, top) > 0;
    top->child[side] = insert(top->child[side], fresh);
    return balance(top);
}

static struct change *add(struct changes *c, enum ledger_store store,
                          struct span key)
{
    struct change *ch = arena_new(c->arena, struct change);

    if (!ch)
        return NULL;
    ch->store  = store;
    ch->height = 1;
    ch->key    = arena_copy(c->arena, key);
    if (key.n && !ch->key.p)
        return NULL;
    c->root = insert(c->root, ch);
    return ch;
}

/* ---- writing ---- */

static void put(struct changes *c, enum ledger_store store, struct span key,
                struct span value, int kind)
{
    struct change *ch   = find(c, store, key);
    struct span    copy = arena_copy(c->arena, value);
    struct undo   *u    = NULL;

    if (!ch)
        ch = add(c, store, key);
    if (c->has_mark)
        u = arena_new(c->arena, struct undo);
    if (!ch || (value.n && !copy.p) || (c->has_mark && !u)) {
        c->is_full = true;
        return;
    }
    if (u) {
        *u      = (struct undo){ c->undo, ch, ch->value, (int)ch->kind };
        c->undo = u;
    }
    ch->value = copy;
    ch->kind  = kind;
}

void changes_set(struct changes *c, enum ledger_store store, struct span key,
                 struct span value)
{
    put(c, store, key, value, CHANGE_SET);
}

void changes_delete(struct changes *c, enum ledger_store store, struct span key)
{
    put(c, store, key, (struct span){ 0 }, CHANGE_DELETED);
}

void changes_begin(struct changes *c)
{
    must(!c->has_mark);
    c->has_mark = true;
    c->undo     = NULL;
}

void changes_undo(struct changes *c)
{
    for (struct undo *u = c->undo; u; u = u->next) {
        u->change->value = u->value;
        u->change->kind  = u->kind;
    }
    changes_keep(c);
}

void changes_keep(struct changes *c)
{
    must(c->has_mark);
    c->has_mark = false;
    c->undo     = NULL;
}

static void each(const struct change *ch,
                 void (*fn)(void *ctx, const struct change *ch), void *ctx)
{
    if (!ch)
        return;
    each(ch->child[0], fn, ctx);
    if (ch->kind != CHANGE_NONE)
        fn(ctx, ch);
    each(ch->child[1], fn, ctx);
}

void changes_each(const struct changes *c,
                  void (*fn)(void *ctx, const struct change *ch), void *ctx)
{
    each(c->root, fn, ctx);
}
