/* Signatures: public key, signature, message.
 *
 * Properties: one by one and in a batch the verdict is the same; what a
 * strict verifier takes is taken; a signature made here is taken, and not for
 * another message. */
#include "fuzz.h"

#include "crypto/key.h"

#include <sodium.h>

static void check_made(struct span in)
{
    uint8_t          seed[32] = { 0 }, sig[2][64];
    struct privkey   k;
    struct sig_check c[2] = { { .msg = in }, { .msg = span_str("other") } };

    memcpy(seed, in.p, in.n < 32 ? in.n : 32);
    must(privkey_from_seed(&k, KEY_TYPE_ED25519, SPAN_OF(seed)));
    for (size_t i = 0; i < 2; i++) {
        privkey_public(&c[i].key, &k);
        privkey_sign(sig[i], &k, c[i].msg);
        c[i].sig = SPAN(sig[i], 64);
        must(pubkey_verify(&c[i].key, c[i].msg, c[i].sig));
    }
    must(pubkey_verify_many(c, 2));
    if (!span_eq(c[0].msg, c[1].msg))
        must(!pubkey_verify(&c[0].key, c[1].msg, c[0].sig));
}

void fuzz_one(struct span in)
{
    struct sig_check c[3];
    bool             alone;

    crypto_setup();
    if (in.n < 96)
        return;
    for (size_t i = 0; i < COUNT(c); i++) {
        must(pubkey_make(&c[i].key, KEY_TYPE_ED25519, SPAN(in.p, 32)));
        c[i].sig = SPAN(in.p + 32, 64);
        c[i].msg = SPAN(in.p + 96, in.n - 96);
    }
    alone = pubkey_verify(&c[0].key, c[0].msg, c[0].sig);
    must(pubkey_verify_many(c, COUNT(c)) == alone);
    must(c[0].ok == alone && c[1].ok == alone && c[2].ok == alone);
    if (crypto_sign_verify_detached(c[0].sig.p, c[0].msg.p, c[0].msg.n,
                                    c[0].key.b) == 0)
        must(alone);
    check_made(in);
}
