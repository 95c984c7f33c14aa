/* keystore - account keys in HOME/keys, one file each.
 *
 * Shapes:  NAME.json: name, type, address, pub_key and either priv_key
 *          (plain) or vault (encrypted with a passphrase); mode 0600.
 *          Names: 1 to 64 letters, digits, '-', '_' and '.', not first a '.'.
 * Memory:  secrets are wiped before these return, but for the key asked for,
 *          which the caller wipes. */
#ifndef WARREN_KEYSTORE_H
#define WARREN_KEYSTORE_H

#include "config/config.h"
#include "crypto/key.h"

#define ADDRESS_PREFIX "warren"

struct account_key {
    char          name[65];
    struct pubkey pub;
    char          address[64]; /* bech32 */
    bool          is_encrypted;
};

NODISCARD bool keystore_name_ok(const char *name);

/* account_address - bech32 of the key's address. */
void account_address(char out[64], const struct pubkey *k);

/* keystore_save - a new file; passphrase.n 0 leaves the key plain.  ERR_BUSY
 * when there is one of that name. */
NODISCARD enum err keystore_save(const struct config *c, const char *name,
                                 const struct privkey *k,
                                 struct span           passphrase);

/* keystore_show - without its secret.  ERR_NOT_FOUND is logged. */
NODISCARD enum err keystore_show(struct account_key  *out,
                                 const struct config *c, const char *name);

/* keystore_open - the key itself; the passphrase is read from
 * passphrase_file, or asked for, when it is encrypted. */
NODISCARD enum err keystore_open(struct privkey *k, const struct config *c,
                                 const char *name, const char *passphrase_file);

/* keystore_list - call fn for each, in the order of names. */
NODISCARD enum err
keystore_list(const struct config *c,
              void (*fn)(void *ctx, const struct account_key *k), void *ctx);

/* A line of secret text, without its end; wiped by the caller. */
struct secret_line {
    char   text[1024];
    size_t n;
};

/* secret_read - the first line of a file ("-": standard input), or, without
 * one, asked for at the terminal. */
NODISCARD enum err secret_read(struct secret_line *out, const char *file,
                               const char *prompt);

#endif
