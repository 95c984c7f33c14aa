/* files - the key, and what it has signed last, in CometBFT's forms. */
#include "base/files.h"
#include "base/log.h"
#include "model/genesis.h"
#include "signer/shell.h"

#include <sys/mman.h>

enum { FILE_BYTES = 1 << 16, STATE_BYTES = 1024 };

enum err signer_read_chain_id(struct shell *s)
{
    const char *path =
        config_path(s->svc->config, s->svc->config->genesis_file);
    struct genesis g;
    struct arena   a;
    struct buf     text;
    const char    *why = "";
    enum err       e;

    arena_open(&a, 1u << 30);
    buf_init(&text, 2 * GENESIS_BYTES_MAX);
    e = file_read(&text, path, GENESIS_BYTES_MAX);
    if (e == ERR_NOT_FOUND)
        e = fail(ERR_GENESIS, "%s is missing; `warren init` makes one", path);
    else if (!e && genesis_parse(&g, buf_span(&text), &a, &why))
        e = fail(ERR_GENESIS, "%s: %s", path, why);
    if (!e) {
        memcpy(s->chain_id, g.chain_id.p, g.chain_id.n);
        s->privval.chain_id = SPAN(s->chain_id, g.chain_id.n);
    }
    buf_fini(&text);
    arena_close(&a);
    return e;
}

enum err signer_read_key(struct shell *s)
{
    const struct config *cfg  = s->svc->config;
    const char          *path = config_path(cfg, cfg->priv_validator_key_file);
    static uint8_t       memory[3 * FILE_BYTES]; /* not the heap: it moves */
    const char          *why = "";
    struct buf           text;
    enum err             e;

    if (mlock(&s->key, sizeof s->key) || mlock(memory, sizeof memory))
        log_event(LOG_WARN, "the key's memory may be swapped to disk",
                  LOG_STR("raise", "the limit of locked memory"));
    buf_use(&text, memory, sizeof memory);
    e = file_read_secret(&text, path, FILE_BYTES);
    if (e == ERR_NOT_FOUND)
        e = fail(ERR_KEY,
                 "%s is missing; restore it, or make a new validator with "
                 "`warren init`",
                 path);
    else if (!e && validator_key_parse(&s->key, buf_span(&text), &why))
        e = fail(ERR_KEY, "%s: %s", path, why);
    /* It stays locked: pages are unlocked whole, and the key is near. */
    explicit_bzero(memory, sizeof memory);
    if (e)
        return e;
    s->privval.key = &s->key;
    privkey_public(&s->privval.pub, &s->key);
    return OK;
}

static enum err take_state(struct shell *s, const struct sign_state *st)
{
    struct last_signed *l = &s->privval.last;

    if (st->sign_bytes.n > SIGN_BYTES_MAX ||
        (st->signature.n && st->signature.n != SIGNATURE_BYTES_MAX))
        return fail(ERR_SIGNSTATE,
                    "%s: signature of %zu bytes over %zu; expected %d over at "
                    "most %d; restore the newest copy",
                    s->state_path, st->signature.n, st->sign_bytes.n,
                    SIGNATURE_BYTES_MAX, SIGN_BYTES_MAX);
    *l = (struct last_signed){ .height         = st->height,
                               .round          = st->round,
                               .step           = st->step,
                               .has_sign_bytes = st->sign_bytes.n > 0,
                               .has_signature  = st->signature.n > 0,
                               .sign_bytes_n   = st->sign_bytes.n };
    if (st->sign_bytes.n)
        memcpy(l->sign_bytes, st->sign_bytes.p, st->sign_bytes.n);
    if (st->signature.n)
        memcpy(l->signature, st->signature.p, st->signature.n);
    return OK;
}

enum err signer_read_state(struct shell *s)
{
    const struct config *cfg = s->svc->config;
    const char          *why = "";
    struct sign_state    st;
    struct buf           text;
    enum err             e;

    s->state_path = config_path(cfg, cfg->priv_validator_state_file);
    buf_init(&text, 4 * FILE_BYTES);
    e = file_read(&text, s->state_path, FILE_BYTES);
    if (e == ERR_NOT_FOUND)
        e = fail(ERR_SIGNSTATE,
                 "%s is missing, so nobody knows what this key has signed; "
                 "restore the newest copy, or if the key has never signed, "
                 "`warren unsafe-reset-priv-validator` makes an empty one",
                 s->state_path);
    else if (e)
        e = fail(ERR_SIGNSTATE, "%s cannot be read", s->state_path);
    else if (sign_state_parse(&st, buf_span(&text), &s->arena, &why))
        e = fail(ERR_SIGNSTATE, "%s: %s; restore the newest copy",
                 s->state_path, why);
    else
        e = take_state(s, &st);
    buf_fini(&text);
    return e;
}

enum err signer_save_state(struct shell *s)
{
    const struct last_signed *l  = &s->privval.last;
    struct sign_state         st = {
                .height = l->height,
                .round  = l->round,
                .step   = l->step,
                .signature =
                    SPAN(l->signature, l->has_signature ? SIGNATURE_BYTES_MAX : 0),
                .sign_bytes = SPAN(l->sign_bytes, l->sign_bytes_n)
    };
    char       memory[8192];
    struct buf text;

    buf_use(&text, memory, sizeof memory);
    sign_state_print(&text, &st);
    while (text.len % STATE_BYTES != 0) /* of one size, for file_swap */
        buf_byte(&text, '\n');
    must(!text.is_full);
    return file_swap(s->state_path, buf_span(&text), 0600);
}
