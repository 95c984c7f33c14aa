#include "p2p/reactors.h"

#include "base/limits.h"

enum {
    RETRY_US  = 1000,
    NEWS_ROOM = 16 << 20, /* in a push, for news of peers */
};

/* ---- pushing ---- */

static void pushed(struct reactor *r, uint64_t number)
{
    struct push *p = &r->pushes[(r->first + r->count++) % PUSHES_MAX];

    *p = (struct push){ number, r->outbox.len };
    r->unconfirmed += r->outbox.len;
    buf_clear(&r->outbox);
    r->has_frames = false;
    r->pushed_us  = now_us();
}

/* What waits goes out as one push.  The number stands at its end, so a push
 * that the bus refused is cut back and gets another later. */
static void flush(void *ctx)
{
    struct reactor *r      = ctx;
    size_t          before = r->outbox.len;
    uint64_t        number;

    if (!r->is_used || before == 0 || r->count == PUSHES_MAX)
        return;
    number = r->all->next_number++;
    gossip_add_number(&r->outbox, number);
    must(!r->outbox.is_full);
    if (bus_push_to(r->all->server, r->client, buf_span(&r->outbox))) {
        pushed(r, number);
    } else {
        r->outbox.len = before;
        timer_set(&r->retry, RETRY_US);
    }
}

static void on_pace(void *ctx)
{
    struct reactor *r = ctx;

    r->is_paced = false;
    flush(r);
}

/* A wake-up of the reactor costs more than most frames do. */
static void flush_at_pace(struct reactor *r)
{
    uint64_t since = now_us() - r->pushed_us;

    if (r->is_paced)
        return;
    r->is_paced = since < PUSH_PACE_US;
    if (r->is_paced)
        timer_set(&r->pace, PUSH_PACE_US - since);
    else
        deferred_set(&r->flush);
}

static bool is_patient(const struct reactor *r, uint32_t channel)
{
    struct span ids = r->all->patient;

    return ids.n > 0 && memchr(ids.p, (int)channel, ids.n) != NULL;
}

bool reactor_is_full(const struct reactor *r)
{
    return r->unconfirmed + r->outbox.len > REACTOR_BYTES ||
           r->count == PUSHES_MAX;
}

/* News of peers stand before frames in a push: what is told of a peer after
 * its frames goes into another one.  A reactor that confirms nothing for so
 * long that news of peers who come and go fill their room is parted from: it
 * starts again from what is then. */
void reactor_tell_peer(struct reactor *r, const struct gossip_peer *p)
{
    if (r->has_frames)
        flush(r);
    if (r->outbox.max - r->outbox.len < NEWS_ROOM / 2) {
        buf_clear(&r->outbox);
        bus_part(r->all->server, r->client);
    }
    gossip_add_peer(&r->outbox, p);
    must(!r->outbox.is_full);
    deferred_set(&r->flush);
}

void reactors_tell_peer(struct reactors *r, const struct gossip_peer *p)
{
    for (size_t i = 0; i < REACTORS_MAX; i++)
        if (r->reactor[i].is_used)
            reactor_tell_peer(&r->reactor[i], p);
}

enum reactor_told reactor_tell_frame(struct reactor            *r,
                                     const struct gossip_frame *f)
{
    if (r->outbox.len + f->bytes.n > r->outbox.max - NEWS_ROOM)
        return REACTOR_OVERFLOWS;
    gossip_add_frame(&r->outbox, f);
    must(!r->outbox.is_full);
    r->has_frames = true;
    if (r->outbox.len >= PUSH_BYTES)
        flush(r);
    else if (is_patient(r, f->channel))
        flush_at_pace(r);
    else
        deferred_set(&r->flush);
    return reactor_is_full(r) ? REACTOR_FILLED : REACTOR_GOES_ON;
}

void reactor_seen(struct reactor *r, uint64_t number)
{
    bool was_full = reactor_is_full(r);

    while (r->count > 0 && r->pushes[r->first].number <= number) {
        r->unconfirmed -= r->pushes[r->first].bytes;
        r->first = (r->first + 1) % PUSHES_MAX;
        r->count--;
    }
    if (r->outbox.len > 0)
        deferred_set(&r->flush);
    if (was_full && !reactor_is_full(r))
        deferred_set(&r->all->room);
}

static void tell_room(void *ctx)
{
    struct reactors *r = ctx;

    r->on_room(r->ctx);
}

/* ---- who is there ---- */

struct reactor *reactors_client(struct reactors *r, uint32_t client)
{
    for (size_t i = 0; i < REACTORS_MAX; i++)
        if (r->reactor[i].is_used && r->reactor[i].client == client)
            return &r->reactor[i];
    return NULL;
}

static void *find_channel(struct reactor *r, uint8_t channel)
{
    return r->is_used ? memchr(r->channels, channel, r->channel_count) : NULL;
}

struct reactor *reactors_channel(struct reactors *r, uint8_t channel)
{
    for (size_t i = 0; i < REACTORS_MAX; i++)
        if (find_channel(&r->reactor[i], channel))
            return &r->reactor[i];
    return NULL;
}

/* Whatever was held back for it need not be any more, in whichever way it
 * went. */
static void clear(struct reactor *r)
{
    if (reactor_is_full(r))
        deferred_set(&r->all->room);
    r->is_used       = false;
    r->channel_count = 0;
    r->first = r->count = r->unconfirmed = 0;
    r->has_frames                        = false;
    buf_clear(&r->outbox);
}

static void take_away(struct reactors *r, uint8_t channel)
{
    struct reactor *had = reactors_channel(r, channel);
    uint8_t        *at  = had ? find_channel(had, channel) : NULL;

    if (!at)
        return;
    *at = had->channels[--had->channel_count];
    if (had->channel_count == 0)
        clear(had);
}

struct reactor *reactors_register(struct reactors *r, uint32_t client,
                                  struct span channels)
{
    struct reactor *to = reactors_client(r, client);

    must(channels.n <= GOSSIP_CHANNELS_MAX);
    for (size_t i = 0; i < channels.n; i++)
        take_away(r, channels.p[i]);
    for (size_t i = 0; !to && i < REACTORS_MAX; i++)
        if (!r->reactor[i].is_used)
            to = &r->reactor[i];
    if (!to)
        return NULL;
    clear(to);
    to->is_used       = true;
    to->client        = client;
    to->channel_count = channels.n;
    memcpy(to->channels, channels.p, channels.n);
    return to;
}

bool reactors_gone(struct reactors *r, uint32_t client)
{
    struct reactor *had = reactors_client(r, client);

    if (had)
        clear(had);
    return had != NULL;
}

void reactors_init(struct reactors *r, struct loop *l, struct span patient,
                   void (*on_room)(void *ctx), void *ctx)
{
    r->patient     = patient;
    r->next_number = 1;
    deferred_init(&r->room, l, tell_room, r);
    r->on_room = on_room;
    r->ctx     = ctx;
    for (size_t i = 0; i < REACTORS_MAX; i++) {
        struct reactor *to = &r->reactor[i];

        to->all = r;
        buf_init(&to->outbox, BUS_MSG_BYTES_MAX);
        deferred_init(&to->flush, l, flush, to);
        timer_init(&to->retry, l, flush, to);
        timer_init(&to->pace, l, on_pace, to);
    }
}

void reactors_fini(struct reactors *r)
{
    deferred_fini(&r->room);
    for (size_t i = 0; i < REACTORS_MAX; i++) {
        buf_fini(&r->reactor[i].outbox);
        deferred_fini(&r->reactor[i].flush);
        timer_fini(&r->reactor[i].retry);
        timer_fini(&r->reactor[i].pace);
    }
}
