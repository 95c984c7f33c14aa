#include "rpcjson/evidence.h"

#include "crypto/key.h"
#include "json/read.h"

#include <stddef.h>

/* ---- structs, member by member ---- */

enum kind {
    INT_TEXT, /* int64_t as a string */
    UINT_TEXT,
    INT,  /* int32_t as a number */
    UINT, /* uint32_t */
    HEX,
    BASE64,
    TEXT,
    TIME,
    BLOCK_ID,
    PARTS,
    VERSION,
};

struct member {
    const char *name;
    enum kind   kind;
    size_t      at;
};

#define MEMBER(type, name, kind)                                               \
    {                                                                          \
#name, kind, offsetof(struct type, name)                               \
    }

struct reader {
    struct arena *a;
    const char   *name; /* of the member that is wrong */
};

static bool read_members(struct reader *r, void *out,
                         const struct json_value *v, const struct member *m,
                         size_t n);

#define READ(r, out, v, table) read_members(r, out, v, table, COUNT(table))

static const struct member part_members[] = {
    MEMBER(part_set_header, total, UINT),
    MEMBER(part_set_header, hash, HEX),
};
static const struct member block_id_members[] = {
    MEMBER(block_id, hash, HEX),
    { "parts", PARTS, offsetof(struct block_id, part_set_header) },
};
static const struct member version_members[] = {
    MEMBER(version, block, UINT_TEXT),
    MEMBER(version, app, UINT_TEXT),
};
static const struct member vote_members[] = {
    MEMBER(vote, type, INT),
    MEMBER(vote, height, INT_TEXT),
    MEMBER(vote, round, INT),
    MEMBER(vote, block_id, BLOCK_ID),
    MEMBER(vote, timestamp, TIME),
    MEMBER(vote, validator_address, HEX),
    MEMBER(vote, validator_index, INT),
    MEMBER(vote, signature, BASE64),
    MEMBER(vote, extension, BASE64),
    MEMBER(vote, extension_signature, BASE64),
};
static const struct member header_members[] = {
    MEMBER(header, version, VERSION),
    MEMBER(header, chain_id, TEXT),
    MEMBER(header, height, INT_TEXT),
    MEMBER(header, time, TIME),
    MEMBER(header, last_block_id, BLOCK_ID),
    MEMBER(header, last_commit_hash, HEX),
    MEMBER(header, data_hash, HEX),
    MEMBER(header, validators_hash, HEX),
    MEMBER(header, next_validators_hash, HEX),
    MEMBER(header, consensus_hash, HEX),
    MEMBER(header, app_hash, HEX),
    MEMBER(header, last_results_hash, HEX),
    MEMBER(header, evidence_hash, HEX),
    MEMBER(header, proposer_address, HEX),
};
static const struct member commit_sig_members[] = {
    MEMBER(commit_sig, block_id_flag, INT),
    MEMBER(commit_sig, validator_address, HEX),
    MEMBER(commit_sig, timestamp, TIME),
    MEMBER(commit_sig, signature, BASE64),
};
static const struct member commit_members[] = {
    MEMBER(commit, height, INT_TEXT),
    MEMBER(commit, round, INT),
    MEMBER(commit, block_id, BLOCK_ID),
};
static const struct member validator_members[] = {
    MEMBER(validator, address, HEX),
    MEMBER(validator, voting_power, INT_TEXT),
    MEMBER(validator, proposer_priority, INT_TEXT),
};
static const struct member duplicate_members[] = {
    { "TotalVotingPower", INT_TEXT,
      offsetof(struct duplicate_vote_evidence, total_voting_power) },
    { "ValidatorPower", INT_TEXT,
      offsetof(struct duplicate_vote_evidence, validator_power) },
    { "Timestamp", TIME, offsetof(struct duplicate_vote_evidence, timestamp) },
};
static const struct member attack_members[] = {
    { "CommonHeight", INT_TEXT,
      offsetof(struct light_client_attack_evidence, common_height) },
    { "TotalVotingPower", INT_TEXT,
      offsetof(struct light_client_attack_evidence, total_voting_power) },
    { "Timestamp", TIME,
      offsetof(struct light_client_attack_evidence, timestamp) },
};

static bool read_int(void *out, bool is_signed, const struct json_value *v)
{
    int64_t  i;
    int32_t  low;
    uint32_t high;

    if (!json_read_int(&i, v))
        return false;
    if (is_signed ? i < INT32_MIN || i > INT32_MAX : i < 0 || i > UINT32_MAX)
        return false;
    low  = (int32_t)i;
    high = (uint32_t)i;
    if (is_signed)
        memcpy(out, &low, sizeof low);
    else
        memcpy(out, &high, sizeof high);
    return true;
}

static bool read_text(struct span *out, const struct json_value *v,
                      struct arena *a)
{
    if (!json_read_str(out, v))
        return false;
    *out = arena_copy(a, *out);
    return true;
}

static bool read_member(struct reader *r, void *out, enum kind kind,
                        const struct json_value *v)
{
    switch (kind) {
    case INT_TEXT: return json_read_int_text(out, v);
    case UINT_TEXT: return json_read_uint_text(out, v);
    case INT: return read_int(out, true, v);
    case UINT: return read_int(out, false, v);
    case HEX: return json_read_hex(out, v, r->a);
    case BASE64: return json_read_base64(out, v, r->a);
    case TEXT: return read_text(out, v, r->a);
    case TIME: return json_read_stamp(out, v);
    case BLOCK_ID: return READ(r, out, v, block_id_members);
    case PARTS: return READ(r, out, v, part_members);
    case VERSION: return READ(r, out, v, version_members);
    }
    return false;
}

static bool is_absent(const struct json_value *v)
{
    return !v || json_is(v, JV_NULL);
}

static bool wrong(struct reader *r, const char *name)
{
    if (!r->name)
        r->name = name;
    return false;
}

static bool read_members(struct reader *r, void *out,
                         const struct json_value *v, const struct member *m,
                         size_t n)
{
    if (!json_is(v, JV_OBJECT))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct json_value *x  = json_get(v, m[i].name);
        void                    *to = (uint8_t *)out + m[i].at;

        if (is_absent(x)) {
            if (m[i].kind == TIME)
                *(struct stamp *)to = STAMP_ZERO;
        } else if (!read_member(r, to, m[i].kind, x)) {
            return wrong(r, m[i].name);
        }
    }
    return true;
}

/* ---- what hangs on pointers and in lists ---- */

static bool read_vote(struct reader *r, struct vote **out,
                      const struct json_value *v)
{
    if (is_absent(v))
        return true;
    *out = arena_new(r->a, struct vote);
    return *out && READ(r, *out, v, vote_members);
}

static bool read_key(struct reader *r, struct public_key *out,
                     const struct json_value *v)
{
    struct span type;

    if (is_absent(v))
        return true;
    if (!json_read_str(&type, json_get(v, "type")))
        return wrong(r, "pub_key");
    if (span_eq(type, span_str("tendermint/PubKeyEd25519")))
        out->type = KEY_ED25519;
    else if (span_eq(type, span_str("tendermint/PubKeySecp256k1")))
        out->type = KEY_SECP256K1;
    else
        return wrong(r, "pub_key");
    return json_read_base64(&out->bytes, json_get(v, "value"), r->a);
}

static bool read_validator(struct reader *r, struct validator *out,
                           const struct json_value *v)
{
    return READ(r, out, v, validator_members) &&
           read_key(r, &out->pub_key, json_get(v, "pub_key"));
}

static bool read_validators(struct reader *r, struct validator **out, size_t *n,
                            const struct json_value *v)
{
    if (is_absent(v))
        return true;
    *out = arena_newn(r->a, struct validator, json_count(v) + 1);
    if (!json_is(v, JV_ARRAY) || !*out)
        return wrong(r, "validators");
    for (size_t i = 0; i < json_count(v); i++)
        if (!read_validator(r, &(*out)[i], json_item(v, i)))
            return wrong(r, "validators");
    *n = json_count(v);
    return true;
}

static bool read_set(struct reader *r, struct validator_set_msg **out,
                     const struct json_value *v)
{
    const struct json_value  *proposer = json_get(v, "proposer");
    struct validator_set_msg *s;

    if (is_absent(v))
        return true;
    *out = s = arena_new(r->a, struct validator_set_msg);
    if (!s || !read_validators(r, &s->validators.v, &s->validators.n,
                               json_get(v, "validators")))
        return false;
    if (is_absent(proposer))
        return true;
    s->proposer = arena_new(r->a, struct validator);
    return s->proposer && read_validator(r, s->proposer, proposer);
}

static bool read_commit(struct reader *r, struct commit **out,
                        const struct json_value *v)
{
    const struct json_value *l = json_get(v, "signatures");
    struct commit           *c;

    if (is_absent(v))
        return true;
    *out = c = arena_new(r->a, struct commit);
    if (!c || !READ(r, c, v, commit_members))
        return false;
    c->signatures.v = arena_newn(r->a, struct commit_sig, json_count(l) + 1);
    if (!c->signatures.v || (!is_absent(l) && !json_is(l, JV_ARRAY)))
        return wrong(r, "signatures");
    for (size_t i = 0; i < json_count(l); i++)
        if (!READ(r, &c->signatures.v[i], json_item(l, i), commit_sig_members))
            return wrong(r, "signatures");
    c->signatures.n = json_count(l);
    return true;
}

static bool read_signed_header(struct reader *r, struct signed_header **out,
                               const struct json_value *v)
{
    const struct json_value *header = json_get(v, "header");

    if (is_absent(v))
        return true;
    *out = arena_new(r->a, struct signed_header);
    if (!*out || !read_commit(r, &(*out)->commit, json_get(v, "commit")))
        return false;
    if (is_absent(header))
        return true;
    (*out)->header = arena_new(r->a, struct header);
    return (*out)->header && READ(r, (*out)->header, header, header_members);
}

static bool read_light_block(struct reader *r, struct light_block **out,
                             const struct json_value *v)
{
    if (is_absent(v))
        return true;
    *out = arena_new(r->a, struct light_block);
    return *out &&
           read_signed_header(r, &(*out)->signed_header,
                              json_get(v, "signed_header")) &&
           read_set(r, &(*out)->validator_set, json_get(v, "validator_set"));
}

/* ---- evidence ---- */

static bool read_duplicate(struct reader *r, struct evidence *out,
                           const struct json_value *v)
{
    struct duplicate_vote_evidence *e =
        arena_new(r->a, struct duplicate_vote_evidence);

    out->which                   = EVIDENCE_DUPLICATE_VOTE;
    out->duplicate_vote_evidence = e;
    return e && READ(r, e, v, duplicate_members) &&
           read_vote(r, &e->vote_a, json_get(v, "vote_a")) &&
           read_vote(r, &e->vote_b, json_get(v, "vote_b"));
}

static bool read_attack(struct reader *r, struct evidence *out,
                        const struct json_value *v)
{
    struct light_client_attack_evidence *e =
        arena_new(r->a, struct light_client_attack_evidence);

    out->which                        = EVIDENCE_LIGHT_CLIENT;
    out->light_client_attack_evidence = e;
    return e && READ(r, e, v, attack_members) &&
           read_light_block(r, &e->conflicting_block,
                            json_get(v, "ConflictingBlock")) &&
           read_validators(r, &e->byzantine_validators.v,
                           &e->byzantine_validators.n,
                           json_get(v, "ByzantineValidators"));
}

static const char *kind_name(const struct json_value *v)
{
    static const char *const names[] = {
        [JV_NULL] = "null",     [JV_BOOL] = "bool",     [JV_INT] = "number",
        [JV_REAL] = "number",   [JV_STRING] = "string", [JV_ARRAY] = "array",
        [JV_OBJECT] = "object",
    };

    for (size_t i = 0; i < COUNT(names); i++)
        if (json_is(v, (enum json_kind)i))
            return names[i];
    return "";
}

static void wrong_wrapper(const struct json_value *v, struct buf *error)
{
    if (json_is(v, JV_OBJECT))
        buf_printf(error,
                   "json: cannot unmarshal %s into Go struct field "
                   "interfaceWrapper.type of type string",
                   kind_name(json_get_folded(v, "type")));
    else
        buf_printf(error,
                   "json: cannot unmarshal %s into Go value of type "
                   "json.interfaceWrapper",
                   kind_name(v));
}

static bool read_wrapped(struct reader *r, struct evidence *out,
                         const struct json_value *v, struct buf *error)
{
    const struct json_value *value = json_get_folded(v, "value");
    struct span              type  = { 0 };
    bool                     is_ok;

    if (!json_is(v, JV_OBJECT) ||
        (!json_read_str(&type, json_get_folded(v, "type")) &&
         !is_absent(json_get_folded(v, "type")))) {
        wrong_wrapper(v, error);
        return false;
    }
    if (type.n == 0) {
        buf_str(error, "interface type cannot be empty");
        return false;
    }
    if (span_eq(type, span_str("tendermint/DuplicateVoteEvidence"))) {
        is_ok = read_duplicate(r, out, value);
    } else if (span_eq(type,
                       span_str("tendermint/LightClientAttackEvidence"))) {
        is_ok = read_attack(r, out, value);
    } else {
        buf_printf(error, "unknown type \"%.*s\"",
                   type.n > 100 ? 100 : (int)type.n, (const char *)type.p);
        return false;
    }
    if (!is_ok)
        buf_printf(error, "json: cannot unmarshal %s of evidence",
                   r->name ? r->name : "value");
    return is_ok;
}

bool rj_evidence_read(struct evidence *out, struct span text, struct arena *a,
                      struct buf *error)
{
    struct reader   r = { .a = a };
    struct json_doc d;
    bool            is_ok;

    *out = (struct evidence){ 0 };
    if (json_doc_parse(&d, text, JSON_KEYS_LAST_WINS) != ACCEPT) {
        buf_str(error, d.why);
        return false;
    }
    is_ok = json_is(d.root, JV_NULL) || read_wrapped(&r, out, d.root, error);
    json_doc_fini(&d);
    return is_ok;
}
