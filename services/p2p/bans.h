/* bans - nodes that are not welcome for a while, and addresses from which
 * too much nonsense came.
 *
 * Units:   seconds since 1970 for bans, microseconds for faults.
 * Memory:  fixed; when full the ban that ends first goes, or the address
 *          that was heard of longest ago. */
#ifndef WARREN_P2P_BANS_H
#define WARREN_P2P_BANS_H

#include "wire/addr.h"

enum {
    BANS_MAX       = 1024,
    FAULTY_IPS_MAX = 1024,
    FAULTS_MAX     = 20, /* within FAULTS_SECONDS, then refused */
    FAULTS_SECONDS = 60,
};

struct ban {
    uint8_t id[ADDRESS_BYTES];
    int64_t until; /* 0: free */
};

struct faulty_ip {
    uint8_t  ip[IP_BYTES];
    uint32_t faults; /* fade by one in FAULTS_SECONDS / FAULTS_MAX */
    uint64_t at_us;  /* 0: free */
};

struct bans {
    struct ban       ban[BANS_MAX];
    struct faulty_ip faulty[FAULTY_IPS_MAX];
};

void bans_add(struct bans *b, const uint8_t id[ADDRESS_BYTES], int64_t until,
              int64_t now);
bool bans_hold(const struct bans *b, const uint8_t id[ADDRESS_BYTES],
               int64_t now);

void bans_fault(struct bans *b, const uint8_t ip[IP_BYTES], uint64_t now_us);
bool bans_refuse(const struct bans *b, const uint8_t ip[IP_BYTES],
                 uint64_t now_us);

#endif
