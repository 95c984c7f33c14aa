/* meters - what Prometheus is told, under CometBFT's names.
 *
 * Messages are tallied as they pass, which costs next to nothing; now and
 * then the tallies become metrics. */
#ifndef WARREN_P2P_METERS_H
#define WARREN_P2P_METERS_H

#include "base/base.h"
#include "base/limits.h"

/* The tally of one peer. */
struct meter {
    uint64_t received[NODE_INFO_CHANNELS_MAX], sent[NODE_INFO_CHANNELS_MAX];
};

/* A message on the i-th of our channels; its kind is read off its start. */
void meter_received(struct meter *m, size_t i, uint8_t channel,
                    struct span message);
void meter_sent(struct meter *m, size_t i, uint8_t channel,
                struct span message);

/* meter_peer - publish a peer's tally; pending counts waiting messages. */
void meter_peer(const struct meter *m, const char *id, const uint8_t *channels,
                size_t n, size_t pending);
/* meter_forget - a peer that left. */
void meter_forget(const char *id, const uint8_t *channels, size_t n);
/* meter_node - publish the rest. */
void meter_node(size_t peers);

#endif
