#include "cosmos/keys.h"

#include "crypto/hash.h"

/* What distinguishes one type of key from the other. */
static const struct form {
    enum key_type type;
    uint8_t       size;
    uint8_t       amino[4];
    const char   *url, *amino_name;
} forms[] = {
    { KEY_TYPE_ED25519,
      32,
      { 0x16, 0x24, 0xde, 0x64 },
      "/cosmos.crypto.ed25519.PubKey",
      "tendermint/PubKeyEd25519" },
    { KEY_TYPE_SECP256K1,
      33,
      { 0xeb, 0x5a, 0xe9, 0x87 },
      "/cosmos.crypto.secp256k1.PubKey",
      "tendermint/PubKeySecp256k1" },
};

static const char multisig_url[]  = "/cosmos.crypto.multisig.LegacyAminoPubKey";
static const char multisig_name[] = "tendermint/PubKeyMultisigThreshold";
static const uint8_t multisig_prefix[] = { 0x22, 0xc1, 0xf7, 0xe2 };

static const struct form *form_of(const struct pubkey *k)
{
    for (size_t i = 0; i < COUNT(forms); i++)
        if (forms[i].type == k->type)
            return &forms[i];
    must(!"a key of a known type");
    return NULL;
}

enum key_type cosmos_key_type(struct span url)
{
    for (size_t i = 0; i < COUNT(forms); i++)
        if (span_eq(url, span_str(forms[i].url)))
            return forms[i].type;
    return KEY_TYPE_NONE;
}

struct cosmos_any cosmos_key_any(const struct pubkey *k, struct arena *a)
{
    struct key_value v = { pubkey_span(k) };

    return (struct cosmos_any){ span_str(form_of(k)->url),
                                pb_encode(&key_value_desc, &v, a) };
}

bool cosmos_key_from_any(struct pubkey *out, const struct cosmos_any *any,
                         struct arena *a)
{
    struct key_value v;

    return !pb_decode(&key_value_desc, &v, a, any->value) &&
           pubkey_make(out, cosmos_key_type(any->type_url), v.key);
}

void cosmos_key_amino(struct buf *out, const struct pubkey *k)
{
    const struct form *f = form_of(k);

    buf_add(out, SPAN_OF(f->amino));
    buf_byte(out, f->size);
    buf_add(out, pubkey_span(k));
}

void cosmos_key_amino_json(struct json_writer *w, const struct pubkey *k)
{
    jw_object(w);
    JW(w, "type", cstr, form_of(k)->amino_name);
    JW(w, "value", base64_text, pubkey_span(k));
    jw_object_end(w);
}

void cosmos_key_proto_json(struct json_writer *w, const struct pubkey *k)
{
    jw_object(w);
    JW(w, "@type", cstr, form_of(k)->url);
    JW(w, "key", base64_text, pubkey_span(k));
    jw_object_end(w);
}

/* ---- several keys ---- */

struct cosmos_any multisig_any(const struct multisig_key *m, struct arena *a)
{
    struct cosmos_any    *keys = arena_newn(a, struct cosmos_any, m->n);
    struct multisig_value v    = { .threshold   = m->threshold,
                                   .public_keys = { keys, m->n } };

    for (size_t i = 0; keys && i < m->n; i++)
        keys[i] = cosmos_key_any(&m->members[i], a);
    return (struct cosmos_any){
        span_str(multisig_url),
        keys ? pb_encode(&multisig_value_desc, &v, a) : (struct span){ 0 },
    };
}

void multisig_amino(struct buf *out, const struct multisig_key *m)
{
    buf_add(out, SPAN_OF(multisig_prefix));
    buf_byte(out, 0x08); /* field 1 */
    buf_uvarint(out, m->threshold);
    for (size_t i = 0; i < m->n; i++) {
        buf_byte(out, 0x12); /* field 2 */
        buf_byte(out, (uint8_t)(5 + form_of(&m->members[i])->size));
        cosmos_key_amino(out, &m->members[i]);
    }
}

void multisig_amino_json(struct json_writer *w, const struct multisig_key *m)
{
    jw_object(w);
    JW(w, "type", cstr, multisig_name);
    jw_key(w, "value");
    jw_object(w);
    JW(w, "threshold", uint_text, m->threshold);
    jw_key(w, "pubkeys");
    jw_array(w);
    for (size_t i = 0; i < m->n; i++)
        cosmos_key_amino_json(w, &m->members[i]);
    jw_array_end(w);
    jw_object_end(w);
    jw_object_end(w);
}

void multisig_proto_json(struct json_writer *w, const struct multisig_key *m)
{
    jw_object(w);
    JW(w, "@type", cstr, multisig_url);
    JW(w, "threshold", int, m->threshold);
    jw_key(w, "public_keys");
    jw_array(w);
    for (size_t i = 0; i < m->n; i++)
        cosmos_key_proto_json(w, &m->members[i]);
    jw_array_end(w);
    jw_object_end(w);
}

void multisig_address(uint8_t out[20], const struct multisig_key *m)
{
    struct buf  amino;
    struct hash h;

    buf_init(&amino, 64 + m->n * 64);
    multisig_amino(&amino, m);
    sha256(&h, buf_span(&amino));
    memcpy(out, h.b, 20);
    buf_fini(&amino);
}
