#include "p2p/bans.h"

#define FADE_US (UINT64_C(1000000) * FAULTS_SECONDS / FAULTS_MAX)

void bans_add(struct bans *b, const uint8_t id[ADDRESS_BYTES], int64_t until,
              int64_t now)
{
    struct ban *to = &b->ban[0];

    for (size_t i = 0; i < BANS_MAX; i++) {
        struct ban *k = &b->ban[i];

        if (k->until > now && memcmp(k->id, id, ADDRESS_BYTES) == 0) {
            k->until = k->until > until ? k->until : until;
            return;
        }
        if (k->until < to->until)
            to = k;
    }
    memcpy(to->id, id, ADDRESS_BYTES);
    to->until = until;
}

bool bans_hold(const struct bans *b, const uint8_t id[ADDRESS_BYTES],
               int64_t now)
{
    for (size_t i = 0; i < BANS_MAX; i++)
        if (b->ban[i].until > now &&
            memcmp(b->ban[i].id, id, ADDRESS_BYTES) == 0)
            return true;
    return false;
}

static uint32_t faults_now(const struct faulty_ip *f, uint64_t now_us)
{
    uint64_t faded = (now_us - f->at_us) / FADE_US;

    return f->at_us == 0 || faded >= f->faults ? 0
                                               : f->faults - (uint32_t)faded;
}

/* The entry of an address, or NULL. */
static const struct faulty_ip *find(const struct bans *b,
                                    const uint8_t      ip[IP_BYTES])
{
    for (size_t i = 0; i < FAULTY_IPS_MAX; i++)
        if (b->faulty[i].at_us && memcmp(b->faulty[i].ip, ip, IP_BYTES) == 0)
            return &b->faulty[i];
    return NULL;
}

static struct faulty_ip *oldest(struct bans *b)
{
    struct faulty_ip *to = &b->faulty[0];

    for (size_t i = 0; i < FAULTY_IPS_MAX; i++)
        if (b->faulty[i].at_us < to->at_us)
            to = &b->faulty[i];
    return to;
}

void bans_fault(struct bans *b, const uint8_t ip[IP_BYTES], uint64_t now_us)
{
    const struct faulty_ip *had = find(b, ip);
    struct faulty_ip       *f   = had ? &b->faulty[had - b->faulty] : oldest(b);
    uint32_t                n   = had ? faults_now(had, now_us) : 0;

    memcpy(f->ip, ip, IP_BYTES);
    f->faults = n < 2 * FAULTS_MAX ? n + 1 : n;
    f->at_us  = now_us ? now_us : 1;
}

bool bans_refuse(const struct bans *b, const uint8_t ip[IP_BYTES],
                 uint64_t now_us)
{
    const struct faulty_ip *f = find(b, ip);

    return f && faults_now(f, now_us) >= FAULTS_MAX;
}
