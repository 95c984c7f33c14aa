/* tx - transactions as the Cosmos SDK signs them: TxRaw, SIGN_MODE_DIRECT.
 *
 * Source:  Cosmos SDK v0.50 x/auth/tx, x/auth/ante, codec/unknownproto;
 *          ADR-020, ADR-027.
 * Shapes:  verdicts are the SDK's, but that a public key left out is refused
 *          even when the account holds one; an application that wants one
 *          hash for each signature also asks cosmos_tx_is_canonical.
 *          Nesting, counts and sizes are checked before anything is decoded.
 * Memory:  everything borrows from the transaction's bytes and the arena; no
 *          I/O, clock or state: the caller looks accounts up. */
#ifndef WARREN_COSMOS_TX_H
#define WARREN_COSMOS_TX_H

#include "cosmos/types.h"
#include "crypto/hash.h"
#include "crypto/key.h"

enum {
    ANY_DEPTH_MAX      = 10,  /* Any within Any, per top-level message */
    ANY_COUNT_MAX      = 100, /* per top-level message */
    COSMOS_ADDRESS_MAX = 255,
    COSMOS_LOG_BYTES   = 256,
    GAS_ED25519        = 590, /* what the SDK meters for one signature */
    GAS_SECP256K1      = 1000,
};

/* Codes of codespace "sdk"; clients act on some of them (32 above all). */
enum cosmos_code {
    COSMOS_OK                = 0,
    COSMOS_TX_DECODE         = 2,
    COSMOS_UNAUTHORIZED      = 4,
    COSMOS_INVALID_ADDRESS   = 7,
    COSMOS_INVALID_PUBKEY    = 8,
    COSMOS_UNKNOWN_ADDRESS   = 9,
    COSMOS_MEMO_TOO_LARGE    = 12,
    COSMOS_INSUFFICIENT_FEE  = 13,
    COSMOS_TOO_MANY_SIGNERS  = 14,
    COSMOS_NO_SIGNATURES     = 15,
    COSMOS_INVALID_REQUEST   = 18,
    COSMOS_TX_TOO_LARGE      = 21,
    COSMOS_TIMEOUT_HEIGHT    = 30,
    COSMOS_UNKNOWN_EXTENSION = 31,
    COSMOS_WRONG_SEQUENCE    = 32,
};

/* Why a transaction is refused. */
struct cosmos_fault {
    enum cosmos_code code;
    char             log[COSMOS_LOG_BYTES];
};

/* A message that the application takes.  The descriptor names every field;
 * fields that hold an Any have cosmos_any_desc as their sub. */
struct cosmos_type {
    const char           *url; /* "/package.Name" */
    const struct pb_desc *desc;
    uint32_t              signer_field; /* a bech32 string */
};

struct cosmos_rules {
    const char               *prefix; /* of addresses */
    struct span               chain_id;
    const struct cosmos_type *types;
    size_t                    type_count;
    size_t tx_bytes_max, messages_max, memo_bytes_max, signers_max;
};

/* One who must have signed. */
struct tx_signer {
    uint8_t                   address[COSMOS_ADDRESS_MAX];
    size_t                    address_n;
    const struct signer_info *info;
    struct pubkey             key; /* KEY_TYPE_NONE: left out */
    struct span               signature;
};

struct cosmos_tx {
    struct span                bytes;
    struct hash                hash; /* SHA-256 of bytes */
    struct tx_raw              raw;
    struct tx_body             body;
    struct auth_info           auth;
    const struct cosmos_type **types;   /* of each message of the body */
    struct tx_signer          *signers; /* after cosmos_tx_check */
    size_t                     signer_count;
};

/* cosmos_tx_is_canonical - TxRaw in its only form: what ADR-027 means and the
 * SDK does not look at.  A repeated or empty body or auth info and padded tags
 * are refused: with them one signature holds under several hashes. */
NODISCARD bool cosmos_tx_is_canonical(struct span          bytes,
                                      struct cosmos_fault *why);
/* cosmos_tx_decode - TxRaw is as the SDK takes it, no field is unknown (but
 * those with bit 11 of the number set, in the body), every message is of a
 * known type. */
NODISCARD bool cosmos_tx_decode(struct cosmos_tx *tx, struct span bytes,
                                const struct cosmos_rules *rules,
                                struct arena *a, struct cosmos_fault *why);

/* cosmos_tx_check - all that needs no account: fee, memo, timeout (the block
 * to come is at height), signers and their number, sign modes.  A simulation
 * takes any signature, sign mode 0 and a missing key. */
NODISCARD bool cosmos_tx_check(struct cosmos_tx          *tx,
                               const struct cosmos_rules *rules, int64_t height,
                               bool is_simulation, struct arena *a,
                               struct cosmos_fault *why);

/* cosmos_signature_gas - what the SDK meters to check one signature. */
static inline int64_t cosmos_signature_gas(enum key_type type)
{
    return type == KEY_TYPE_ED25519 ? GAS_ED25519 : GAS_SECP256K1;
}

/* What the ledger knows of a signer. */
struct cosmos_account {
    uint64_t             number, sequence;
    const struct pubkey *keys;      /* that may sign at this height */
    size_t               key_count; /* 0: the one that hashes to the address */
};

/* cosmos_tx_check_signer - key and sequence of signer i fit the account. */
NODISCARD bool cosmos_tx_check_signer(const struct cosmos_tx *tx, size_t i,
                                      const struct cosmos_account *account,
                                      bool                 is_simulation,
                                      struct cosmos_fault *why);
/* cosmos_tx_verify - the signature of signer i holds.  Depends on nothing but
 * its arguments, so that a verdict can be kept by transaction hash, account
 * number and chain id. */
NODISCARD bool cosmos_tx_verify(const struct cosmos_tx *tx, size_t i,
                                uint64_t account_number, struct span chain_id,
                                struct arena *a, struct cosmos_fault *why);

/* cosmos_sign_doc - what is signed; p is NULL when the arena is full. */
struct span cosmos_sign_doc(struct span body_bytes, struct span auth_info_bytes,
                            struct span chain_id, uint64_t account_number,
                            struct arena *a);

/* ---- making transactions ---- */

struct tx_draft {
    const struct cosmos_any *messages;
    size_t                   message_count;
    struct span              memo;
    uint64_t                 timeout_height;
    struct tx_fee            fee; /* amount may be empty */
};

struct draft_signer {
    const struct privkey *key; /* NULL: an empty signature, for simulation */
    struct pubkey         pub;
    uint64_t              number, sequence;
};

/* cosmos_tx_build - TxRaw signed by each, in the order that the messages name
 * them; p is NULL when the arena is full. */
struct span cosmos_tx_build(const struct tx_draft     *draft,
                            const struct draft_signer *signers, size_t n,
                            struct span chain_id, struct arena *a);

#endif
