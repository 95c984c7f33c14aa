#include "fuzz.h"

#include "crypto/key.h"

struct arena fuzz_arena;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    UNUSED(argc);
    UNUSED(argv);
    arena_open(&fuzz_arena, (size_t)256 << 20);
    crypto_setup();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena_reset(&fuzz_arena);
    fuzz_one(SPAN(data, size));
    return 0;
}

bool fuzz_decode(const struct pb_desc *d, void *msg, struct span in)
{
    struct span first, second;
    void       *again;

    if (pb_decode(d, msg, &fuzz_arena, in) != ACCEPT)
        return false;
    first = pb_encode(d, msg, &fuzz_arena);
    again = arena_alloc(&fuzz_arena, d->size);
    must(first.p && again);
    must(first.n == pb_size(d, msg));
    must(pb_decode(d, again, &fuzz_arena, first) == ACCEPT);
    second = pb_encode(d, again, &fuzz_arena);
    must(second.p && span_eq(first, second));
    return true;
}

uint64_t fuzz_take(struct span *in, size_t n)
{
    uint64_t v = 0;

    while (n-- > 0) {
        v = v << 8 | (in->n ? in->p[0] : 0);
        if (in->n)
            *in = SPAN(in->p + 1, in->n - 1);
    }
    return v;
}
