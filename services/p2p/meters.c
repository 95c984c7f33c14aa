#include "p2p/meters.h"

#include "metrics/metrics.h"

#include <stdio.h>

/* One kind of message. */
struct tally {
    const char *name;
    uint64_t    received, sent;
};

/* The members of each family's oneof, by number. */
static struct tally consensus[] = {
    { 0 },
    { .name = "consensus_NewRoundStep" },
    { .name = "consensus_NewValidBlock" },
    { .name = "consensus_Proposal" },
    { .name = "consensus_ProposalPOL" },
    { .name = "consensus_BlockPart" },
    { .name = "consensus_Vote" },
    { .name = "consensus_HasVote" },
    { .name = "consensus_VoteSetMaj23" },
    { .name = "consensus_VoteSetBits" },
};
static struct tally blocksync[] = {
    { 0 },
    { .name = "blocksync_BlockRequest" },
    { .name = "blocksync_NoBlockResponse" },
    { .name = "blocksync_BlockResponse" },
    { .name = "blocksync_StatusRequest" },
    { .name = "blocksync_StatusResponse" },
};
static struct tally statesync[] = {
    { 0 },
    { .name = "statesync_SnapshotsRequest" },
    { .name = "statesync_SnapshotsResponse" },
    { .name = "statesync_ChunkRequest" },
    { .name = "statesync_ChunkResponse" },
};
static struct tally pex[]      = { { 0 },
                                   { .name = "p2p_PexRequest" },
                                   { .name = "p2p_PexAddrs" } };
static struct tally mempool[]  = { { 0 }, { .name = "mempool_Txs" } };
static struct tally seen[]     = { { .name = "warren_Seen" } };
static struct tally evidence[] = { { .name = "types_EvidenceList" } };

static const struct family {
    uint8_t       first, last; /* channels */
    struct tally *tally;
    size_t        count;
    bool          is_oneof;
} families[] = {
    { 0x00, 0x00, pex, COUNT(pex), true },
    { 0x20, 0x23, consensus, COUNT(consensus), true },
    { 0x30, 0x30, mempool, COUNT(mempool), true },
    { 0x38, 0x38, evidence, COUNT(evidence), false },
    { 0x40, 0x40, blocksync, COUNT(blocksync), true },
    { 0x60, 0x61, statesync, COUNT(statesync), true },
    { 0x77, 0x77, seen, COUNT(seen), false },
};

static struct tally *tally_of(uint8_t channel, struct span message)
{
    static struct tally unknown;

    for (size_t i = 0; i < COUNT(families); i++) {
        const struct family *f = &families[i];
        size_t kind = f->is_oneof && message.n > 0 ? message.p[0] >> 3 : 0;

        if (channel >= f->first && channel <= f->last)
            return kind < f->count ? &f->tally[kind] : &unknown;
    }
    return &unknown;
}

void meter_received(struct meter *m, size_t i, uint8_t channel,
                    struct span message)
{
    m->received[i] += message.n;
    tally_of(channel, message)->received += message.n;
}

void meter_sent(struct meter *m, size_t i, uint8_t channel, struct span message)
{
    m->sent[i] += message.n;
    tally_of(channel, message)->sent += message.n;
}

static void channel_label(char out[8], uint8_t channel)
{
    snprintf(out, 8, "0x%x", channel);
}

void meter_peer(const struct meter *m, const char *id, const uint8_t *channels,
                size_t n, size_t waiting)
{
    char label[8];

    for (size_t i = 0; i < n; i++) {
        channel_label(label, channels[i]);
        if (m->received[i])
            metric_set(&metric_p2p_peer_receive_bytes_total, id, label,
                       (double)m->received[i]);
        if (m->sent[i])
            metric_set(&metric_p2p_peer_send_bytes_total, id, label,
                       (double)m->sent[i]);
    }
    metric_set(&metric_p2p_peer_pending_send_bytes, id, NULL, (double)waiting);
}

void meter_forget(const char *id, const uint8_t *channels, size_t n)
{
    char label[8];

    for (size_t i = 0; i < n; i++) {
        channel_label(label, channels[i]);
        metric_forget(&metric_p2p_peer_receive_bytes_total, id, label);
        metric_forget(&metric_p2p_peer_send_bytes_total, id, label);
    }
    metric_forget(&metric_p2p_peer_pending_send_bytes, id, NULL);
}

void meter_node(size_t count)
{
    metric_set(&metric_p2p_peers, NULL, NULL, (double)count);
    for (size_t i = 0; i < COUNT(families); i++) {
        for (size_t k = 0; k < families[i].count; k++) {
            const struct tally *t = &families[i].tally[k];

            if (t->received)
                metric_set(&metric_p2p_message_receive_bytes_total, t->name,
                           NULL, (double)t->received);
            if (t->sent)
                metric_set(&metric_p2p_message_send_bytes_total, t->name, NULL,
                           (double)t->sent);
        }
    }
}
