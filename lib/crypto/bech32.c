#include "crypto/bech32.h"

enum { CHECKSUM = 6, GROUPS_MAX = BECH32_TEXT_MAX };

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* One step of the checksum, a BCH code over groups of five bits. */
static uint32_t step(uint32_t sum, uint8_t group)
{
    static const uint32_t generator[5] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
                                           0x3d4233dd, 0x2a1462b3 };
    uint32_t              top          = sum >> 25;

    sum = (sum & 0x1ffffff) << 5 ^ group;
    for (int i = 0; i < 5; i++)
        if (top >> i & 1)
            sum ^= generator[i];
    return sum;
}

static uint32_t step_prefix(const char *prefix, size_t n)
{
    uint32_t sum = 1;

    for (size_t i = 0; i < n; i++)
        sum = step(sum, (uint8_t)prefix[i] >> 5);
    sum = step(sum, 0);
    for (size_t i = 0; i < n; i++)
        sum = step(sum, prefix[i] & 31);
    return sum;
}

static void put(struct buf *out, uint32_t *sum, uint8_t group)
{
    *sum = step(*sum, group);
    buf_byte(out, (uint8_t)alphabet[group]);
}

void bech32_encode(struct buf *out, const char *prefix, struct span bytes)
{
    uint32_t sum = step_prefix(prefix, strlen(prefix)), held = 0;
    int      bits = 0;

    buf_str(out, prefix);
    buf_byte(out, '1');
    for (size_t i = 0; i < bytes.n; i++) {
        held = (held << 8 | bytes.p[i]) & 0xfff;
        for (bits += 8; bits >= 5; bits -= 5)
            put(out, &sum, held >> (bits - 5) & 31);
    }
    if (bits > 0)
        put(out, &sum, (uint8_t)(held << (5 - bits) & 31));
    for (int i = 0; i < CHECKSUM; i++)
        sum = step(sum, 0);
    sum ^= 1;
    for (int i = 0; i < CHECKSUM; i++)
        buf_byte(out, (uint8_t)alphabet[sum >> (5 * (5 - i)) & 31]);
}

/* Lower-case copy; false on mixed case or anything not printable. */
static bool fold_case(char *out, struct span text)
{
    bool has_lower = false, has_upper = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = (char)text.p[i];

        if (text.p[i] < 33 || text.p[i] > 126)
            return false;
        has_lower = has_lower || (c >= 'a' && c <= 'z');
        has_upper = has_upper || (c >= 'A' && c <= 'Z');
        out[i]    = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    return !(has_lower && has_upper);
}

/* Groups of the data part, checksum included; false outside the alphabet. */
static bool read_groups(uint8_t *group, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *at = memchr(alphabet, text[i], 32);

        if (!at)
            return false;
        group[i] = (uint8_t)(at - alphabet);
    }
    return true;
}

/* Five-bit groups to bytes; what is left over must be zero padding. */
static bool join(uint8_t *out, size_t cap, size_t *n, const uint8_t *group,
                 size_t count)
{
    uint32_t held = 0;
    int      bits = 0;

    *n = 0;
    for (size_t i = 0; i < count; i++) {
        held = (held << 5 | group[i]) & 0xfff;
        bits += 5;
        if (bits < 8)
            continue;
        if (*n == cap)
            return false;
        bits -= 8;
        out[(*n)++] = (uint8_t)(held >> bits);
    }
    return bits < 5 && (held & ((1u << bits) - 1)) == 0;
}

bool bech32_decode(char prefix[BECH32_PREFIX_MAX + 1], uint8_t *out, size_t cap,
                   size_t *n, struct span text)
{
    char        folded[BECH32_TEXT_MAX];
    uint8_t     group[GROUPS_MAX];
    const char *mark;
    size_t      before, count;
    uint32_t    sum;

    if (text.n < 8 || text.n > BECH32_TEXT_MAX || !fold_case(folded, text))
        return false;
    mark = memrchr(folded, '1', text.n);
    if (!mark || mark == folded)
        return false;
    before = (size_t)(mark - folded);
    count  = text.n - before - 1;
    if (before > BECH32_PREFIX_MAX || count < CHECKSUM ||
        !read_groups(group, mark + 1, count))
        return false;
    sum = step_prefix(folded, before);
    for (size_t i = 0; i < count; i++)
        sum = step(sum, group[i]);
    if (sum != 1)
        return false;
    memcpy(prefix, folded, before);
    prefix[before] = 0;
    return join(out, cap, n, group, count - CHECKSUM);
}

bool bech32_address_decode(uint8_t out[255], size_t *n, const char *prefix,
                           struct span text)
{
    char found[BECH32_PREFIX_MAX + 1];

    return bech32_decode(found, out, 255, n, text) && *n > 0 &&
           strcmp(found, prefix) == 0;
}
