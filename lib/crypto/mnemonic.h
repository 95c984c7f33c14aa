/* mnemonic - keys from words: BIP-39 sentences and BIP-32 derivation.
 *
 * Source:  BIP-39 (English list), BIP-32, BIP-44; nothing is normalised:
 *          words are lower case with one blank between and none around.
 * Shapes:  12, 15, 18, 21 or 24 words hold 16 to 32 bytes of entropy and its
 *          checksum; seeds are 64 bytes.
 * Memory:  none; the caller wipes what it gets. */
#ifndef WARREN_MNEMONIC_H
#define WARREN_MNEMONIC_H

#include "base/buf.h"
#include "crypto/key.h"

enum { MNEMONIC_WORDS = 2048 };
extern const char mnemonic_words[MNEMONIC_WORDS][9];

/* mnemonic_print - append the sentence for entropy of 16, 20 .. 32 bytes. */
void mnemonic_print(struct buf *out, struct span entropy);

/* mnemonic_entropy - what a sentence stands for, *n bytes; false when a word
 * is unknown, their number or the checksum wrong. */
NODISCARD bool mnemonic_entropy(uint8_t out[32], size_t *n, struct span text);

/* mnemonic_seed - slow on purpose; false for a wrong sentence. */
NODISCARD bool mnemonic_seed(uint8_t seed[64], struct span text,
                             struct span passphrase);

/* A node of the derivation tree. */
struct hd_key {
    struct privkey key; /* secp256k1 */
    uint8_t        chain[32];
};

/* hd_master - the root for a seed; false (once in 2^127) when unusable. */
NODISCARD bool hd_master(struct hd_key *out, struct span seed);

/* hd_derive - along "m/44'/118'/0'/0/0"; the "m/" may be missing, an empty
 * path stays at from.  Numbers are below 2^31. */
NODISCARD bool hd_derive(struct hd_key *out, const struct hd_key *from,
                         struct span path);
void           hd_wipe(struct hd_key *k);

#endif
