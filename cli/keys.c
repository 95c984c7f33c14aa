/* warren keys new | import | list | show */
#include "cli.h"
#include "keystore.h"

#include "base/text.h"
#include "crypto/mnemonic.h"

#include <stdlib.h>

static const char default_path[] = "m/44'/118'/0'/0/0";

static enum err key_type_flag(enum key_type *out, const struct cli *c)
{
    const char *value = cli_flag(c, "type");

    if (!value || strcmp(value, "secp256k1") == 0)
        *out = KEY_TYPE_SECP256K1;
    else if (strcmp(value, "ed25519") == 0)
        *out = KEY_TYPE_ED25519;
    else
        return fail(ERR_USAGE, "--type=%s: expected secp256k1 or ed25519",
                    value);
    return OK;
}

/* The new passphrase, entered twice; nothing when the key stays plain. */
static enum err new_passphrase(struct secret_line *out, const struct cli *c)
{
    const char        *file = cli_flag(c, "passphrase-file");
    struct secret_line again;
    enum err           code;

    out->n = 0;
    if (!file && !cli_switch(c, "passphrase", false))
        return OK;
    code = secret_read(out, file, "New passphrase: ");
    if (code != OK || file)
        return code;
    code = secret_read(&again, NULL, "Again: ");
    if (code == OK &&
        (again.n != out->n || memcmp(again.text, out->text, out->n) != 0))
        code = fail(ERR_USAGE, "the two passphrases differ");
    explicit_bzero(&again, sizeof again);
    return code;
}

/* secp256k1: BIP-39 and BIP-32.  ed25519 has no such path in use: its words
 * are the key's 32 bytes. */
static enum err key_from_words(struct privkey *k, enum key_type type,
                               struct span words, const char *path)
{
    uint8_t       seed[64], entropy[32];
    struct hd_key master, leaf;
    size_t        n;
    enum err      code = OK;

    if (!mnemonic_entropy(entropy, &n, words))
        code = fail(ERR_USAGE,
                    "the words are no BIP-39 sentence: a word is unknown or"
                    " the checksum wrong (one blank between words, none"
                    " around)");
    else if (type == KEY_TYPE_ED25519 &&
             (n != 32 || !privkey_from_seed(k, type, SPAN_OF(entropy))))
        code = fail(ERR_USAGE, "an ed25519 key takes 24 words");
    else if (type == KEY_TYPE_SECP256K1 &&
             (!mnemonic_seed(seed, words, SPAN(NULL, 0)) ||
              !hd_master(&master, SPAN_OF(seed)) ||
              !hd_derive(&leaf, &master, span_str(path))))
        code = fail(ERR_USAGE, "--path=%s: expected one such as %s", path,
                    default_path);
    else if (type == KEY_TYPE_SECP256K1)
        *k = leaf.key;
    hd_wipe(&master);
    hd_wipe(&leaf);
    explicit_bzero(seed, sizeof seed);
    explicit_bzero(entropy, sizeof entropy);
    return code;
}

static enum err new_words(struct buf *out, const struct cli *c,
                          enum key_type type)
{
    struct privkey random;
    int64_t        words;
    enum err       code = cli_number(&words, c, "words", 24, 12, 24);

    if (code != OK)
        return code;
    if (words % 3 || (type == KEY_TYPE_ED25519 && words != 24))
        return fail(ERR_USAGE, "--words=%" PRId64 ": expected %s", words,
                    type == KEY_TYPE_ED25519 ? "24 for an ed25519 key"
                                             : "12, 15, 18, 21 or 24");
    /* the seed of a fresh ed25519 key is 32 bytes of randomness */
    privkey_generate(&random, KEY_TYPE_ED25519);
    mnemonic_print(out, SPAN(random.b, (size_t)words / 3 * 4));
    privkey_wipe(&random);
    return OK;
}

static void print_key(struct cli *c, const struct account_key *k)
{
    struct buf b;

    buf_init(&b, 256);
    buf_base64(&b, pubkey_span(&k->pub));
    out_str(c, "name", k->name);
    out_str(c, "type", key_type_name(k->pub.type));
    out_str(c, "address", k->address);
    out_str(c, "pub_key", buf_cstr(&b));
    out_bool(c, "encrypted", k->is_encrypted);
    buf_fini(&b);
}

/* Save and show; words are those to write down, or empty. */
static enum err save_and_show(struct cli *c, const struct privkey *k,
                              struct span words)
{
    struct secret_line passphrase;
    struct account_key shown;
    enum err           code = new_passphrase(&passphrase, c);

    if (code == OK)
        code = keystore_save(c->config, c->word[0], k,
                             SPAN(passphrase.text, passphrase.n));
    explicit_bzero(&passphrase, sizeof passphrase);
    if (code == OK)
        code = keystore_show(&shown, c->config, c->word[0]);
    if (code != OK)
        return code;
    out_begin(c);
    print_key(c, &shown);
    if (words.n)
        out_span(c, "mnemonic", words);
    code = out_end(c);
    if (code == OK && words.n && !c->is_json)
        printf("\nWrite the words down: they restore the key, and are not"
               " shown again.\n");
    return code;
}

enum err cmd_keys_new(struct cli *c)
{
    const char    *path = cli_flag(c, "path");
    enum key_type  type;
    struct privkey k;
    char           text[512];
    struct buf     words;
    enum err       code = cli_words(c, 1, 1);

    if (code == OK)
        code = key_type_flag(&type, c);
    if (code == OK)
        code = cli_config(c);
    if (code != OK)
        return code;
    buf_use(&words, text, sizeof text);
    code = new_words(&words, c, type);
    if (code == OK)
        code = key_from_words(&k, type, buf_span(&words),
                              path ? path : default_path);
    if (code == OK)
        code = save_and_show(c, &k, buf_span(&words));
    privkey_wipe(&k);
    explicit_bzero(text, sizeof text);
    return code;
}

static enum err key_from_hex(struct privkey *k, enum key_type type,
                             struct span hex)
{
    uint8_t seed[32];
    bool    is_fine = hex_decode(seed, sizeof seed, hex) &&
                   privkey_from_seed(k, type, SPAN_OF(seed));

    explicit_bzero(seed, sizeof seed);
    return is_fine ? OK
                   : fail(ERR_USAGE,
                          "the key is not 64 hex digits of a valid"
                          " %s key",
                          key_type_name(type));
}

enum err cmd_keys_import(struct cli *c)
{
    const char        *path = cli_flag(c, "path");
    const char        *hex  = cli_flag(c, "hex-file");
    enum key_type      type;
    struct privkey     k;
    struct secret_line line;
    enum err           code = cli_words(c, 1, 1);

    if (code == OK)
        code = key_type_flag(&type, c);
    if (code == OK)
        code = cli_config(c);
    if (code == OK)
        code = secret_read(&line, hex ? hex : cli_flag(c, "mnemonic-file"),
                           "Words: ");
    if (code == OK)
        code = hex ? key_from_hex(&k, type, SPAN(line.text, line.n))
                   : key_from_words(&k, type, SPAN(line.text, line.n),
                                    path ? path : default_path);
    explicit_bzero(&line, sizeof line);
    if (code == OK)
        code = save_and_show(c, &k, SPAN(NULL, 0));
    privkey_wipe(&k);
    return code;
}

static void list_one(void *ctx, const struct account_key *k)
{
    struct cli *c = ctx;

    out_item(c);
    print_key(c, k);
    out_item_end(c);
}

enum err cmd_keys_list(struct cli *c)
{
    enum err code = cli_words(c, 0, 0), e;

    if (code == OK)
        code = cli_config(c);
    if (code != OK)
        return code;
    out_begin(c);
    out_list(c, "keys");
    code = keystore_list(c->config, list_one, c);
    out_list_end(c);
    e = out_end(c);
    return code ? code : e;
}

enum err cmd_keys_show(struct cli *c)
{
    struct account_key k;
    enum err           code = cli_words(c, 1, 1);

    if (code == OK)
        code = cli_config(c);
    if (code == OK)
        code = keystore_show(&k, c->config, c->word[0]);
    if (code != OK)
        return code;
    out_begin(c);
    print_key(c, &k);
    return out_end(c);
}
