#include "kvstore/shell.h"

#include "base/limits.h"
#include "base/log.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <sys/stat.h>

enum { KEY_PLAIN_MAX = 400, KEY_BYTES_MAX = 1 + KEY_PLAIN_MAX + HASH_BYTES };

static const char *const tables[] = { "pairs", "validators", "addresses",
                                      "state" };

/* ---- the core's tables in LMDB ---- */

/* A key of any length as one that LMDB takes: itself behind a 0, or its start
 * and its hash behind a 1. */
static struct span stored_key(uint8_t out[KEY_BYTES_MAX], struct span key)
{
    struct hash h;

    out[0] = key.n > KEY_PLAIN_MAX;
    if (key.n)
        memcpy(out + 1, key.p, key.n < KEY_PLAIN_MAX ? key.n : KEY_PLAIN_MAX);
    if (!out[0])
        return SPAN(out, 1 + key.n);
    sha256(&h, key);
    memcpy(out + 1 + KEY_PLAIN_MAX, h.b, HASH_BYTES);
    return SPAN(out, KEY_BYTES_MAX);
}

static enum err db_get(void *ctx, enum kvstore_table t, struct span key,
                       struct span *value)
{
    struct shell *s = ctx;
    uint8_t       k[KEY_BYTES_MAX];

    return kv_get(s->txn, t, stored_key(k, key), value);
}

static enum err db_put(void *ctx, enum kvstore_table t, struct span key,
                       struct span value)
{
    struct shell *s = ctx;
    uint8_t       k[KEY_BYTES_MAX];

    return kv_put(s->txn, t, stored_key(k, key), value);
}

static enum err db_del(void *ctx, enum kvstore_table t, struct span key)
{
    struct shell *s = ctx;
    uint8_t       k[KEY_BYTES_MAX];

    return kv_del(s->txn, t, stored_key(k, key));
}

/* ---- requests ---- */

static enum err begin(struct shell *s, int32_t which)
{
    switch (which) {
    case ABCI_REQ_INIT_CHAIN:
    case ABCI_REQ_COMMIT: return kv_write(&s->txn, s->kv);
    case ABCI_REQ_QUERY:
    case ABCI_REQ_FINALIZE_BLOCK: return kv_read(&s->txn, s->kv);
    default: return OK;
    }
}

/* What was written stays if the request was answered. */
static enum err finish(struct shell *s, int32_t which, bool is_answered)
{
    struct kv_txn *t = s->txn;

    s->txn = NULL;
    if (!t)
        return OK;
    if (is_answered &&
        (which == ABCI_REQ_INIT_CHAIN || which == ABCI_REQ_COMMIT))
        return kv_commit(t);
    kv_abort(t);
    return OK;
}

static void handle(void *ctx, const struct abci_request *req,
                   struct abci_response *res, struct arena *a)
{
    struct shell *s = ctx;
    enum err      e = begin(s, req->which), e2;

    if (!e)
        e = kvstore_handle(&s->core, &s->db, req, res, a);
    e2 = finish(s, req->which, !e && res->which == req->which + 1);
    e  = e ? e : e2;
    if (e) { /* no answer may claim what the disk does not hold */
        abci_except(res, a, "kvstore: %s", err_name(e));
        svc_exit(s->svc, e);
    }
}

/* ---- opening ---- */

static enum err open_state(struct shell *s)
{
    const struct config   *cfg = s->svc->config;
    struct kvstore_options opt = { 0 };
    char                   dir[512];
    enum err               e;

    /* kv_open says what is wrong when this fails. */
    (void)mkdir(config_path(cfg, cfg->db_dir), 0700);
    snprintf(dir, sizeof dir, "%s/kvstore", config_path(cfg, cfg->db_dir));
    e = kv_open(&s->kv, dir, tables, COUNT(tables), KV_SYNC);
    if (e)
        return e;
    e = kv_read(&s->txn, s->kv);
    if (e)
        return e;
    e = kvstore_open(&s->core, &s->block, &opt, &s->db);
    kv_abort(s->txn);
    s->txn = NULL;
    return e == ERR_CORRUPT ? fail(e,
                                   "%s: the state is damaged; remove the"
                                   " directory to replay all blocks",
                                   dir)
                            : e;
}

enum err shell_open(struct shell *s, struct svc *svc)
{
    static const struct bus_server_fns fns = { 0 };
    enum err                           e;

    *s    = (struct shell){ .svc = svc };
    s->db = (struct kvstore_db){ s, db_get, db_put, db_del };
    arena_open(&s->block, DECODE_ARENA_BYTES);
    e = open_state(s);
    if (e)
        return e;
    e = svc_serve(svc, &fns, s);
    if (e)
        return e;
    log_event(LOG_INFO, "state found", LOG_INT("height", s->core.done.height),
              LOG_INT("size", s->core.done.size));
    return abci_serve(&s->server, svc->loop, config_app_address(svc->config),
                      handle, s);
}

void shell_close(struct shell *s)
{
    abci_server_close(s->server);
    kv_close(s->kv);
    arena_close(&s->block);
}
