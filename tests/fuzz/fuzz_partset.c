/* Part sets: only the parts of the one block fit.
 *
 * Input:       a part as a message; also a block and how to spoil its parts.
 * Properties:  a set takes no part but its own, whatever is changed in it; a
 *              refused part changes nothing; a complete set has the bytes. */
#include "fuzz.h"

#include "model/partset.h"

/* Changes one thing of a part; false when that leaves it as it was. */
static bool spoil(struct part *p, struct span *in)
{
    uint64_t how = fuzz_take(in, 1), at = fuzz_take(in, 2);
    uint8_t *copy;

    switch (how % 7) {
    case 0: p->index ^= (uint32_t)at; return at != 0;
    case 1: p->proof.index ^= (int64_t)at; return at != 0;
    case 2: p->proof.total ^= (int64_t)(at << 48); return at != 0;
    case 3:
        if (p->bytes.n == 0)
            return false;
        p->bytes.n -= 1 + at % p->bytes.n;
        return true;
    case 4: /* a bit of the bytes, of the leaf or of an aunt */
    case 5:
    case 6: break;
    }
    if (how % 7 == 6 && p->proof.aunts.n) {
        p->proof.aunts.n--;
        return true;
    }
    if (p->bytes.n == 0)
        return false;
    copy = arena_alloc(&fuzz_arena, p->bytes.n);
    must(copy);
    memcpy(copy, p->bytes.p, p->bytes.n);
    copy[at % p->bytes.n] ^= (uint8_t)(1 << how % 8);
    p->bytes.p = copy;
    return true;
}

/* A block of up to five parts, filled with a few bytes of the input. */
static struct span make_block(struct span *in)
{
    size_t   n = fuzz_take(in, 3) % (5 * PART_BYTES) + 1;
    uint8_t *p = arena_alloc(&fuzz_arena, n);

    must(p);
    for (size_t i = 0; i < n && in->n; i += 4093)
        p[i] = (uint8_t)fuzz_take(in, 1);
    return SPAN(p, n);
}

static void check_foreign(struct part_set *s, struct span in)
{
    struct part p;
    bool        is_new;
    uint32_t    count = s->count;

    if (!fuzz_decode(&part_desc, &p, in))
        return;
    (void)part_validate(&p);
    if (part_set_add(s, &p, &is_new) == ACCEPT && is_new)
        must(part_validate(&p) == ACCEPT);
    else
        must(s->count == count);
}

void fuzz_one(struct span in)
{
    struct span            all = in, block = make_block(&in);
    struct part_set        from, to;
    struct part_set_header h;
    bool                   is_new;

    must(part_set_from_bytes(&from, block, &fuzz_arena));
    h = part_set_header(&from);
    must(part_set_init(&to, &h, &fuzz_arena));
    check_foreign(&to, all);
    must(to.count == 0); /* the input does not know the root */
    for (uint32_t i = 0; i < from.total; i++) {
        struct part good = part_set_part(&from, i), bad = good;

        if (spoil(&bad, &in) && !part_set_has(&to, bad.index))
            must(part_set_add(&to, &bad, &is_new) != ACCEPT);
        must(to.count == i);
        must(part_set_add(&to, &good, &is_new) == ACCEPT && is_new);
    }
    must(part_set_is_complete(&to));
    must(span_eq(part_set_bytes(&to), block));
}
