/* States: what an application and a stored state can do to a set.
 *
 * Input:       a stored state; also read as changes, five bytes each.
 * Properties:  a state that decodes encodes to the same for ever; a copy is
 *              equal; after any accepted change sets are sorted, their total
 *              is the sum, at most TOTAL_POWER_MAX, priorities are centred
 *              and span at most four times it (two before a turn); a refused
 * change changes nothing. */
#include "fuzz.h"

#include "model/state.h"

static void check_codec(const struct chain_state *s)
{
    struct span        bytes = state_encode(s, &fuzz_arena);
    struct chain_state again;

    must(bytes.p);
    must(state_decode(&again, bytes, &fuzz_arena) == ACCEPT);
    must(span_eq(state_encode(&again, &fuzz_arena), bytes));
    must(state_copy(&again, s, &fuzz_arena));
    must(span_eq(state_encode(&again, &fuzz_arena), bytes));
}

static bool stands_before(const struct val *a, const struct val *b)
{
    if (a->power != b->power)
        return a->power > b->power;
    return memcmp(a->address, b->address, ADDRESS_BYTES) < 0;
}

/* Of a set of our own making. */
static void check_set(const struct validators *s)
{
    __int128 sum = 0, total = 0;
    int64_t  low = INT64_MAX, high = INT64_MIN;

    for (size_t i = 0; i < s->n; i++) {
        const struct val *v = &s->v[i];

        must(v->power > 0);
        must(i == 0 || stands_before(&s->v[i - 1], v));
        must(validators_find(s, SPAN_OF(v->address)) == (int64_t)i);
        sum += v->priority;
        total += v->power;
        low  = v->priority < low ? v->priority : low;
        high = v->priority > high ? v->priority : high;
    }
    must(total == s->total && total <= TOTAL_POWER_MAX);
    must(sum > -(__int128)s->n && sum < (__int128)s->n);
    must((__int128)high - low <= (__int128)4 * total);
}

static struct val change_of(struct span *in)
{
    struct val v     = { .key = { .type = KEY_TYPE_ED25519 } };
    uint64_t   shift = fuzz_take(in, 1) % 64;

    v.key.b[0] = (uint8_t)fuzz_take(in, 1) % 16;
    v.power    = (int64_t)(fuzz_take(in, 2) << shift);
    pubkey_address(v.address, &v.key);
    return v;
}

/* Heights on a chain that begins with one validator. */
static void walk(struct span in)
{
    struct val first     = { .power = 1, .key = { .type = KEY_TYPE_ED25519 } };
    struct chain_state s = { .initial_height = 1 }, next;
    struct header      h = { .height = 0 };
    struct val         changes[4];
    size_t             n;

    pubkey_address(first.address, &first.key);
    params_default(&s.params);
    must(state_init_chain(&s, &first, 1, NULL, in, &fuzz_arena) == ACCEPT);
    for (int i = 0; i < 16 && in.n; i++) {
        struct state_change c = { .header = &h, .validator_updates = changes };
        struct span         before = state_encode(&s, &fuzz_arena);

        n = fuzz_take(&in, 1) % 5;
        for (size_t k = 0; k < n; k++)
            changes[k] = change_of(&in);
        c.validator_update_count = n;
        h.height++;
        if (state_next(&next, &s, &c, &fuzz_arena) != ACCEPT) {
            must(span_eq(state_encode(&s, &fuzz_arena), before));
            continue;
        }
        s = next;
        check_set(&s.next_validators);
    }
    check_codec(&s);
}

void fuzz_one(struct span in)
{
    struct chain_state s;
    size_t             n = in.n;

    if (state_decode(&s, in, &fuzz_arena) == ACCEPT) {
        struct span bytes = state_encode(&s, &fuzz_arena);

        must(bytes.p);
        must(state_decode(&s, bytes, &fuzz_arena) == ACCEPT);
        must(span_eq(state_encode(&s, &fuzz_arena), bytes));
        check_codec(&s);
        validators_increment(&s.next_validators, 3);
        check_codec(&s);
    }
    walk(SPAN(in.p, n < 256 ? n : 256));
}
