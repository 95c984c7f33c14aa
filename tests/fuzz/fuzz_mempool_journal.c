/* The mempool's journal: any bytes as a segment.
 *
 * Properties: what counts as whole is a prefix, and reading that prefix alone
 * gives the same records; every span lies inside the input.  The first byte
 * chooses whether sound heads are written over the input, since a fuzzer does
 * not find a CRC. */
#include "fuzz.h"

#include "mempool/journal.h"
#include "wire/walrec.h"

struct seen {
    struct span in;
    size_t      txs, blocks, drops, clears, bytes;
};

static void inside(const struct seen *s, const uint8_t *p, size_t n)
{
    must(p >= s->in.p && n <= (size_t)(s->in.p + s->in.n - p));
}

static void on_tx(void *ctx, const struct journal_tx *t)
{
    struct seen *s = ctx;

    inside(s, t->bytes.p, t->bytes.n);
    s->txs++;
    s->bytes += t->bytes.n;
}

static void on_block(void *ctx, const struct journal_block *b)
{
    struct seen *s = ctx;

    inside(s, b->txs, b->n * JOURNAL_BLOCK_TX_BYTES);
    s->blocks++;
    s->bytes += b->n;
}

static void on_drop(void *ctx, const uint8_t key[HASH_BYTES], bool uncache)
{
    struct seen *s = ctx;

    inside(s, key, HASH_BYTES + 1);
    s->drops += 1 + (size_t)uncache;
}

static void on_clear(void *ctx)
{
    ((struct seen *)ctx)->clears++;
}

static const struct journal_fns fns = { .on_tx    = on_tx,
                                        .on_block = on_block,
                                        .on_drop  = on_drop,
                                        .on_clear = on_clear };

/* Lengths and CRCs that fit, as far as the input goes. */
static void mend(uint8_t *p, size_t n)
{
    for (size_t at = 0; n - at > 8;) {
        size_t left = n - at - 8, body = 1 + p[at] % 128;

        if (body > left)
            body = left;
        store_be32(p + at, (uint32_t)body);
        p[at + 8] = (uint8_t)(1 + p[at + 8] % 5);
        store_be32(p + at + 4, crc32c(SPAN(p + at + 8, body)));
        at += 8 + body;
    }
}

void fuzz_one(struct span in)
{
    bool        is_mended = fuzz_take(&in, 1) & 1;
    uint8_t    *copy      = arena_alloc(&fuzz_arena, in.n + 1);
    struct seen all, prefix;
    size_t      whole;

    must(copy != NULL);
    if (in.n)
        memcpy(copy, in.p, in.n);
    if (is_mended)
        mend(copy, in.n);
    all   = (struct seen){ .in = SPAN(copy, in.n) };
    whole = journal_replay(all.in, 1, &fns, &all);
    must(whole <= in.n);

    prefix = (struct seen){ .in = SPAN(copy, whole) };
    must(journal_replay(prefix.in, 1, &fns, &prefix) == whole);
    must(prefix.txs == all.txs && prefix.blocks == all.blocks);
    must(prefix.drops == all.drops && prefix.clears == all.clears);
    must(prefix.bytes == all.bytes);
}
