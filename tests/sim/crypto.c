/* Signatures that cost nothing: the linker sends calls of the real ones here
 * (--wrap), so that the cores are the very objects that ship. */
#include "sim.h"

bool __real_pubkey_verify(const struct pubkey *k, struct span msg,
                          struct span sig);
bool __real_pubkey_verify_many(struct sig_check *checks, size_t n);
bool __wrap_pubkey_verify(const struct pubkey *k, struct span msg,
                          struct span sig);
bool __wrap_pubkey_verify_many(struct sig_check *checks, size_t n);

static bool is_stubbed = true;

void crypto_use_stubs(bool are_used)
{
    is_stubbed = are_used;
}

static void stub(uint8_t sig[64], const struct pubkey *k, struct span msg)
{
    uint64_t h = mix_bytes(mix_bytes(77, SPAN(k->b, 32)), msg);

    memset(sig, 0x5a, 64);
    store_le64(sig, h);
}

void crypto_sign(uint8_t sig[64], const struct privkey *k, struct span msg)
{
    struct pubkey pub;

    if (!is_stubbed) {
        privkey_sign(sig, k, msg);
        return;
    }
    privkey_public(&pub, k);
    stub(sig, &pub, msg);
}

bool __wrap_pubkey_verify(const struct pubkey *k, struct span msg,
                          struct span sig)
{
    uint8_t want[64];

    if (!is_stubbed)
        return __real_pubkey_verify(k, msg, sig);
    stub(want, k, msg);
    return span_eq(sig, SPAN_OF(want));
}

bool __wrap_pubkey_verify_many(struct sig_check *checks, size_t n)
{
    bool all = true;

    if (!is_stubbed)
        return __real_pubkey_verify_many(checks, n);
    for (size_t i = 0; i < n; i++) {
        checks[i].ok =
            __wrap_pubkey_verify(&checks[i].key, checks[i].msg, checks[i].sig);
        all = all && checks[i].ok;
    }
    return all;
}
