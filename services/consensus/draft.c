/* A proposal that a crash cut short.
 *
 * Between the signature and our own message in the WAL the process may end.
 * The signer then refuses any other block for that round, and a new block is
 * another one; the round would be lost, with a single validator for seconds.
 * So the parts of a small block go into the WAL before it is signed.  A replay
 * by anyone ignores them (no proposal has named their header yet); here they
 * are looked for when the same round asks for a block again. */
#include "base/limits.h"
#include "base/log.h"
#include "consensus/journal.h"
#include "consensus/shell.h"
#include "crypto/merkle.h"

enum { DRAFT_BYTES_MAX = 256 << 10 };

void draft_write(struct shell *s)
{
    static const struct peer_id self;
    const struct consensus     *c     = &s->core;
    const struct part_set      *parts = &c->candidates[c->own].parts;
    struct block_part_msg       part  = { c->height, c->round, { 0 } };
    struct consensus_msg        m     = { .which = CONSENSUS_BLOCK_PART };

    if (s->phase != PHASE_RUN || parts->size > DRAFT_BYTES_MAX)
        return;
    m.block_part = &part;
    for (uint32_t i = 0; i < parts->total; i++) {
        enum err e;

        part.part = part_set_part(parts, i);
        e = journal_message(s->wal, now_stamp(), &m, &self, &s->scratch);
        if (!e && i + 1 == parts->total)
            e = wal_flush(s->wal);
        if (e) {
            s->is_halted = true;
            svc_exit(s->svc, e);
            return;
        }
    }
}

static bool begin_parts(struct part_set *set, const struct part *p,
                        struct arena *a)
{
    struct merkle_proof    proof = { .total      = p->proof.total,
                                     .index      = p->proof.index,
                                     .leaf_hash  = p->proof.leaf_hash,
                                     .aunts      = p->proof.aunts.v,
                                     .aunt_count = p->proof.aunts.n };
    struct hash            root;
    struct part_set_header h = { (uint32_t)p->proof.total, hash_span(&root) };

    return merkle_proof_root(&root, &proof) &&
           p->proof.total <= DRAFT_BYTES_MAX / PART_BYTES + 1 &&
           part_set_init(set, &h, a);
}

/* Our parts of this round, the last block of them if there are several. */
static void take_part(struct part_set *set, const struct shell *s,
                      const struct timed_wal_msg *m, struct arena *a)
{
    const struct wal_msg_info   *info = m->msg->msg_info;
    const struct block_part_msg *p;
    bool                         is_new;

    if (m->msg->which != WAL_MSG_INFO || info->peer_id.n > 0 ||
        info->msg.which != CONSENSUS_BLOCK_PART)
        return;
    p = info->msg.block_part;
    if (p->height != s->core.height || p->round != s->core.round)
        return;
    if (p->part.index == 0 && !begin_parts(set, &p->part, a))
        *set = (struct part_set){ 0 };
    if (set->total > 0 && part_set_add(set, &p->part, &is_new) != ACCEPT)
        *set = (struct part_set){ 0 };
}

static bool read_block(struct shell *s, const struct part_set *set,
                       struct span *block, struct hash *hash)
{
    struct block b;

    *block = part_set_bytes(set);
    return pb_decode(&block_desc, &b, &s->work, *block) == ACCEPT &&
           header_hash(hash, &b.header);
}

bool draft_find(struct shell *s, struct span *block, struct hash *hash)
{
    struct part_set      set = { 0 };
    struct wal_replay   *r;
    struct timed_wal_msg m;
    enum err             e;

    if (s->core.height != s->first_height || wal_flush(s->wal) != OK ||
        wal_replay_open(&r, s->wal, s->core.state.last_height, NULL) != OK ||
        !r)
        return false;
    for (;;) {
        size_t mark     = arena_mark(&s->scratch);
        bool   is_there = wal_replay_next(r, &m, &s->scratch, &e);

        if (is_there)
            take_part(&set, s, &m, &s->work);
        arena_release(&s->scratch, mark);
        if (!is_there)
            break;
    }
    wal_replay_close(r);
    return set.total > 0 && part_set_is_complete(&set) &&
           read_block(s, &set, block, hash);
}
