/* Texts that stand for bytes: bech32 and mnemonic sentences.
 *
 * Properties: one text for the same bytes (but for capitals), and back. */
#include "fuzz.h"

#include "crypto/bech32.h"
#include "crypto/mnemonic.h"

static void check_bech32(struct span in)
{
    char       prefix[BECH32_PREFIX_MAX + 1];
    uint8_t    bytes[BECH32_BYTES_MAX];
    size_t     n;
    struct buf text;

    if (!bech32_decode(prefix, bytes, sizeof bytes, &n, in))
        return;
    buf_init(&text, 2048);
    bech32_encode(&text, prefix, SPAN(bytes, n));
    must(text.len == in.n);
    for (size_t i = 0; i < in.n; i++)
        must((text.p[i] | 0x20) == (in.p[i] | 0x20));
    buf_fini(&text);
}

static void check_mnemonic(struct span in)
{
    uint8_t    entropy[32];
    size_t     n;
    struct buf text;

    if (!mnemonic_entropy(entropy, &n, in))
        return;
    buf_init(&text, 2048);
    mnemonic_print(&text, SPAN(entropy, n));
    must(span_eq(buf_span(&text), in));
    buf_fini(&text);
}

/* Entropy made of the input gives a sentence that is read back. */
static void check_entropy(struct span in)
{
    uint8_t    entropy[32] = { 0 }, back[32];
    size_t     n           = 16 + in.n % 5 * 4, back_n;
    struct buf text;

    memcpy(entropy, in.p, in.n < n ? in.n : n);
    buf_init(&text, 2048);
    mnemonic_print(&text, SPAN(entropy, n));
    must(mnemonic_entropy(back, &back_n, buf_span(&text)));
    must(span_eq(SPAN(back, back_n), SPAN(entropy, n)));
    buf_fini(&text);
}

void fuzz_one(struct span in)
{
    check_bech32(in);
    check_mnemonic(in);
    if (in.n > 0)
        check_entropy(in);
}
