#include "light.h"

#include "base/text.h"

/* ---- reading ---- */

static bool read_number(int64_t *out, const struct json_value *v)
{
    return json_read_int_text(out, v) || json_read_int(out, v);
}

static bool read_i32(int32_t *out, const struct json_value *v)
{
    int64_t n;

    if (!read_number(&n, v) || n < INT32_MIN || n > INT32_MAX)
        return false;
    *out = (int32_t)n;
    return true;
}

static bool read_block_id(struct block_id *out, const struct json_value *v,
                          struct arena *a)
{
    const struct json_value *parts = json_get(v, "parts");
    int64_t                  total;

    if (!json_read_hex(&out->hash, json_get(v, "hash"), a) ||
        !read_number(&total, json_get(parts, "total")) || total < 0 ||
        total > UINT32_MAX ||
        !json_read_hex(&out->part_set_header.hash, json_get(parts, "hash"), a))
        return false;
    out->part_set_header.total = (uint32_t)total;
    return true;
}

/* Zeroes may be left out of a version, as CometBFT does. */
static bool read_version(struct version *out, const struct json_value *v)
{
    uint64_t app = 0;

    if (!json_read_uint_text(&out->block, json_get(v, "block")))
        return false;
    if (json_get(v, "app") && !json_read_uint_text(&app, json_get(v, "app")))
        return false;
    out->app = app;
    return true;
}

bool light_read_header(struct header *h, const struct json_value *v,
                       struct arena *a)
{
    const struct {
        const char  *key;
        struct span *out;
    } hashes[] = {
        { "last_commit_hash", &h->last_commit_hash },
        { "data_hash", &h->data_hash },
        { "validators_hash", &h->validators_hash },
        { "next_validators_hash", &h->next_validators_hash },
        { "consensus_hash", &h->consensus_hash },
        { "app_hash", &h->app_hash },
        { "last_results_hash", &h->last_results_hash },
        { "evidence_hash", &h->evidence_hash },
        { "proposer_address", &h->proposer_address },
    };

    *h = (struct header){ .height = 0 };
    if (!read_version(&h->version, json_get(v, "version")) ||
        !json_read_str(&h->chain_id, json_get(v, "chain_id")) ||
        !read_number(&h->height, json_get(v, "height")) ||
        !json_read_stamp(&h->time, json_get(v, "time")) ||
        !read_block_id(&h->last_block_id, json_get(v, "last_block_id"), a))
        return false;
    for (size_t i = 0; i < COUNT(hashes); i++)
        if (!json_read_hex(hashes[i].out, json_get(v, hashes[i].key), a))
            return false;
    return header_validate(h) == ACCEPT;
}

static bool read_signature(struct commit_sig *out, const struct json_value *v,
                           struct arena *a)
{
    *out = (struct commit_sig){ .timestamp = STAMP_ZERO };
    if (!read_i32(&out->block_id_flag, json_get(v, "block_id_flag")) ||
        !json_read_hex(&out->validator_address,
                       json_get(v, "validator_address"), a))
        return false;
    if (out->block_id_flag == FLAG_ABSENT)
        return true;
    return json_read_stamp(&out->timestamp, json_get(v, "timestamp")) &&
           json_read_base64(&out->signature, json_get(v, "signature"), a);
}

bool light_read_commit(struct commit *c, const struct json_value *v,
                       struct arena *a)
{
    const struct json_value *list = json_get(v, "signatures");
    size_t                   n    = json_count(list);

    *c = (struct commit){ .height = 0 };
    if (n > VOTES_MAX || !read_number(&c->height, json_get(v, "height")) ||
        !read_i32(&c->round, json_get(v, "round")) ||
        !read_block_id(&c->block_id, json_get(v, "block_id"), a))
        return false;
    c->signatures.v = arena_newn(a, struct commit_sig, n + 1);
    c->signatures.n = n;
    for (size_t i = 0; i < n && c->signatures.v; i++)
        if (!read_signature(&c->signatures.v[i], json_item(list, i), a))
            return false;
    return c->signatures.v && commit_validate(c) == ACCEPT;
}

static bool read_validator(struct val *out, const struct json_value *v,
                           struct arena *a)
{
    const struct json_value *key = json_get(v, "pub_key");
    struct span              type, bytes;
    enum key_type            t = KEY_TYPE_NONE;

    *out = (struct val){ .power = 0 };
    if (!json_read_str(&type, json_get(key, "type")) ||
        !json_read_base64(&bytes, json_get(key, "value"), a) ||
        !read_number(&out->power, json_get(v, "voting_power")))
        return false;
    if (span_eq(type, span_str("tendermint/PubKeyEd25519")))
        t = KEY_TYPE_ED25519;
    else if (span_eq(type, span_str("tendermint/PubKeySecp256k1")))
        t = KEY_TYPE_SECP256K1;
    if (!pubkey_make(&out->key, t, bytes))
        return false;
    pubkey_address(out->address, &out->key);
    return true;
}

bool light_read_validators(struct validators *out, const struct json_value *v,
                           struct arena *a)
{
    size_t      n = json_count(v);
    struct val *vals;

    if (n == 0 || n > VOTES_MAX)
        return false;
    vals = arena_newn(a, struct val, n);
    for (size_t i = 0; i < n; i++)
        if (!vals || !read_validator(&vals[i], json_item(v, i), a))
            return false;
    return validators_new(out, vals, n, a) == ACCEPT;
}

const struct json_value *light_find_header(const struct json_value *root)
{
    static const char *const around[] = { "result", "signed_header", "block",
                                          "header" };

    for (size_t i = 0; i < COUNT(around); i++)
        if (json_get(root, around[i]))
            root = json_get(root, around[i]);
    return json_get(root, "app_hash") ? root : NULL;
}

/* ---- checking ---- */

const char *light_verify(const struct header *h, struct commit *c,
                         const struct validators *own,
                         const struct validators *trusted, struct arena *a)
{
    struct hash hash, set;

    if (!header_hash(&hash, h))
        return "the header has no validators";
    if (c->height != h->height || !span_eq(c->block_id.hash, hash_span(&hash)))
        return "the commit is of another block than the header";
    validators_hash(&set, own);
    if (!span_eq(h->validators_hash, hash_span(&set)))
        return "the validators are not those of the header";
    if (commit_verify_light(own, h->chain_id, &c->block_id, h->height, c, true,
                            a) != ACCEPT)
        return "the header is not signed by two thirds of its validators";
    if (commit_verify_trusting(trusted, h->chain_id, c, 1, 3, true, a) !=
        ACCEPT)
        return "less than a third of the genesis validators signed the"
               " header: the set has changed since; name the header with"
               " --trusted-hash or --header";
    return NULL;
}
