#include "loop/stream.h"

#include "loop/address.h"
#include "loop/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LIMIT_DEFAULT = 64 << 20,
    BYTES_FIRST   = 16 << 10,
    BYTES_KEPT    = 256 << 10, /* a larger empty queue is given back */
    READ_SIZE_MIN = 16 << 10,
    READ_SIZE_MAX = 1 << 20,
    WRITE_AT_ONCE = 64 << 10, /* larger ones skip the copy when they can */
};

/* A queue of bytes: what waits is p[from .. to). */
struct queue {
    uint8_t *p;
    size_t   from, to, cap;
};

struct stream {
    struct loop      *loop;
    struct stream_fns fns;
    void             *ctx;
    int               fd;
    struct watch      reader, writer;
    struct timer      timer;  /* of the connection, or of closing */
    struct deferred   flush;  /* output once per turn of the loop */
    struct deferred   wakeup; /* a failure to tell, or input to offer again */
    const char       *why;    /* the failure, once there is one */
    struct queue      in, out;
    size_t            input_max, output_max, read_size;
    struct resolve   *resolve;
    struct addresses  addresses;
    size_t            address_next;
    const char       *error; /* of the last address tried */
    bool              is_open;
    bool              is_reading, is_writing; /* what is watched */
    bool              is_paused;
    bool              wants_drain; /* output passed a quarter of its limit */
    bool              is_closing;  /* flush what is left, then go */
    bool              is_ended;    /* the other side sends no more */
    bool              is_gone;     /* closed inside a callback */
    unsigned          depth;       /* of callbacks */
};

static size_t queue_size(const struct queue *q)
{
    return q->to - q->from;
}

/* Room for n more bytes at the end, the whole at most max. */
static bool queue_room(struct queue *q, size_t n, size_t max)
{
    size_t   used = queue_size(q);
    size_t   cap  = q->cap ? q->cap : BYTES_FIRST;
    uint8_t *p;

    if (q->cap - q->to >= n && q->p)
        return true;
    if (n > max || used > max - n)
        return false;
    if (used + n <= q->cap && q->from >= used) {
        memcpy(q->p, q->p + q->from, used);
    } else {
        for (cap = q->p ? 2 * cap : cap; cap < used + n;)
            cap *= 2;
        p = malloc(cap);
        if (!p)
            return false;
        if (used)
            memcpy(p, q->p + q->from, used);
        free(q->p);
        q->p   = p;
        q->cap = cap;
    }
    q->from = 0;
    q->to   = used;
    return true;
}

static void queue_drop(struct queue *q, size_t n)
{
    q->from += n;
    if (q->from < q->to)
        return;
    q->from = q->to = 0;
    if (q->cap > BYTES_KEPT) {
        free(q->p);
        q->p   = NULL;
        q->cap = 0;
    }
}

static void stream_destroy(struct stream *s)
{
    watch_fini(&s->reader);
    watch_fini(&s->writer);
    timer_fini(&s->timer);
    deferred_fini(&s->flush);
    deferred_fini(&s->wakeup);
    resolve_cancel(s->resolve);
    s->resolve = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static void stream_drop(struct stream *s)
{
    stream_destroy(s);
    s->is_gone = true;
    if (s->depth > 0)
        return;
    free(s->in.p);
    free(s->out.p);
    free(s);
}

void stream_close(struct stream *s)
{
    if (s && !s->is_gone)
        stream_drop(s);
}

/* After a callback: false when the stream was closed inside and is gone. */
static bool stream_leave(struct stream *s)
{
    bool is_gone = s->is_gone;

    s->depth--;
    if (is_gone)
        stream_drop(s);
    return !is_gone;
}

/* Tell the owner and go.  Never from inside a callback or a call. */
static void stream_end(struct stream *s, const char *why)
{
    struct stream_fns fns     = s->fns;
    void             *ctx     = s->ctx;
    bool              is_told = !s->is_closing && fns.on_close;

    stream_drop(s);
    if (is_told)
        fns.on_close(ctx, why);
}

/* A failure that is found where no callback may run. */
static void stream_fail(struct stream *s, const char *why)
{
    s->why = why;
    deferred_set(&s->wakeup);
}

static const char *reason(int error)
{
    const char *text = strerrordesc_np(error);

    return text ? text : "unknown error";
}

static void watch_want(struct watch *w, bool *is_watched, bool is_wanted)
{
    if (*is_watched == is_wanted || !w->ev)
        return;
    watch_pause(w, !is_wanted);
    *is_watched = is_wanted;
}

static bool may_read(const struct stream *s)
{
    return s->is_closing ||
           (!s->is_paused && !s->is_ended && queue_size(&s->in) < s->input_max);
}

/* The reader is let be until something comes that may not be read: most
 * pauses end before that, and each change costs a call of the system. */
static void update_reader(struct stream *s)
{
    if (s->is_open && may_read(s))
        watch_want(&s->reader, &s->is_reading, true);
}

/* After the output was flushed as far as it goes, for the same reason. */
static void update_writer(struct stream *s)
{
    watch_want(&s->writer, &s->is_writing, queue_size(&s->out) > 0);
}

/* ---- input ---- */

/* Offer what waits; false when the stream went. */
static bool deliver(struct stream *s)
{
    struct span in = { s->in.p + s->in.from, queue_size(&s->in) };
    size_t      used;

    s->depth++;
    used = s->fns.on_data(s->ctx, in);
    if (!stream_leave(s))
        return false;
    must(used <= in.n);
    queue_drop(&s->in, used);
    update_reader(s);
    return true;
}

/* Read once: bytes read, 0 when nothing waits, -1 at the end (s->is_ended) or
 * when it failed (s->why). */
static ssize_t receive(struct stream *s)
{
    size_t  used = queue_size(&s->in);
    size_t  room = s->read_size;
    ssize_t n;

    if (room > s->input_max - used)
        room = s->input_max - used;
    if (room == 0)
        return 0;
    if (!queue_room(&s->in, room, s->input_max)) {
        s->why = "out of memory";
        return -1;
    }
    n = recv(s->fd, s->in.p + s->in.to, room, 0);
    if (n > 0) {
        s->in.to += (size_t)n;
        if ((size_t)n == room && s->read_size < READ_SIZE_MAX)
            s->read_size *= 2;
        return n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    s->is_ended = n == 0;
    s->why      = n == 0 ? NULL : reason(errno);
    return -1;
}

/* The other side's words no longer matter: read them so that closing does
 * not destroy what was sent. */
static void discard(struct stream *s)
{
    char    sink[16 << 10];
    ssize_t n = recv(s->fd, sink, sizeof sink, 0);

    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    if (n < 0 || queue_size(&s->out) == 0) {
        stream_end(s, NULL);
        return;
    }
    s->is_ended = true; /* it may still listen: on_flush ends this */
    watch_want(&s->reader, &s->is_reading, false);
}

/* The other side has said all: the owner gets what waits of it, then hears of
 * the end, and may still have an answer. */
static void end_input(struct stream *s)
{
    size_t waiting = SIZE_MAX;

    while (!s->is_paused && !s->is_closing && queue_size(&s->in) &&
           queue_size(&s->in) < waiting) {
        waiting = queue_size(&s->in);
        if (!deliver(s))
            return;
    }
    if (s->is_paused || s->is_closing)
        return;
    s->depth++;
    if (s->fns.on_end)
        s->fns.on_end(s->ctx);
    if (stream_leave(s) && !s->is_closing && !s->is_paused)
        stream_end(s, "closed by the other side");
}

static void on_readable(void *ctx)
{
    struct stream *s = ctx;
    ssize_t        n;

    if (s->is_closing) {
        discard(s);
        return;
    }
    if (!may_read(s)) {
        watch_want(&s->reader, &s->is_reading, false);
        return;
    }
    n = receive(s);
    if (n < 0 && !s->is_ended)
        stream_end(s, s->why);
    else if (n < 0)
        end_input(s);
    else if (n > 0)
        deliver(s);
}

static void on_wakeup(void *ctx)
{
    struct stream *s   = ctx;
    const char    *why = s->why;

    if (why && s->is_open) {
        /* Writing failed; what the other side said before still counts. */
        while (!s->is_paused && !s->is_closing && receive(s) > 0)
            if (!deliver(s))
                return;
    }
    if (why)
        stream_end(s, why);
    else if (s->is_ended)
        end_input(s);
    else if (!s->is_paused && !s->is_closing && queue_size(&s->in) > 0)
        deliver(s);
}

void stream_pause(struct stream *s, bool is_paused)
{
    if (s->is_gone || s->is_paused == is_paused)
        return;
    s->is_paused = is_paused;
    if (!is_paused && (queue_size(&s->in) > 0 || s->is_ended))
        deferred_set(&s->wakeup);
    update_reader(s);
}

/* ---- output ---- */

/* Send from p; how many bytes went, and s->why on failure. */
static size_t send_some(struct stream *s, const uint8_t *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t k = send(s->fd, p + done, n - done, MSG_NOSIGNAL);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0 && errno != EAGAIN)
            stream_fail(s, reason(errno));
        if (k < 0)
            break;
        done += (size_t)k;
    }
    return done;
}

/* All is sent: end our direction and wait for the other side to end its. */
static void finish_closing(struct stream *s)
{
    if (s->is_ended)
        stream_end(s, NULL);
    else if (s->fd >= 0)
        shutdown(s->fd, SHUT_WR);
}

static void on_flush(void *ctx)
{
    struct stream *s = ctx;

    if (!s->is_open || s->why)
        return;
    queue_drop(&s->out,
               send_some(s, s->out.p + s->out.from, queue_size(&s->out)));
    update_writer(s);
    if (s->is_closing && queue_size(&s->out) == 0) {
        finish_closing(s);
    } else if (s->wants_drain && queue_size(&s->out) <= s->output_max / 4) {
        s->wants_drain = false;
        s->depth++;
        if (s->fns.on_drain && !s->is_closing)
            s->fns.on_drain(s->ctx);
        stream_leave(s);
    }
}

bool stream_write(struct stream *s, struct span bytes)
{
    size_t waiting = queue_size(&s->out);

    if (s->is_gone || s->is_closing || waiting > s->output_max ||
        bytes.n > s->output_max - waiting) {
        s->wants_drain = true;
        return false;
    }
    if (s->why)
        return true; /* lost, as on_close will say */
    if (waiting == 0 && s->is_open && bytes.n >= WRITE_AT_ONCE) {
        size_t sent = send_some(s, bytes.p, bytes.n);

        bytes = SPAN(bytes.p + sent, bytes.n - sent);
    }
    if (bytes.n == 0)
        return true;
    if (!queue_room(&s->out, bytes.n, s->output_max)) {
        stream_fail(s, "out of memory");
        return true;
    }
    memcpy(s->out.p + s->out.to, bytes.p, bytes.n);
    s->out.to += bytes.n;
    if (queue_size(&s->out) > s->output_max / 4)
        s->wants_drain = true;
    if (!s->is_writing)
        deferred_set(&s->flush);
    return true;
}

size_t stream_pending(const struct stream *s)
{
    return queue_size(&s->out);
}

void stream_limits(struct stream *s, size_t output_max, size_t input_max)
{
    s->output_max = output_max;
    s->input_max  = input_max;
}

int stream_fd(const struct stream *s)
{
    return s->fd;
}

static void on_close_timeout(void *ctx)
{
    stream_end(ctx, NULL);
}

void stream_close_flushed(struct stream *s, uint32_t timeout_ms)
{
    if (s->is_gone || s->is_closing)
        return;
    if (!s->is_open || s->why) {
        stream_drop(s);
        return;
    }
    s->is_closing = true;
    timer_fini(&s->timer);
    timer_init(&s->timer, s->loop, on_close_timeout, s);
    timer_set(&s->timer, (uint64_t)timeout_ms * 1000);
    deferred_set(&s->flush);
    update_reader(s);
}

/* ---- making ---- */

static struct stream *stream_alloc(struct loop *l, const struct stream_fns *fns,
                                   void *ctx)
{
    struct stream *s = calloc(1, sizeof *s);

    must(s);
    s->loop       = l;
    s->fns        = *fns;
    s->ctx        = ctx;
    s->fd         = -1;
    s->input_max  = LIMIT_DEFAULT;
    s->output_max = LIMIT_DEFAULT;
    s->read_size  = READ_SIZE_MIN;
    deferred_init(&s->flush, l, on_flush, s);
    deferred_init(&s->wakeup, l, on_wakeup, s);
    return s;
}

static void stream_opened(struct stream *s)
{
    int one = 1;

    s->is_open = true;
    /* Fails on unix sockets, where it is not needed. */
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    watch_init(&s->reader, s->loop, s->fd, WATCH_READ, on_readable, s);
    watch_init(&s->writer, s->loop, s->fd, WATCH_WRITE, on_flush, s);
    s->is_reading = s->is_writing = true;
    update_writer(s);
}

struct stream *stream_adopt(struct loop *l, int fd,
                            const struct stream_fns *fns, void *ctx)
{
    struct stream *s = stream_alloc(l, fns, ctx);

    s->fd = fd;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    stream_opened(s);
    return s;
}

/* ---- connecting ---- */

static void connect_next(struct stream *s);

static void on_connected(void *ctx)
{
    struct stream *s     = ctx;
    int            error = 0;
    socklen_t      n     = sizeof error;

    watch_fini(&s->writer);
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error) {
        s->error = reason(error);
        connect_next(s);
        return;
    }
    timer_fini(&s->timer);
    stream_opened(s);
    s->depth++;
    if (s->fns.on_open)
        s->fns.on_open(s->ctx);
    stream_leave(s);
}

static bool connect_start(struct stream *s, const struct sockaddr *sa,
                          socklen_t len)
{
    int flags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

    s->fd = socket(sa->sa_family, flags, 0);
    if (s->fd < 0)
        return false;
    if (connect(s->fd, sa, len) < 0 && errno != EINPROGRESS)
        return false;
    watch_init(&s->writer, s->loop, s->fd, WATCH_WRITE, on_connected, s);
    return true;
}

/* Try the addresses in turn. */
static void connect_next(struct stream *s)
{
    while (s->address_next < s->addresses.n) {
        size_t i = s->address_next++;

        if (s->fd >= 0)
            close(s->fd);
        if (connect_start(s, (struct sockaddr *)&s->addresses.v[i],
                          s->addresses.len[i]))
            return;
        s->error = reason(errno);
    }
    stream_fail(s, s->error);
}

static void on_resolved(void *ctx, const struct addresses *found)
{
    struct stream *s = ctx;

    s->resolve   = NULL;
    s->addresses = *found;
    s->error     = "host name does not resolve";
    connect_next(s);
}

static void on_connect_timeout(void *ctx)
{
    stream_end(ctx, "connecting timed out");
}

struct stream *stream_connect(struct loop *l, const char *address,
                              uint32_t timeout_ms, const struct stream_fns *fns,
                              void *ctx)
{
    struct stream   *s     = stream_alloc(l, fns, ctx);
    struct addresses found = { .n = 1 };
    struct address   a;

    timer_init(&s->timer, l, on_connect_timeout, s);
    timer_set(&s->timer, (uint64_t)timeout_ms * 1000);
    if (!address_parse(&a, address)) {
        stream_fail(s, "malformed address");
    } else if (address_sockaddr(&a, &found.v[0], &found.len[0])) {
        s->addresses = found;
        connect_next(s);
    } else {
        s->resolve = resolve_start(l, a.host, a.port, on_resolved, s);
    }
    return s;
}
