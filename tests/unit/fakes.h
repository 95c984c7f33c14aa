/* fakes - a store, an application and a signer that live in the process of a
 * test and remember what was asked of them.
 *
 * Memory: the heap, until fakes_free. */
#ifndef FAKES_H
#define FAKES_H

#include "abci/abci.h"
#include "bus/bus.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "test.h"

enum { FAKE_HEIGHTS = 64 };

/* Bytes of its own. */
struct blob {
    uint8_t *p;
    size_t   n;
};

struct fake_store {
    struct bus        *bus;
    struct bus_server *server;
    int64_t            height, state_height;
    struct blob meta[FAKE_HEIGHTS], block[FAKE_HEIGHTS], results[FAKE_HEIGHTS],
        seen[FAKE_HEIGHTS], state[FAKE_HEIGHTS], vals[FAKE_HEIGHTS];
    /* What it does wrong. */
    enum err refuses_open;
    int      save_failures; /* so many SaveBlock fail with ERR_DISK */
};

/* A chain of hashes: the application's hash after a height. */
struct fake_app {
    struct abci_server *server;
    int64_t             height;
    struct hash         hash[FAKE_HEIGHTS]; /* after each height */
    struct hash         next;
    struct buf          said; /* "Info; InitChain; FinalizeBlock 1; ..." */
    struct span         finalize[FAKE_HEIGHTS]; /* requests, encoded */
    bool                throws_at_finalize, is_extending;
    int64_t             lies_at; /* height of a hash that is not repeated */
    int64_t             update_at;
    struct pubkey       update_key;
    int64_t             retain_from;
};

struct fake_signer {
    struct loop         *loop;
    struct privval_conn *conn;
    struct privkey       key;
    struct span          chain_id;
    const char          *address;
    struct timer         redial;
    bool                 is_refusing, is_stopped;
    int                  votes, proposals;
    struct arena         arena;
};

void fake_store_open(struct fake_store *s, struct loop *l,
                     const char *endpoint);
void fake_store_close(struct fake_store *s);
void fake_store_free(struct fake_store *s);

void fake_app_open(struct fake_app *a, struct loop *l, const char *address);
void fake_app_close(struct fake_app *a);
/* fake_app_said - since the last call. */
const char *fake_app_said(struct fake_app *a);

void fake_signer_open(struct fake_signer *g, struct loop *l,
                      const char *address);
void fake_signer_close(struct fake_signer *g);

#endif
