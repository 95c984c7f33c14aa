#include "store/store.h"

#include "model/block.h"
#include "model/validators.h"
#include "wire/walrec.h"

/* ---- keys ---- */

struct store_key height_key(int64_t height, enum height_kind kind)
{
    struct store_key k;

    store_be64(k.b, (uint64_t)height);
    k.b[8] = (uint8_t)kind;
    return k;
}

struct store_key set_key(enum set_kind kind, int64_t height)
{
    struct store_key k;

    k.b[0] = (uint8_t)kind;
    store_be64(k.b + 1, (uint64_t)height);
    return k;
}

bool height_of(int64_t *height, enum height_kind *kind, struct span key)
{
    if (key.n != STORE_KEY_BYTES)
        return false;
    *height = (int64_t)load_be64(key.p);
    *kind   = (enum height_kind)key.p[8];
    return true;
}

bool set_height_of(int64_t *height, enum set_kind kind, struct span key)
{
    if (key.n != STORE_KEY_BYTES || key.p[0] != kind)
        return false;
    *height = (int64_t)load_be64(key.p + 1);
    return true;
}

/* ---- records ---- */

void record_seal(uint8_t *out, struct span key, uint8_t flags, size_t payload_n)
{
    out[4] = flags;
    store_le32(out, crc32c(SPAN(out + 4, 1 + payload_n)) ^ crc32c(key));
}

bool record_open(struct record *r, struct span key, struct span in)
{
    if (in.n < RECORD_HEAD_BYTES ||
        (crc32c(SPAN(in.p + 4, in.n - 4)) ^ crc32c(key)) != load_le32(in.p))
        return false;
    r->flags   = in.p[4];
    r->payload = SPAN(in.p + RECORD_HEAD_BYTES, in.n - RECORD_HEAD_BYTES);
    return true;
}

/* ---- what a chain holds ---- */

void heads_encode(uint8_t out[HEADS_BYTES], const struct heads *h)
{
    const int64_t v[] = { h->lowest,  h->height,  h->evidence, h->state,
                          h->results, h->indexed, h->entries };

    for (size_t i = 0; i < COUNT(v); i++)
        store_le64(out + 8 * i, (uint64_t)v[i]);
}

bool heads_decode(struct heads *h, struct span in)
{
    int64_t *const v[] = { &h->lowest,  &h->height,  &h->evidence, &h->state,
                           &h->results, &h->indexed, &h->entries };

    if (in.n != HEADS_BYTES)
        return false;
    for (size_t i = 0; i < COUNT(v); i++) {
        *v[i] = (int64_t)load_le64(in.p + 8 * i);
        if (*v[i] < 0)
            return false;
    }
    return h->lowest <= h->height && h->evidence <= h->lowest;
}

size_t binding_encode(uint8_t out[BINDING_BYTES_MAX], const struct binding *b)
{
    size_t n = b->chain_id.n;

    must(n <= CHAIN_ID_BYTES_MAX && b->genesis_hash.n == HASH_BYTES);
    store_le64(out, (uint64_t)b->initial_height);
    memcpy(out + 8, b->genesis_hash.p, HASH_BYTES);
    if (n)
        memcpy(out + 8 + HASH_BYTES, b->chain_id.p, n);
    return 8 + HASH_BYTES + n;
}

bool binding_decode(struct binding *b, struct span in)
{
    if (in.n < 8 + HASH_BYTES || in.n > 8 + HASH_BYTES + CHAIN_ID_BYTES_MAX)
        return false;
    b->initial_height = (int64_t)load_le64(in.p);
    b->genesis_hash   = SPAN(in.p + 8, HASH_BYTES);
    b->chain_id       = SPAN(in.p + 8 + HASH_BYTES, in.n - 8 - HASH_BYTES);
    return true;
}

/* ---- blocks ---- */

/* The seen commit, from the extended one when there is one. */
static const char *seen_commit(struct span *out, const struct block_to_save *b,
                               struct arena *a)
{
    struct extended_commit ext;
    struct commit          c, *stripped;

    if (b->extended_commit.n == 0) {
        if (pb_decode(&commit_desc, &c, a, b->seen_commit) != ACCEPT)
            return "the seen commit does not decode";
        *out = b->seen_commit;
        return c.height == b->height ? NULL
                                     : "the seen commit is of another height";
    }
    if (pb_decode(&extended_commit_desc, &ext, a, b->extended_commit) != ACCEPT)
        return "the extended commit does not decode";
    stripped = extended_commit_strip(&ext, a);
    if (!stripped)
        return "out of memory";
    *out = pb_encode(&commit_desc, stripped, a);
    return ext.height == b->height ? NULL
                                   : "the extended commit is of another height";
}

const char *block_examine(struct block_facts         *out,
                          const struct block_to_save *b, struct span chain_id,
                          struct arena *a)
{
    struct block     *block = arena_new(a, struct block);
    struct block_meta meta  = { .block_size = (int64_t)b->block.n };
    const char       *why;

    if (!block || b->block.n > BLOCK_BYTES_MAX)
        return "the block is too large";
    if (pb_decode(&block_desc, block, a, b->block) != ACCEPT)
        return "the block does not decode";
    if (pb_decode(&block_id_desc, &meta.block_id, a, b->block_id) != ACCEPT)
        return "the block id does not decode";
    if (block->header.height != b->height)
        return "the block is of another height";
    if (!span_eq(block->header.chain_id, chain_id))
        return "the block is of another chain";
    if (!header_hash(&out->hash, &block->header) ||
        !span_eq(hash_span(&out->hash), meta.block_id.hash))
        return "the block is not the one its id names";
    why = seen_commit(&out->seen, b, a);
    if (why)
        return why;
    meta.header   = block->header;
    meta.num_txs  = (int64_t)block->data.txs.n;
    out->txs      = &block->data.txs;
    out->evidence = &block->evidence;
    out->meta     = pb_encode(&block_meta_desc, &meta, a);
    return out->meta.p && out->seen.p ? NULL : "out of memory";
}

bool block_may_follow(const struct heads *h, const struct binding *b,
                      int64_t height)
{
    if (h->height > 0)
        return height == h->height + 1;
    /* The first: at the beginning of the chain, or behind a state that was
     * taken over from others. */
    return height == (h->state > 0 ? h->state + 1 : b->initial_height);
}

struct span block_last_commit(struct span block, struct arena *a)
{
    enum { LAST_COMMIT = 4 };
    struct span     rest = block, bytes = SPAN(NULL, 0);
    struct pb_field f;
    struct block    b     = { 0 };
    int             times = 0;

    while (pb_next(&rest, &f) > 0)
        if (f.num == LAST_COMMIT && ++times)
            bytes = f.bytes;
    /* One given in pieces is put together by the whole decoder. */
    if (times == 1) {
        b.last_commit = arena_new(a, struct commit);
        if (!b.last_commit ||
            pb_decode(&commit_desc, b.last_commit, a, bytes) != ACCEPT)
            return SPAN(NULL, 0);
    } else if (pb_decode(&block_desc, &b, a, block) != ACCEPT) {
        return SPAN(NULL, 0);
    }
    return b.last_commit ? pb_encode(&commit_desc, b.last_commit, a)
                         : SPAN(NULL, 0);
}

/* ---- the state ---- */

bool state_examine(struct state_facts *out, struct span state)
{
    struct pb_field f;
    int             r;

    *out = (struct state_facts){ 0 };
    while ((r = pb_next(&state, &f)) > 0) {
        switch (f.num) {
        case 2: out->chain_id = f.bytes; break;
        case 3: out->height = (int64_t)f.value; break;
        case 6: out->next_validators = f.bytes; break;
        case 7: out->validators = f.bytes; break;
        case 8: out->last_validators = f.bytes; break;
        case 9: out->validators_changed = (int64_t)f.value; break;
        case 10: out->params = f.bytes; break;
        case 11: out->params_changed = (int64_t)f.value; break;
        case 14: out->initial_height = (int64_t)f.value; break;
        default: break;
        }
    }
    return r == 0 && out->height >= 0 && out->params.n > 0;
}

size_t state_sets(struct set_to_save        out[SETS_TO_SAVE_MAX],
                  const struct state_facts *s, bool is_whole)
{
    int64_t next = s->height ? s->height + 1 : s->initial_height;
    size_t  n    = 0;

    if (is_whole && s->height > 0 && s->last_validators.n > 0)
        out[n++] = (struct set_to_save){ SET_VALIDATORS, next - 1,
                                         s->last_validators };
    if (is_whole)
        out[n++] = (struct set_to_save){ SET_VALIDATORS, next, s->validators };
    if (is_whole || s->validators_changed == next + 1 ||
        (next + 1) % SET_EVERY == 0)
        out[n++] = (struct set_to_save){ SET_VALIDATORS, next + 1,
                                         s->next_validators };
    if (is_whole || s->params_changed == next)
        out[n++] = (struct set_to_save){ SET_PARAMS, next, s->params };
    return n;
}

bool state_may_follow(const struct heads *h, int64_t height)
{
    if (h->height == 0)
        return height >= h->state; /* before the first block: taken over */
    if (h->state == 0 || h->state < h->lowest)
        return height <= h->height && height >= h->lowest &&
               height < h->lowest + STATE_GAP_MAX;
    return height <= h->height && height <= h->state + STATE_GAP_MAX;
}

struct span validators_turned(struct span set, int64_t times, struct arena *a)
{
    struct validator_set_msg m, *turned;
    struct validators        v;

    if (times == 0 || set.n == 0)
        return set;
    if (times > INT32_MAX ||
        pb_decode(&validator_set_desc, &m, a, set) != ACCEPT ||
        validators_from_msg(&v, &m, a) != ACCEPT)
        return SPAN(NULL, 0);
    validators_increment(&v, (int32_t)times);
    turned = validators_to_msg(&v, a);
    return turned ? pb_encode(&validator_set_desc, turned, a) : SPAN(NULL, 0);
}

bool validators_are(struct span set, struct span hash, struct arena *a)
{
    struct validator_set_msg m;
    struct validators        v;
    struct hash              h;

    if (pb_decode(&validator_set_desc, &m, a, set) != ACCEPT ||
        validators_from_msg(&v, &m, a) != ACCEPT)
        return false;
    validators_hash(&h, &v);
    return span_eq(hash_span(&h), hash);
}
