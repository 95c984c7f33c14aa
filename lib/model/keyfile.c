/* The files that hold keys and what was signed last; see genesis.h. */
#include "model/genesis.h"
#include "json/read.h"

enum { SECRET_BYTES_MAX = 96 };

/* {type, value} of a private key. */
static enum reject read_privkey(struct privkey *k, const struct json_value *v,
                                const char **why)
{
    uint8_t       mem[SECRET_BYTES_MAX + 16];
    struct arena  a;
    struct span   type, bytes;
    enum key_type t    = KEY_TYPE_NONE;
    enum reject   code = ACCEPT;

    *why = "priv_key: expected {\"type\": ..., \"value\": base64}";
    arena_use(&a, mem, sizeof mem);
    if (!json_read_str(&type, json_get(v, "type")) ||
        !json_read_base64(&bytes, json_get(v, "value"), &a))
        code = REJECT_MALFORMED;
    else if (span_eq(type, span_str("tendermint/PrivKeyEd25519")))
        t = KEY_TYPE_ED25519;
    else if (span_eq(type, span_str("tendermint/PrivKeySecp256k1")))
        t = KEY_TYPE_SECP256K1;
    if (!code && t == KEY_TYPE_NONE) {
        *why = "priv_key.type: expected tendermint/PrivKeyEd25519 or "
               "tendermint/PrivKeySecp256k1";
        code = REJECT_RANGE;
    }
    if (!code && (bytes.n != (t == KEY_TYPE_ED25519 ? 64 : 32) ||
                  !privkey_make(k, t, bytes))) {
        *why = t == KEY_TYPE_ED25519
                   ? "priv_key.value: expected 64 bytes whose halves match"
                   : "priv_key.value: expected 32 bytes of a valid key";
        code = REJECT_MISMATCH;
    }
    explicit_bzero(mem, sizeof mem);
    return code;
}

static void write_privkey(struct json_writer *w, const struct privkey *k)
{
    bool is_ed25519 = k->type == KEY_TYPE_ED25519;

    jw_key(w, "priv_key");
    jw_object(w);
    JW(w, "type", cstr,
       is_ed25519 ? "tendermint/PrivKeyEd25519"
                  : "tendermint/PrivKeySecp256k1");
    JW(w, "value", base64_text, SPAN(k->b, is_ed25519 ? 64 : 32));
    jw_object_end(w);
}

enum reject node_key_parse(struct privkey *k, struct span json,
                           const char **why)
{
    struct json_doc d;
    enum reject     code;

    *why = "expected {\"priv_key\": {...}}, each key once";
    if (json_doc_parse(&d, json, JSON_KEYS_UNIQUE))
        return REJECT_MALFORMED;
    code = read_privkey(k, json_get(d.root, "priv_key"), why);
    if (!code && k->type != KEY_TYPE_ED25519) {
        *why = "priv_key.type: expected tendermint/PrivKeyEd25519";
        code = REJECT_RANGE;
    }
    json_doc_fini(&d);
    if (code)
        privkey_wipe(k);
    return code;
}

void node_key_print(struct buf *out, const struct privkey *k)
{
    struct json_writer w;

    jw_init(&w, out, 0);
    jw_object(&w);
    write_privkey(&w, k);
    jw_object_end(&w);
}

/* The public half and the address in the file must be those of the key. */
static enum reject check_public(const struct privkey    *k,
                                const struct json_value *root, const char **why)
{
    uint8_t       address[ADDRESS_BYTES], mem[256];
    struct pubkey pub;
    struct span   found, type;
    struct arena  a;

    arena_use(&a, mem, sizeof mem);
    privkey_public(&pub, k);
    pubkey_address(address, &pub);
    *why = "address: is not that of the private key";
    if (!json_read_hex(&found, json_get(root, "address"), &a) ||
        !span_eq(found, SPAN_OF(address)))
        return REJECT_MISMATCH;
    root = json_get(root, "pub_key");
    *why = "pub_key: is not that of the private key";
    if (!json_read_str(&type, json_get(root, "type")) ||
        !json_read_base64(&found, json_get(root, "value"), &a) ||
        !span_eq(type, span_str(pub.type == KEY_TYPE_ED25519
                                    ? "tendermint/PubKeyEd25519"
                                    : "tendermint/PubKeySecp256k1")) ||
        !span_eq(found, pubkey_span(&pub)))
        return REJECT_MISMATCH;
    return ACCEPT;
}

enum reject validator_key_parse(struct privkey *k, struct span json,
                                const char **why)
{
    struct json_doc d;
    enum reject     code;

    *why = "expected {\"address\", \"pub_key\", \"priv_key\"}, each once";
    if (json_doc_parse(&d, json, JSON_KEYS_UNIQUE))
        return REJECT_MALFORMED;
    code = read_privkey(k, json_get(d.root, "priv_key"), why);
    if (!code)
        code = check_public(k, d.root, why);
    json_doc_fini(&d);
    if (code)
        privkey_wipe(k);
    return code;
}

void validator_key_print(struct buf *out, const struct privkey *k)
{
    uint8_t            address[ADDRESS_BYTES];
    struct json_writer w;
    struct pubkey      pub;

    privkey_public(&pub, k);
    pubkey_address(address, &pub);
    jw_init(&w, out, 2);
    jw_object(&w);
    JW(&w, "address", hex_upper, SPAN_OF(address));
    jw_key(&w, "pub_key");
    pubkey_write(&w, pub.type, pubkey_span(&pub));
    write_privkey(&w, k);
    jw_object_end(&w);
}

/* ---- the last signature ---- */

static enum reject read_sign_state(struct sign_state       *s,
                                   const struct json_value *root,
                                   struct arena *a, const char **why)
{
    const struct json_value *sig   = json_get(root, "signature");
    const struct json_value *bytes = json_get(root, "signbytes");
    int64_t                  round, step;

    *why = "height: expected a number in quotes, 0 or more";
    if (!json_read_int_text(&s->height, json_get(root, "height")) ||
        s->height < 0)
        return REJECT_RANGE;
    *why = "round: expected a number, 0 or more";
    if (!json_read_int(&round, json_get(root, "round")) || round < 0 ||
        round > INT32_MAX)
        return REJECT_RANGE;
    *why = "step: expected 0 (none), 1 (propose), 2 (prevote) or 3 (precommit)";
    if (!json_read_int(&step, json_get(root, "step")) || step < 0 || step > 3)
        return REJECT_RANGE;
    s->round = (int32_t)round;
    s->step  = (int8_t)step;
    *why     = "signature: expected base64 of at most 64 bytes";
    if (sig && (!json_read_base64(&s->signature, sig, a) ||
                s->signature.n > SIGNATURE_BYTES_MAX))
        return REJECT_MALFORMED;
    *why = "signbytes: expected hex digits in pairs";
    if (bytes && !json_is(bytes, JV_NULL) &&
        !json_read_hex(&s->sign_bytes, bytes, a))
        return REJECT_MALFORMED;
    *why = "signature and signbytes: expected both or neither";
    return (s->signature.n == 0) == (s->sign_bytes.n == 0) ? ACCEPT
                                                           : REJECT_MISMATCH;
}

enum reject sign_state_parse(struct sign_state *s, struct span json,
                             struct arena *a, const char **why)
{
    struct json_doc d;
    enum reject     code;

    *s   = (struct sign_state){ 0 };
    *why = "expected {\"height\", \"round\", \"step\", ...}, each key once";
    if (json_doc_parse(&d, json, JSON_KEYS_UNIQUE))
        return REJECT_MALFORMED;
    code = read_sign_state(s, d.root, a, why);
    json_doc_fini(&d);
    return code;
}

void sign_state_print(struct buf *out, const struct sign_state *s)
{
    struct json_writer w;

    jw_init(&w, out, 2);
    jw_object(&w);
    JW(&w, "height", int_text, s->height);
    JW(&w, "round", int, s->round);
    JW(&w, "step", int, s->step);
    if (s->signature.n)
        JW(&w, "signature", base64_text, s->signature);
    if (s->sign_bytes.n)
        JW(&w, "signbytes", hex_upper, s->sign_bytes);
    jw_object_end(&w);
}
