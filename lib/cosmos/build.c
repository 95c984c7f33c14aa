/* Making transactions; see tx.h. */
#include "cosmos/keys.h"
#include "cosmos/tx.h"

static bool fill_infos(struct signer_info        *infos,
                       const struct draft_signer *signers, size_t n,
                       struct arena *a)
{
    for (size_t i = 0; i < n; i++) {
        struct cosmos_any  *key    = arena_new(a, struct cosmos_any);
        struct mode_info   *mode   = arena_new(a, struct mode_info);
        struct mode_single *single = arena_new(a, struct mode_single);

        if (!key || !mode || !single)
            return false;
        *key = cosmos_key_any(&signers[i].pub, a);
        if (!key->value.p)
            return false;
        single->mode = SIGN_MODE_DIRECT;
        mode->which  = MODE_SINGLE;
        mode->single = single;
        infos[i]     = (struct signer_info){ key, mode, signers[i].sequence };
    }
    return true;
}

/* The fee and who signs, encoded. */
static struct span auth_info_bytes(const struct tx_draft     *draft,
                                   const struct draft_signer *signers, size_t n,
                                   struct arena *a)
{
    struct tx_fee       fee   = draft->fee;
    struct signer_info *infos = arena_newn(a, struct signer_info, n);
    struct auth_info    auth  = { .signer_infos = { infos, n }, .fee = &fee };

    if (!infos || !fill_infos(infos, signers, n, a))
        return (struct span){ 0 };
    return pb_encode(&auth_info_desc, &auth, a);
}

static bool sign(struct span *out, const struct tx_raw *raw,
                 const struct draft_signer *s, struct span chain_id,
                 struct arena *a)
{
    struct span doc;
    uint8_t    *sig;

    *out = (struct span){ 0 };
    if (!s->key)
        return true;
    doc = cosmos_sign_doc(raw->body_bytes, raw->auth_info_bytes, chain_id,
                          s->number, a);
    sig = arena_alloc(a, SIGNATURE_BYTES_MAX);
    if (!doc.p || !sig)
        return false;
    privkey_sign(sig, s->key, doc);
    *out = SPAN(sig, SIGNATURE_BYTES_MAX);
    return true;
}

struct span cosmos_tx_build(const struct tx_draft     *draft,
                            const struct draft_signer *signers, size_t n,
                            struct span chain_id, struct arena *a)
{
    struct tx_body body = { .memo           = draft->memo,
                            .timeout_height = draft->timeout_height };
    struct span   *sigs = arena_newn(a, struct span, n);
    struct tx_raw  raw;

    body.messages.n = draft->message_count;
    body.messages.v =
        (struct cosmos_any *)(uintptr_t)draft->messages; /* only read */
    raw = (struct tx_raw){
        .body_bytes      = pb_encode(&tx_body_desc, &body, a),
        .auth_info_bytes = auth_info_bytes(draft, signers, n, a),
        .signatures      = { sigs, n },
    };
    if (!sigs || !raw.body_bytes.p || !raw.auth_info_bytes.p)
        return (struct span){ 0 };
    for (size_t i = 0; i < n; i++)
        if (!sign(&sigs[i], &raw, &signers[i], chain_id, a))
            return (struct span){ 0 };
    return pb_encode(&tx_raw_desc, &raw, a);
}
