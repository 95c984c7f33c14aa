/* keys - the forms in which accounts show a public key.
 *
 * Source:  Cosmos SDK v0.50 crypto/keys, crypto/codec (amino); CosmJS holds
 *          keys in amino JSON and sends them as Any.
 * Shapes:  secp256k1 33 bytes, ed25519 32.  A multisig is some of several
 *          keys of these types; transactions do not take it.
 * Memory:  encodings are in the arena. */
#ifndef WARREN_COSMOS_KEYS_H
#define WARREN_COSMOS_KEYS_H

#include "cosmos/types.h"
#include "crypto/key.h"
#include "json/write.h"

/* cosmos_key_type - the type of key that an Any with this url holds, or
 * KEY_TYPE_NONE. */
enum key_type cosmos_key_type(struct span url);

/* cosmos_key_any - the key as an Any; value.p is NULL when the arena is
 * full. */
struct cosmos_any cosmos_key_any(const struct pubkey *k, struct arena *a);

/* cosmos_key_from_any - exactly one key of a known type and its length; the
 * last of a repeated field counts. */
NODISCARD bool cosmos_key_from_any(struct pubkey           *out,
                                   const struct cosmos_any *any,
                                   struct arena            *a);

/* cosmos_key_amino - the legacy binary form: four bytes of type, length, key.
 */
void cosmos_key_amino(struct buf *out, const struct pubkey *k);
/* {"type":"tendermint/PubKey...","value":base64} */
void cosmos_key_amino_json(struct json_writer *w, const struct pubkey *k);
/* {"@type":"/cosmos.crypto...","key":base64} */
void cosmos_key_proto_json(struct json_writer *w, const struct pubkey *k);

struct multisig_key {
    uint32_t             threshold;
    const struct pubkey *members;
    size_t               n;
};

struct cosmos_any multisig_any(const struct multisig_key *m, struct arena *a);
void              multisig_amino(struct buf *out, const struct multisig_key *m);
void multisig_amino_json(struct json_writer *w, const struct multisig_key *m);
void multisig_proto_json(struct json_writer *w, const struct multisig_key *m);
/* multisig_address - the first 20 bytes of SHA-256 of the amino form. */
void multisig_address(uint8_t out[20], const struct multisig_key *m);

#endif
