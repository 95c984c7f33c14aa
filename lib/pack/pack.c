#include "pack/pack.h"

#include "base/limits.h"

#include <zstd.h>

enum { SIZE_BYTES = 4, LEVEL = 1 };

struct span pack(struct span in, struct arena *a)
{
    static ZSTD_CCtx *ctx;
    size_t            cap = in.n - in.n / 8, n;
    uint8_t          *out;

    if (!ctx)
        ctx = ZSTD_createCCtx();
    if (!ctx || in.n > ABCI_MSG_BYTES_MAX || cap <= SIZE_BYTES)
        return SPAN(NULL, 0);
    out = arena_alloc(a, cap);
    if (!out)
        return SPAN(NULL, 0);
    /* What does not fit into cap is not worth it. */
    n = ZSTD_compressCCtx(ctx, out + SIZE_BYTES, cap - SIZE_BYTES, in.p, in.n,
                          LEVEL);
    if (ZSTD_isError(n))
        return SPAN(NULL, 0);
    store_le32(out, (uint32_t)in.n);
    return SPAN(out, SIZE_BYTES + n);
}

size_t unpack_size(struct span packed)
{
    size_t n;

    if (packed.n < SIZE_BYTES)
        return 0;
    n = load_le32(packed.p);
    return n <= ABCI_MSG_BYTES_MAX ? n : 0;
}

bool unpack(uint8_t *out, size_t n, struct span packed)
{
    static ZSTD_DCtx *ctx;

    if (!ctx)
        ctx = ZSTD_createDCtx();
    return ctx && n > 0 && n == unpack_size(packed) &&
           ZSTD_decompressDCtx(ctx, out, n, packed.p + SIZE_BYTES,
                               packed.n - SIZE_BYTES) == n;
}
