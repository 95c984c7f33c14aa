#include "crypto/transcript.h"

enum {
    RATE = 166,
    /* Flags of an operation. */
    FLAG_I = 1,
    FLAG_A = 2,
    FLAG_C = 4,
    FLAG_M = 16,
    AD     = FLAG_A,
    META   = FLAG_M | FLAG_A,
    PRF    = FLAG_I | FLAG_A | FLAG_C,
};

static uint64_t rotate(uint64_t x, unsigned n)
{
    return n ? x << n | x >> (64 - n) : x;
}

/* The constant of a round: bits of a linear feedback shift register with the
 * polynomial x^8 + x^6 + x^5 + x^4 + 1, put at positions 2^j - 1. */
static uint64_t round_constant(uint8_t *lfsr)
{
    uint64_t c = 0;

    for (unsigned j = 0; j < 7; j++) {
        if (*lfsr & 1)
            c |= UINT64_C(1) << ((1u << j) - 1);
        *lfsr = (uint8_t)(*lfsr << 1 ^ (*lfsr >> 7 ? 0x71 : 0));
    }
    return c;
}

static void mix_columns(uint64_t a[25])
{
    uint64_t sum[5];

    for (int x = 0; x < 5; x++)
        sum[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (int i = 0; i < 25; i++)
        a[i] ^= sum[(i + 4) % 5] ^ rotate(sum[(i + 1) % 5], 1);
}

/* Rotate each lane and move it: (x, y) goes to (y, 2x + 3y). */
static void move_lanes(uint64_t a[25])
{
    uint64_t held = a[1];
    int      x = 1, y = 0;

    for (unsigned t = 0; t < 24; t++) {
        int      to   = (2 * x + 3 * y) % 5;
        uint64_t next = a[to * 5 + y];

        a[to * 5 + y] = rotate(held, (t + 1) * (t + 2) / 2 % 64);
        held          = next;
        x             = y;
        y             = to;
    }
}

static void mix_rows(uint64_t a[25])
{
    for (int y = 0; y < 25; y += 5) {
        uint64_t row[5];

        memcpy(row, a + y, sizeof row);
        for (int x = 0; x < 5; x++)
            a[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
}

static void keccak(uint8_t state[200])
{
    uint64_t a[25];
    uint8_t  lfsr = 1;

    for (int i = 0; i < 25; i++)
        a[i] = load_le64(state + 8 * i);
    for (int round = 0; round < 24; round++) {
        mix_columns(a);
        move_lanes(a);
        mix_rows(a);
        a[0] ^= round_constant(&lfsr);
    }
    for (int i = 0; i < 25; i++)
        store_le64(state + 8 * i, a[i]);
    explicit_bzero(a, sizeof a);
}

/* ---- STROBE ---- */

static void permute(struct transcript *t)
{
    t->state[t->at] ^= t->begin;
    t->state[t->at + 1] ^= 0x04;
    t->state[RATE + 1] ^= 0x80;
    keccak(t->state);
    t->at    = 0;
    t->begin = 0;
}

static void absorb(struct transcript *t, struct span in)
{
    for (size_t i = 0; i < in.n; i++) {
        t->state[t->at++] ^= in.p[i];
        if (t->at == RATE)
            permute(t);
    }
}

static void begin(struct transcript *t, uint8_t flags)
{
    uint8_t start[2] = { t->begin, flags };

    t->begin = (uint8_t)(t->at + 1);
    absorb(t, SPAN_OF(start));
    if ((flags & FLAG_C) && t->at != 0)
        permute(t);
}

/* The label of an operation and the length of its data. */
static void announce(struct transcript *t, const char *label, size_t n)
{
    uint8_t length[4];

    must(n <= UINT32_MAX);
    store_le32(length, (uint32_t)n);
    begin(t, META);
    absorb(t, span_str(label));
    absorb(t, SPAN_OF(length));
}

/* ---- Merlin ---- */

void transcript_init(struct transcript *t, const char *label)
{
    static const uint8_t head[] = { 1, RATE + 2, 1, 0, 1, 96 };
    static const char    name[] = "STROBEv1.0.2";

    memset(t, 0, sizeof *t);
    memcpy(t->state, head, sizeof head);
    memcpy(t->state + sizeof head, name, sizeof name - 1);
    keccak(t->state);
    begin(t, META);
    absorb(t, span_str("Merlin v1.0"));
    transcript_append(t, "dom-sep", span_str(label));
}

void transcript_append(struct transcript *t, const char *label,
                       struct span message)
{
    announce(t, label, message.n);
    begin(t, AD);
    absorb(t, message);
}

void transcript_extract(struct transcript *t, const char *label, uint8_t *out,
                        size_t n)
{
    announce(t, label, n);
    begin(t, PRF);
    for (size_t i = 0; i < n; i++) {
        out[i]            = t->state[t->at];
        t->state[t->at++] = 0;
        if (t->at == RATE)
            permute(t);
    }
}

void transcript_wipe(struct transcript *t)
{
    explicit_bzero(t, sizeof *t);
}
