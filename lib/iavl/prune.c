/* Forgetting old versions.  A pass gathers the lists of nodes that versions up
 * to the oldest kept one have lost, sorts them, and deletes some with each
 * call; the lists go with the last of their nodes.  A pass that a crash cut
 * short begins again, and passes over nodes that are gone. */
#include "iavl/tree.h"

#include <stdlib.h>

enum { DOOMED_MAX = 1 << 20 };

static enum err drop_roots(struct iavl *t, int64_t oldest)
{
    uint8_t  key[9];
    enum err e = OK;

    while (e == OK && t->oldest < oldest) {
        tree_root_key(key, t->oldest);
        e = t->db->del(t->db, IAVL_META, SPAN_OF(key));
        if (e == OK)
            e = tree_find_oldest(t);
    }
    return e;
}

/* ---- gathering ---- */

/* The first list from `from` on, if a version that is no longer kept lost
 * its nodes; else ERR_NOT_FOUND. */
static enum err next_list(struct iavl *t, struct span from,
                          uint8_t key[ORPHANS_KEY], struct span *list)
{
    struct span found;
    enum err    e = t->db->seek(t->db, IAVL_META, from, &found, list);

    if (e)
        return e;
    if (found.n != ORPHANS_KEY || found.p[0] != 'o' ||
        (int64_t)load_be64(found.p + 1) > t->oldest)
        return ERR_NOT_FOUND;
    memcpy(key, found.p, ORPHANS_KEY);
    return OK;
}

static enum err read_list(struct iavl *t, struct span list, int64_t version)
{
    uint64_t age = 0, nonce = 0;

    while (list.n) {
        bool is_fine = uvarint_read(&list, &age) &&
                       uvarint_read(&list, &nonce) && age <= (uint64_t)version;

        /* counted down from the newest, so that the distance fits */
        age += (uint64_t)(t->oldest - version);
        if (!is_fine || age > UINT32_MAX || nonce > UINT32_MAX ||
            t->doomed_count == DOOMED_MAX)
            return fail(ERR_CORRUPT, "state %s: a list of old nodes is damaged",
                        t->name);
        t->doomed[t->doomed_count++] =
            (uint64_t)(UINT32_MAX - age) << 32 | nonce;
    }
    return OK;
}

/* By 11 bits at a time; spare has room for as many. */
static void radix_sort(uint64_t *v, uint64_t *spare, size_t n)
{
    enum { BITS = 11, SIZE = 1 << BITS };

    for (int shift = 0; shift < 66; shift += BITS) {
        size_t    at[SIZE + 1] = { 0 };
        uint64_t *swap         = v;

        for (size_t i = 0; i < n; i++)
            at[(v[i] >> shift) % SIZE + 1]++;
        for (size_t i = 1; i <= SIZE; i++)
            at[i] += at[i - 1];
        for (size_t i = 0; i < n; i++)
            spare[at[(v[i] >> shift) % SIZE]++] = v[i];
        v     = spare;
        spare = swap;
    }
}

static enum err gather(struct iavl *t)
{
    uint8_t     key[ORPHANS_KEY];
    struct span list, from = span_str("o");
    enum err    e;

    if (!t->doomed)
        t->doomed = malloc(2 * sizeof *t->doomed * DOOMED_MAX);
    must(t->doomed != NULL);
    t->doomed_count = t->doomed_at = 0;
    t->doomed_base                 = t->oldest - UINT32_MAX;
    while ((e = next_list(t, from, key, &list)) == OK &&
           t->doomed_count + list.n / 2 <= DOOMED_MAX) {
        e = read_list(t, list, (int64_t)load_be64(key + 1));
        if (e)
            return e;
        memcpy(t->doomed_end, key, sizeof key);
        store_be32(key + 9, load_be32(key + 9) + 1);
        from = SPAN_OF(key);
    }
    radix_sort(t->doomed, t->doomed + DOOMED_MAX, t->doomed_count);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* ---- deleting ---- */

static enum err drop_nodes(struct iavl *t, size_t *budget)
{
    uint8_t key[12];

    while (*budget && t->doomed_at < t->doomed_count) {
        uint64_t d       = t->doomed[t->doomed_at++];
        int64_t  version = t->doomed_base + (int64_t)(d >> 32);
        enum err e;

        store_be64(key, (uint64_t)version);
        store_be32(key + 8, (uint32_t)d);
        cache_drop(&t->cache, version, (uint32_t)d);
        e = t->db->del(t->db, IAVL_NODES, SPAN_OF(key));
        if (e && e != ERR_NOT_FOUND)
            return e;
        --*budget;
    }
    return OK;
}

static enum err drop_lists(struct iavl *t)
{
    uint8_t     key[ORPHANS_KEY];
    struct span list;
    enum err    e;

    while ((e = next_list(t, span_str("o"), key, &list)) == OK &&
           memcmp(key, t->doomed_end, sizeof key) <= 0) {
        e = t->db->del(t->db, IAVL_META, SPAN_OF(key));
        if (e)
            return e;
    }
    t->doomed_count = t->doomed_at = 0;
    return e == ERR_NOT_FOUND ? OK : e;
}

bool iavl_is_pruning(const struct iavl *t)
{
    return t->doomed_count > 0;
}

enum err iavl_prune(struct iavl *t, int64_t oldest, size_t budget)
{
    enum err e = drop_roots(t, oldest < t->version ? oldest : t->version);

    while (e == OK && budget) {
        if (!iavl_is_pruning(t)) {
            e = gather(t);
            if (e || !iavl_is_pruning(t))
                return e;
        }
        e = drop_nodes(t, &budget);
        if (e == OK && t->doomed_at == t->doomed_count)
            e = drop_lists(t);
    }
    return e;
}
