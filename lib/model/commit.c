#include "model/block.h"

#include "base/limits.h"
#include "base/sort.h"
#include "model/tree.h"
#include "model/validators.h"
#include "model/vote.h"

/* ---- what is well formed ---- */

static enum reject sig_check_parts(int32_t flag, struct span address,
                                   struct stamp time, struct span signature)
{
    switch ((uint8_t)flag) {
    case FLAG_ABSENT:
        return address.n || signature.n || !stamp_is_zero(time)
                   ? REJECT_MISMATCH
                   : ACCEPT;
    case FLAG_COMMIT:
    case FLAG_NIL: break;
    default: return REJECT_RANGE;
    }
    if (signature.n == 0)
        return REJECT_MISSING;
    if (address.n != ADDRESS_BYTES || signature.n > SIGNATURE_BYTES_MAX)
        return REJECT_LENGTH;
    return ACCEPT;
}

enum reject commit_sig_validate(const struct commit_sig *s)
{
    return sig_check_parts(s->block_id_flag, s->validator_address, s->timestamp,
                           s->signature);
}

static enum reject extended_sig_check(const struct extended_commit_sig *s)
{
    enum reject r = sig_check_parts(s->block_id_flag, s->validator_address,
                                    s->timestamp, s->signature);

    if (r)
        return r;
    if ((uint8_t)s->block_id_flag == FLAG_COMMIT)
        return s->extension.n > EXTENSION_BYTES_MAX ||
                       s->extension_signature.n > SIGNATURE_BYTES_MAX
                   ? REJECT_LENGTH
                   : ACCEPT;
    return s->extension.n && s->extension_signature.n == 0 ? REJECT_MISSING
                                                           : ACCEPT;
}

static enum reject check_frame(int64_t height, int32_t round,
                               const struct block_id *id, size_t sigs)
{
    if (height < 0 || round < 0)
        return REJECT_RANGE;
    if (height > 0 && (block_id_is_nil(id) || sigs == 0))
        return REJECT_MISSING;
    return ACCEPT;
}

enum reject commit_validate_basic(const struct commit *c)
{
    enum reject r =
        check_frame(c->height, c->round, &c->block_id, c->signatures.n);

    if (c->height > 0)
        for (size_t i = 0; i < c->signatures.n && !r; i++)
            r = commit_sig_validate(&c->signatures.v[i]);
    return r;
}

enum reject commit_check(const struct commit *c)
{
    enum reject r = commit_validate_basic(c);

    if (!r)
        r = block_id_validate(&c->block_id);
    if (c->height <= 0) /* else checked already */
        for (size_t i = 0; i < c->signatures.n && !r; i++)
            r = commit_sig_validate(&c->signatures.v[i]);
    return r;
}

enum reject commit_validate(struct commit *c)
{
    enum reject r = commit_check(c);

    for (size_t i = 0; i < c->signatures.n && !r; i++)
        c->signatures.v[i].block_id_flag = commit_sig_flag(&c->signatures.v[i]);
    return r;
}

enum reject extended_commit_validate(struct extended_commit *c)
{
    enum reject r = check_frame(c->height, c->round, &c->block_id,
                                c->extended_signatures.n);

    if (!r)
        r = block_id_validate(&c->block_id);
    for (size_t i = 0; i < c->extended_signatures.n && !r; i++) {
        struct extended_commit_sig *s = &c->extended_signatures.v[i];

        r                = extended_sig_check(s);
        s->block_id_flag = (uint8_t)s->block_id_flag;
    }
    return r;
}

enum reject extended_commit_ensure(const struct extended_commit *c,
                                   bool                          are_enabled)
{
    for (size_t i = 0; i < c->extended_signatures.n; i++) {
        const struct extended_commit_sig *s = &c->extended_signatures.v[i];

        if (are_enabled && s->block_id_flag == FLAG_COMMIT) {
            if (s->extension_signature.n == 0)
                return REJECT_MISSING;
        } else if (s->extension.n || s->extension_signature.n) {
            return REJECT_MISMATCH;
        }
    }
    return ACCEPT;
}

bool commit_hash(struct hash *out, const struct commit *c, struct arena *a)
{
    struct tree t;

    tree_begin(&t);
    for (size_t i = 0; i < c->signatures.n; i++) {
        struct commit_sig s = c->signatures.v[i];

        s.block_id_flag = commit_sig_flag(&s);
        if (!tree_add_message(&t, &commit_sig_desc, &s, a))
            return false;
    }
    tree_end(&t, out);
    return true;
}

/* ---- votes and entries ---- */

struct vote commit_vote(const struct commit *c, size_t i)
{
    const struct commit_sig *s = &c->signatures.v[i];
    struct vote              v = { .type = TYPE_PRECOMMIT };

    v.height            = c->height;
    v.round             = c->round;
    v.timestamp         = s->timestamp;
    v.validator_address = s->validator_address;
    v.validator_index   = (int32_t)i;
    v.signature         = s->signature;
    if (commit_sig_flag(s) == FLAG_COMMIT)
        v.block_id = c->block_id;
    return v;
}

struct vote extended_commit_vote(const struct extended_commit *c, size_t i)
{
    const struct extended_commit_sig *s = &c->extended_signatures.v[i];
    struct vote                       v = { .type = TYPE_PRECOMMIT };

    v.height              = c->height;
    v.round               = c->round;
    v.timestamp           = s->timestamp;
    v.validator_address   = s->validator_address;
    v.validator_index     = (int32_t)i;
    v.signature           = s->signature;
    v.extension           = s->extension;
    v.extension_signature = s->extension_signature;
    if ((uint8_t)s->block_id_flag == FLAG_COMMIT)
        v.block_id = c->block_id;
    return v;
}

struct span commit_sign_bytes(const struct commit *c, size_t i,
                              struct span chain_id, struct arena *a)
{
    int32_t     flag = commit_sig_flag(&c->signatures.v[i]);
    struct vote v    = commit_vote(c, i);

    if (flag < FLAG_ABSENT || flag > FLAG_NIL)
        return (struct span){ 0 };
    return vote_sign_bytes(&v, chain_id, a);
}

struct commit_sig commit_sig_of(const struct vote *v)
{
    if (!v)
        return (struct commit_sig){ .block_id_flag = FLAG_ABSENT,
                                    .timestamp     = STAMP_ZERO };
    return (struct commit_sig){
        .block_id_flag = block_id_is_nil(&v->block_id) ? FLAG_NIL : FLAG_COMMIT,
        .validator_address = v->validator_address,
        .timestamp         = v->timestamp,
        .signature         = v->signature,
    };
}

struct extended_commit_sig extended_commit_sig_of(const struct vote *v)
{
    struct commit_sig s = commit_sig_of(v);

    return (struct extended_commit_sig){
        .block_id_flag       = s.block_id_flag,
        .validator_address   = s.validator_address,
        .timestamp           = s.timestamp,
        .signature           = s.signature,
        .extension           = v ? v->extension : (struct span){ 0 },
        .extension_signature = v ? v->extension_signature : (struct span){ 0 },
    };
}

struct commit *extended_commit_strip(const struct extended_commit *c,
                                     struct arena                 *a)
{
    size_t             n    = c->extended_signatures.n;
    struct commit     *out  = arena_new(a, struct commit);
    struct commit_sig *sigs = arena_newn(a, struct commit_sig, n);

    if (!out || !sigs)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const struct extended_commit_sig *s = &c->extended_signatures.v[i];

        sigs[i] = (struct commit_sig){ s->block_id_flag, s->validator_address,
                                       s->timestamp, s->signature };
    }
    out->height       = c->height;
    out->round        = c->round;
    out->block_id     = c->block_id;
    out->signatures.v = sigs;
    out->signatures.n = n;
    return out;
}

/* ---- BFT time ---- */

struct weighted {
    struct stamp time;
    int64_t      power;
};

static bool earlier(const void *a, const void *b, const void *ctx)
{
    UNUSED(ctx);
    return stamp_cmp(((const struct weighted *)a)->time,
                     ((const struct weighted *)b)->time) < 0;
}

/* The time at which half the power is reached, in order of time. */
static struct stamp weighted_median(struct weighted *w, size_t n, int64_t total)
{
    int64_t left = total / 2;

    sort_items(w, n, sizeof *w, earlier, NULL);
    for (size_t i = 0; i < n; i++) {
        if (left <= w[i].power)
            return w[i].time;
        left -= w[i].power;
    }
    return STAMP_ZERO;
}

bool commit_median_time(struct stamp *out, const struct commit *c,
                        const struct validators *vals, struct arena *a)
{
    size_t           n = 0, mark = a->used;
    uint64_t         total = 0;
    struct weighted *w     = arena_newn(a, struct weighted, c->signatures.n);

    for (size_t i = 0; w && i < c->signatures.n; i++) {
        const struct commit_sig *s = &c->signatures.v[i];
        int64_t                  at;

        if (commit_sig_flag(s) == FLAG_ABSENT)
            continue;
        at = validators_find(vals, s->validator_address);
        if (at < 0)
            return false;
        w[n++] = (struct weighted){ s->timestamp, vals->v[at].power };
        total += (uint64_t)vals->v[at].power;
    }
    if (!w)
        return false;
    *out    = weighted_median(w, n, (int64_t)total);
    a->used = mark;
    return true;
}
