#include "keystore.h"

#include "home.h"

#include "base/files.h"
#include "crypto/bech32.h"
#include "crypto/vault.h"
#include "json/read.h"
#include "json/write.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 65536, PATH_BYTES_MAX = 4096 };

bool keystore_name_ok(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n > 64 || *name == '.')
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
            return false;
    return true;
}

void account_address(char out[64], const struct pubkey *k)
{
    uint8_t    address[ADDRESS_BYTES];
    struct buf b;

    pubkey_address(address, k);
    buf_use(&b, out, 64);
    bech32_encode(&b, ADDRESS_PREFIX, SPAN_OF(address));
    (void)buf_cstr(&b);
}

static enum err key_path(char out[PATH_BYTES_MAX], const struct config *c,
                         const char *name)
{
    if (!keystore_name_ok(name))
        return fail(ERR_USAGE,
                    "key name '%.80s': expected up to 64 letters, digits, '-',"
                    " '_' and '.'",
                    name);
    snprintf(out, PATH_BYTES_MAX, "%s/%s.json", config_path(c, "keys"), name);
    return OK;
}

/* ---- writing ---- */

static struct span secret_bytes(const struct privkey *k)
{
    return SPAN(k->b, k->type == KEY_TYPE_ED25519 ? 64 : 32);
}

static void write_vault(struct json_writer *w, const struct vault *v)
{
    jw_key(w, "vault");
    jw_object(w);
    JW(w, "kdf", cstr, "argon2id");
    JW(w, "passes", int, (int64_t)v->passes);
    JW(w, "memory", int, (int64_t)v->memory);
    JW(w, "salt", base64_text, SPAN_OF(v->salt));
    JW(w, "cipher", cstr, "xsalsa20-poly1305");
    JW(w, "nonce", base64_text, SPAN_OF(v->nonce));
    JW(w, "box", base64_text, SPAN(v->box, v->box_n));
    jw_object_end(w);
}

static bool write_key(struct buf *out, const char *name,
                      const struct privkey *k, struct span passphrase)
{
    struct json_writer w;
    struct pubkey      pub;
    struct vault       v;
    char               address[64];

    privkey_public(&pub, k);
    account_address(address, &pub);
    jw_init(&w, out, 2);
    jw_object(&w);
    JW(&w, "name", cstr, name);
    JW(&w, "type", cstr, key_type_name(k->type));
    JW(&w, "address", cstr, address);
    JW(&w, "pub_key", base64_text, pubkey_span(&pub));
    if (passphrase.n == 0) {
        JW(&w, "priv_key", base64_text, secret_bytes(k));
    } else {
        if (!vault_close(&v, passphrase, secret_bytes(k)))
            return false;
        write_vault(&w, &v);
    }
    jw_object_end(&w);
    buf_byte(out, '\n');
    return true;
}

enum err keystore_save(const struct config *c, const char *name,
                       const struct privkey *k, struct span passphrase)
{
    char       path[PATH_BYTES_MAX], text[4096];
    struct buf out;
    bool       is_new = false;
    enum err   code   = key_path(path, c, name);

    if (code == OK)
        code = home_mkdir(config_path(c, "keys"), 0700);
    if (code != OK)
        return code;
    buf_use(&out, text, sizeof text);
    if (!write_key(&out, name, k, passphrase))
        code = fail(ERR_FAILED, "no memory to encrypt the key");
    else
        code = file_create(path, buf_span(&out), 0600, &is_new);
    explicit_bzero(text, sizeof text);
    if (code == OK && !is_new)
        code = fail(ERR_BUSY,
                    "%s: there is a key of that name; take another,"
                    " or remove the file",
                    path);
    return code;
}

/* ---- reading ---- */

struct key_file {
    struct account_key key;
    bool               has_secret; /* plain */
    struct privkey     secret;
    struct vault       vault;
};

static bool read_type(enum key_type *out, const struct json_value *v)
{
    static const enum key_type types[] = { KEY_TYPE_ED25519,
                                           KEY_TYPE_SECP256K1 };
    struct span                text;

    for (size_t i = 0; i < COUNT(types) && json_read_str(&text, v); i++) {
        if (span_eq(text, span_str(key_type_name(types[i])))) {
            *out = types[i];
            return true;
        }
    }
    return false;
}

static bool read_bytes(uint8_t *out, size_t n, const struct json_value *v,
                       struct arena *a)
{
    struct span bytes;

    if (!json_read_base64(&bytes, v, a) || bytes.n != n)
        return false;
    memcpy(out, bytes.p, n);
    return true;
}

static bool read_vault(struct vault *out, const struct json_value *v,
                       struct arena *a)
{
    int64_t     passes, memory;
    struct span box, kdf, cipher;

    if (!json_read_int(&passes, json_get(v, "passes")) || passes < 0 ||
        !json_read_int(&memory, json_get(v, "memory")) || memory < 0 ||
        !json_read_str(&kdf, json_get(v, "kdf")) ||
        !span_eq(kdf, span_str("argon2id")) ||
        !json_read_str(&cipher, json_get(v, "cipher")) ||
        !span_eq(cipher, span_str("xsalsa20-poly1305")) ||
        !read_bytes(out->salt, sizeof out->salt, json_get(v, "salt"), a) ||
        !read_bytes(out->nonce, sizeof out->nonce, json_get(v, "nonce"), a) ||
        !json_read_base64(&box, json_get(v, "box"), a) ||
        box.n > sizeof out->box)
        return false;
    out->passes = (uint64_t)passes;
    out->memory = (uint64_t)memory;
    out->box_n  = box.n;
    memcpy(out->box, box.p, box.n);
    return true;
}

/* The public key must be that of the secret. */
static bool take_secret(struct key_file *f, struct span bytes)
{
    struct pubkey pub;

    if (!privkey_make(&f->secret, f->key.pub.type, bytes))
        return false;
    privkey_public(&pub, &f->secret);
    f->has_secret = span_eq(pubkey_span(&pub), pubkey_span(&f->key.pub));
    return f->has_secret;
}

static bool read_file(struct key_file *f, const struct json_value *v,
                      struct arena *a)
{
    enum key_type type = KEY_TYPE_NONE;
    struct span   bytes;

    if (!read_type(&type, json_get(v, "type")) ||
        !json_read_base64(&bytes, json_get(v, "pub_key"), a) ||
        !pubkey_make(&f->key.pub, type, bytes))
        return false;
    account_address(f->key.address, &f->key.pub);
    f->key.is_encrypted = json_get(v, "vault") != NULL;
    if (f->key.is_encrypted)
        return read_vault(&f->vault, json_get(v, "vault"), a);
    return json_read_base64(&bytes, json_get(v, "priv_key"), a) &&
           take_secret(f, bytes);
}

static enum err load(struct key_file *f, const struct config *c,
                     const char *name)
{
    char            path[PATH_BYTES_MAX];
    struct arena    a;
    struct json_doc d;
    struct span     text;
    enum err        code = key_path(path, c, name);

    *f = (struct key_file){ .has_secret = false };
    if (code != OK)
        return code;
    arena_open(&a, 4 * FILE_BYTES_MAX);
    snprintf(f->key.name, sizeof f->key.name, "%s", name);
    code = home_read_secret(&text, path, FILE_BYTES_MAX, &a);
    if (code == ERR_NOT_FOUND) {
        code = fail(ERR_NOT_FOUND,
                    "%s: no such key; 'warren keys list' shows those there"
                    " are, 'warren keys new %s' makes it",
                    path, name);
    } else if (code == OK && json_doc_parse(&d, text, JSON_KEYS_UNIQUE)) {
        code = fail(ERR_KEY, "%s: damaged: %s", path, d.why);
    } else if (code == OK) {
        if (!read_file(f, d.root, &a))
            code = fail(ERR_KEY,
                        "%s: damaged: the members are not those of a key;"
                        " restore it with 'warren keys import'",
                        path);
        json_doc_fini(&d);
    }
    explicit_bzero(a.base, a.used);
    arena_close(&a);
    return code;
}

enum err keystore_show(struct account_key *out, const struct config *c,
                       const char *name)
{
    struct key_file f;
    enum err        code = load(&f, c, name);

    *out = f.key;
    privkey_wipe(&f.secret);
    return code;
}

static enum err unlock(struct key_file *f, const char *passphrase_file)
{
    struct secret_line line;
    uint8_t            secret[VAULT_SECRET_MAX];
    size_t             n;
    char               prompt[96];
    enum err           code;

    snprintf(prompt, sizeof prompt, "Passphrase of %s: ", f->key.name);
    code = secret_read(&line, passphrase_file, prompt);
    if (code == OK &&
        (!vault_open(secret, &n, &f->vault, SPAN(line.text, line.n)) ||
         !take_secret(f, SPAN(secret, n))))
        code = fail(ERR_KEY, "key '%s': the passphrase is wrong", f->key.name);
    explicit_bzero(&line, sizeof line);
    explicit_bzero(secret, sizeof secret);
    return code;
}

enum err keystore_open(struct privkey *k, const struct config *c,
                       const char *name, const char *passphrase_file)
{
    struct key_file f;
    enum err        code = load(&f, c, name);

    if (code == OK && f.key.is_encrypted)
        code = unlock(&f, passphrase_file);
    if (code == OK)
        *k = f.secret;
    privkey_wipe(&f.secret);
    return code;
}

static int is_key_file(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return n > 5 && n < 70 && strcmp(e->d_name + n - 5, ".json") == 0 &&
           *e->d_name != '.';
}

enum err keystore_list(const struct config *c,
                       void (*fn)(void *ctx, const struct account_key *k),
                       void *ctx)
{
    struct dirent **found = NULL;
    const char     *dir   = config_path(c, "keys");
    int             n     = scandir(dir, &found, is_key_file, alphasort);
    enum err        code  = OK;

    if (n < 0 && errno != ENOENT)
        return fail(ERR_DISK, "%s: %s", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        struct account_key k;
        size_t             len = strlen(found[i]->d_name) - 5;
        enum err           e;

        found[i]->d_name[len] = 0;
        e                     = keystore_show(&k, c, found[i]->d_name);
        if (e == OK)
            fn(ctx, &k);
        code = code ? code : e;
        free(found[i]);
    }
    free(found);
    return code;
}

/* ---- passphrases ---- */

/* One line, byte by byte: nothing behind it is taken from standard input. */
static bool read_line(struct secret_line *out, int fd)
{
    char    ch;
    ssize_t got;

    out->n = 0;
    while ((got = read(fd, &ch, 1)) == 1 && ch != '\n') {
        if (out->n == sizeof out->text - 1)
            return false;
        out->text[out->n++] = ch;
    }
    if (out->n && out->text[out->n - 1] == '\r')
        out->n--;
    out->text[out->n] = 0;
    return got >= 0 && (got == 1 || out->n > 0);
}

static enum err ask(struct secret_line *out, const char *prompt)
{
    int            fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    struct termios was, quiet;
    bool           is_fine;

    if (fd < 0 || tcgetattr(fd, &was) != 0) {
        if (fd >= 0)
            close(fd);
        return fail(ERR_USAGE,
                    "a secret is needed and there is no terminal to"
                    " ask at (%.*s); give it in a file, with a flag"
                    " such as --passphrase-file",
                    (int)strcspn(prompt, ":"), prompt);
    }
    quiet = was;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &quiet);
    is_fine = write(fd, prompt, strlen(prompt)) > 0 && read_line(out, fd);
    tcsetattr(fd, TCSAFLUSH, &was);
    is_fine = write(fd, "\n", 1) == 1 && is_fine;
    close(fd);
    return is_fine ? OK : fail(ERR_USAGE, "nothing was entered");
}

enum err secret_read(struct secret_line *out, const char *file,
                     const char *prompt)
{
    int  fd;
    bool is_fine;

    if (!file)
        return ask(out, prompt);
    fd = strcmp(file, "-") == 0 ? dup(STDIN_FILENO)
                                : open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(ERR_KEY, "%s: cannot be read: %s", file, strerror(errno));
    is_fine = read_line(out, fd);
    close(fd);
    if (is_fine)
        return OK;
    return fail(ERR_KEY, "%s: expected a line of at most %zu bytes", file,
                sizeof out->text - 1);
}
