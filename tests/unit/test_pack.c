/* Packed bytes come back as they were, or not at all. */
#include "test.h"

#include "pack/pack.h"

#include <stdlib.h>

#define A (&test_arena)

TEST(what_is_packed_comes_back)
{
    for (size_t n = 0; n < 200000; n = n * 3 + 1) {
        uint8_t    *p = arena_alloc(A, n + 1), *back = arena_alloc(A, n + 1);
        struct span packed;

        for (size_t i = 0; i < n; i++)
            p[i] = (uint8_t)(i / 7 % 11);
        packed = pack(SPAN(p, n), A);
        if (n < 100 && !packed.p)
            continue; /* not worth it */
        CHECK(packed.p && packed.n < n, "%zu", n);
        CHECK_EQ(unpack_size(packed), n);
        CHECK(unpack(back, n, packed));
        CHECK_BYTES(SPAN(back, n), SPAN(p, n));
        CHECK(!unpack(back, n - 1, packed));
        packed.n--;
        CHECK(!unpack(back, n, packed), "cut short");
    }
}

TEST(what_does_not_shrink_is_left_alone)
{
    uint8_t random[5000];

    srand(1);
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)rand();
    CHECK(pack(SPAN_OF(random), A).p == NULL);
    CHECK(pack(SPAN(NULL, 0), A).p == NULL);
}

TEST(changed_bytes_never_write_past_the_end)
{
    uint8_t     plain[3000], back[3000 + 16];
    struct span packed;
    uint8_t    *p;

    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i % 50 * (i / 100));
    packed = pack(SPAN_OF(plain), A);
    p      = arena_alloc(A, packed.n);
    for (size_t bit = 0; bit < 8 * packed.n; bit += 3) {
        memcpy(p, packed.p, packed.n);
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(back + 3000, 0x77, 16);
        if (unpack_size(SPAN(p, packed.n)) <= 3000 &&
            unpack(back, unpack_size(SPAN(p, packed.n)), SPAN(p, packed.n)))
            CHECK(true);
        for (size_t i = 0; i < 16; i++)
            must(back[3000 + i] == 0x77);
    }
}
