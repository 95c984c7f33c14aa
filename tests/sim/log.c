/* A node's WAL: the production files, on a disk in memory, of which a crash
 * leaves what was synced and any part of the rest. */
#include "sim.h"

#include "consensus/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int __wrap_fallocate(int fd, int mode, off_t at, off_t n);

/* There is nothing to be gained by setting memory aside. */
int __wrap_fallocate(int fd, int mode, off_t at, off_t n)
{
    UNUSED(fd);
    UNUSED(mode);
    UNUSED(at);
    UNUSED(n);
    return 0;
}

static char root[64];

static void remove_files(const struct disk *d)
{
    char name[sizeof d->path + 16];
    int  i = 0;

    unlink(d->path);
    do
        snprintf(name, sizeof name, "%s.%03d", d->path, i++);
    while (unlink(name) == 0);
}

static void remove_root(void)
{
    for (int i = 0; i < NODES_MAX; i++)
        remove_files(&W.nodes[i].disk);
    rmdir(root);
}

static void leave(int signal)
{
    remove_root();
    _exit(128 + signal);
}

void log_root(void)
{
    const char *in_memory = "/dev/shm";

    snprintf(root, sizeof root, "%s/warren-sim.XXXXXX",
             access(in_memory, W_OK) == 0 ? in_memory : "/tmp");
    must(mkdtemp(root));
    atexit(remove_root);
    signal(SIGTERM, leave);
    signal(SIGINT, leave);
    signal(SIGABRT, leave);
    for (int i = 0; i < NODES_MAX; i++)
        snprintf(W.nodes[i].disk.path, sizeof W.nodes[i].disk.path, "%s/wal%d",
                 root, i);
}

static uint64_t size_of(const struct disk *d)
{
    struct stat st;

    return stat(d->path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* ---- a process that runs ---- */

void log_open(struct node *n)
{
    struct disk *d   = &n->disk;
    uint64_t     had = size_of(d);

    if (wal_open(&d->wal, d->path) != OK) {
        check_failed("n%d cannot open its WAL", n->index);
        W.is_over = true;
        return;
    }
    d->synced = size_of(d);
    if (d->synced < had)
        tally(TALLY_TORN);
}

static void count(struct node *n, enum err e)
{
    if (e != OK || ++n->disk.records > RECORDS_MAX)
        check_failed("n%d %s", n->index,
                     e ? "cannot write its WAL" : "writes without end");
}

void log_message(struct node *n, const struct consensus_msg *m,
                 const struct peer_id *peer)
{
    count(n, journal_message(n->disk.wal, node_now(n), m, peer, &W.arena));
}

void log_take_back(struct node *n)
{
    wal_take_back(n->disk.wal);
    n->disk.records--;
    tally(TALLY_NOT_HEARD);
}

void log_timeout(struct node *n, const struct timeout *t)
{
    count(n, journal_timeout(n->disk.wal, node_now(n), t, &W.arena));
}

void log_step(struct node *n, const struct effect *e)
{
    count(n, journal_step(n->disk.wal, node_now(n), e->height, e->round,
                          e->new_step.step, &W.arena));
}

void log_end_height(struct node *n, int64_t height)
{
    count(n, wal_append_end_height(n->disk.wal, node_now(n), height, &W.arena));
}

void log_sync(struct node *n)
{
    if (wal_is_synced(n->disk.wal))
        return;
    must(wal_sync(n->disk.wal) == OK);
    n->disk.synced = size_of(&n->disk);
}

/* What the log holds of heights that the store lacks waits until it has them.
 */
static void note_ahead(struct node *n, int64_t highest)
{
    struct wal_replay *r = NULL;
    int64_t            ignored;

    must(wal_replay_open(&r, n->disk.wal, highest - 1, &ignored) == OK);
    n->log_ahead = highest;
    n->log_from  = r ? highest - 1 : highest;
    wal_replay_close(r);
    tally(TALLY_SET_BACK);
    world_say("n%d lacks blocks up to h%" PRId64 " that its log knows",
              n->index, highest);
}

struct wal_replay *log_behind(struct node *n)
{
    int64_t            ended = n->disk.state->last_height, highest;
    struct wal_replay *r;

    if (!n->disk.wal) /* log_open said so */
        return NULL;
    if (wal_replay_open(&r, n->disk.wal, ended, &highest) != OK ||
        (highest > ended && !W.plan.has_sync)) {
        check_failed("n%d cannot read its WAL", n->index);
        return NULL;
    }
    if (highest > ended && n->log_ahead == 0) {
        wal_replay_close(r);
        note_ahead(n, highest);
        return NULL;
    }
    if (!r) { /* it ended between the store and the WAL */
        log_end_height(n, ended);
        log_sync(n);
    }
    return r;
}

/* ---- the end of one ---- */

void log_forget(struct node *n)
{
    if (n->disk.wal)
        wal_close(n->disk.wal);
    n->disk.wal = NULL;
    remove_files(&n->disk);
    n->disk.synced = 0;
}

/* Of what was not synced, pages in the middle never reached the disk. */
static void make_hole(const struct disk *d, uint64_t size)
{
    static const uint8_t zeros[256];
    uint64_t             at = d->synced + rng_below(&W.rng, size - d->synced);
    uint64_t             n  = rng_below(&W.rng, sizeof zeros) + 1;
    int                  fd = open(d->path, O_WRONLY);

    if (n > size - at)
        n = size - at;
    must(fd >= 0 && pwrite(fd, zeros, n, (off_t)at) == (ssize_t)n);
    close(fd);
    tally(TALLY_HOLES);
}

/* Some, all or nothing was written of what was not synced; or room was made
 * for it, and zeros are there; or there is a hole. */
void log_crash(struct node *n)
{
    struct disk *d = &n->disk;
    uint64_t     size, kept;

    must(wal_flush(d->wal) == OK);
    wal_close(d->wal);
    d->wal = NULL;
    size   = size_of(d);
    if (size < d->synced) /* another file since */
        d->synced = 0;
    if (size > d->synced && rng_chance(&W.rng, 20)) {
        make_hole(d, size);
        return;
    }
    kept = d->synced + rng_below(&W.rng, size - d->synced + 1);
    W.tally[TALLY_BYTES_LOST] += size - kept;
    must(truncate(d->path, (off_t)kept) == 0);
    if (rng_chance(&W.rng, 20))
        must(truncate(d->path, (off_t)size) == 0);
}
