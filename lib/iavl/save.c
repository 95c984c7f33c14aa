/* From the working tree to a version: numbers, hashes, records.
 *
 * Records of IAVL_NODES: version and nonce, big-endian, to a node.  Of
 * IAVL_META: 'r' version to the root's reference (empty tree: a zero byte),
 * 'o' version chunk to the nodes that this version no longer uses. */
#include "iavl/tree.h"

#include <stdlib.h>

enum { CHUNK = 512, RECORD_BYTES_MAX = 1 << 30 };

/* ---- opening ---- */

void tree_root_key(uint8_t key[9], int64_t version)
{
    key[0] = 'r';
    store_be64(key + 1, (uint64_t)version);
}

static bool root_decode(struct iavl_ref *root, struct span in, int64_t version)
{
    uint8_t has_root;

    *root = (struct iavl_ref){ 0 };
    if (in.n == 0)
        return false;
    has_root = in.p[0];
    in       = SPAN(in.p + 1, in.n - 1);
    if (has_root == 0)
        return in.n == 0;
    return has_root == 1 && ref_decode(root, &in, version) && in.n == 0;
}

static bool root_version(struct span key, int64_t *version)
{
    if (key.n != 9 || key.p[0] != 'r')
        return false;
    *version = (int64_t)load_be64(key.p + 1);
    return *version > 0;
}

enum err tree_find_oldest(struct iavl *t)
{
    struct span key, value;
    enum err    e = t->db->seek(t->db, IAVL_META, span_str("r"), &key, &value);

    if (e == OK && !root_version(key, &t->oldest))
        return fail(ERR_CORRUPT, "state %s: a root record is damaged", t->name);
    return e;
}

static enum err read_latest(struct iavl *t)
{
    struct span key, value;
    enum err    e = t->db->last(t->db, IAVL_META, &key, &value);

    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    if (!root_version(key, &t->version) ||
        !root_decode(&t->latest, value, t->version))
        return fail(ERR_CORRUPT, "state %s: the latest root is damaged",
                    t->name);
    t->working = t->latest;
    return tree_find_oldest(t);
}

enum err iavl_open(struct iavl **out, const char *name, struct iavl_db *db,
                   size_t cache_bytes)
{
    struct iavl *t = calloc(1, sizeof *t);
    enum err     e;

    must(t != NULL);
    t->name = name;
    t->db   = db;
    cache_init(&t->cache, cache_bytes);
    buf_init(&t->moved, RECORD_BYTES_MAX);
    buf_init(&t->scratch, RECORD_BYTES_MAX);
    e = read_latest(t);
    if (e) {
        iavl_close(t);
        return e;
    }
    *out = t;
    return OK;
}

void iavl_close(struct iavl *t)
{
    iavl_rollback(t);
    cache_fini(&t->cache);
    buf_fini(&t->moved);
    buf_fini(&t->scratch);
    free(t->doomed);
    free(t->orphans);
    free(t);
}

enum err iavl_at(struct iavl_view *out, struct iavl *t, int64_t version)
{
    uint8_t     key[9];
    struct span value;
    enum err    e;

    *out = (struct iavl_view){ .tree = t, .root = t->latest };
    if (version <= 0 || version < t->oldest || version > t->version)
        return ERR_NOT_FOUND;
    if (version == t->version)
        return OK;
    tree_root_key(key, version);
    e = t->db->get(t->db, IAVL_META, SPAN_OF(key), &value);
    if (e)
        return e;
    if (!root_decode(&out->root, value, version))
        return fail(ERR_CORRUPT,
                    "state %s: the root of version %" PRId64 " is damaged",
                    t->name, version);
    return OK;
}

/* ---- numbering and hashing ---- */

static void seal(struct iavl *t, struct iavl_ref *ref, uint32_t *nonce)
{
    struct iavl_node *n = ref->node;

    if (!n)
        return;
    must(*nonce < UINT32_MAX);
    ref->version = n->version = t->sealed;
    ref->nonce = n->nonce = ++*nonce;
    if (n->child) {
        seal(t, &n->child[0], nonce);
        seal(t, &n->child[1], nonce);
    }
    node_hash(&ref->hash, n, ref);
}

void iavl_seal(struct iavl *t, int64_t version, struct hash *root)
{
    uint32_t         nonce = 0;
    struct iavl_view v     = { t, t->working };

    must(!t->sealed && version > t->version);
    t->sealed = version;
    if (t->working.size)
        seal(t, &t->working, &nonce);
    v.root = t->working;
    *root  = iavl_root(&v);
}

/* ---- storing ---- */

static enum err write_nodes(struct iavl *t, const struct iavl_ref *ref)
{
    uint8_t  key[12];
    enum err e;

    if (!ref->node)
        return OK;
    store_be64(key, (uint64_t)ref->version);
    store_be32(key + 8, ref->nonce);
    buf_clear(&t->scratch);
    node_encode(&t->scratch, ref->node, ref->version);
    must(!t->scratch.is_full);
    e = t->db->put(t->db, IAVL_NODES, SPAN_OF(key), buf_span(&t->scratch));
    if (e || !ref->node->child)
        return e;
    e = write_nodes(t, &ref->node->child[0]);
    return e ? e : write_nodes(t, &ref->node->child[1]);
}

static enum err write_orphans(struct iavl *t)
{
    uint8_t  key[ORPHANS_KEY] = { 'o' };
    enum err e                = OK;

    store_be64(key + 1, (uint64_t)t->sealed);
    for (size_t i = 0; e == OK && i < t->orphan_count;) {
        store_be32(key + 9, (uint32_t)(i / CHUNK));
        buf_clear(&t->scratch);
        do {
            const struct iavl_orphan *o = &t->orphans[i++];

            buf_uvarint(&t->scratch, (uint64_t)(t->sealed - o->version));
            buf_uvarint(&t->scratch, o->nonce);
        } while (i % CHUNK && i < t->orphan_count);
        e = t->db->put(t->db, IAVL_META, SPAN_OF(key), buf_span(&t->scratch));
    }
    return e;
}

enum err iavl_write(struct iavl *t)
{
    uint8_t  key[9];
    enum err e;

    must(t->sealed);
    e = write_nodes(t, &t->working);
    if (e == OK)
        e = write_orphans(t);
    if (e)
        return e;
    tree_root_key(key, t->sealed);
    buf_clear(&t->scratch);
    buf_byte(&t->scratch, t->working.size != 0);
    if (t->working.size)
        ref_encode(&t->scratch, &t->working, t->sealed);
    return t->db->put(t->db, IAVL_META, SPAN_OF(key), buf_span(&t->scratch));
}

/* Nodes of the working tree go over to the cache, children first. */
static void settle(struct iavl *t, struct iavl_ref *ref)
{
    struct iavl_node *n = ref->node;

    if (!n)
        return;
    if (n->child) {
        settle(t, &n->child[0]);
        settle(t, &n->child[1]);
    }
    ref->node = NULL;
    cache_add(&t->cache, n);
}

void iavl_publish(struct iavl *t)
{
    must(t->sealed);
    settle(t, &t->working);
    t->latest       = t->working;
    t->version      = t->sealed;
    t->oldest       = t->oldest ? t->oldest : t->sealed;
    t->sealed       = 0;
    t->orphan_count = 0;
    cache_trim(&t->cache);
}

static void free_unstored(struct iavl_ref *ref)
{
    if (!ref->node)
        return;
    if (ref->node->child) {
        free_unstored(&ref->node->child[0]);
        free_unstored(&ref->node->child[1]);
    }
    node_free(ref->node);
}

void iavl_rollback(struct iavl *t)
{
    free_unstored(&t->working);
    t->working      = t->latest;
    t->sealed       = 0;
    t->orphan_count = 0;
}
