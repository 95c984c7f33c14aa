/* Metrics: the text that Prometheus reads. */
#include "test.h"

#include "metrics/metrics.h"

#include <stdio.h>
#include <stdlib.h>

static const double times[] = { 0.1, 1, 10 };

static struct metric height  = { .is_cometbfts = true,
                                 .service      = "consensus",
                                 .subsystem    = "consensus",
                                 .name         = "height",
                                 .help         = "Height of the chain.",
                                 .unit         = "blocks",
                                 .kind         = METRIC_GAUGE };
static struct metric bytes   = { .service   = "EVERY",
                                 .subsystem = "p2p",
                                 .name      = "peer_send_bytes_total",
                                 .help      = "Bytes sent \\ to\na peer.",
                                 .unit      = "bytes",
                                 .kind      = METRIC_COUNTER,
                                 .labels    = { "peer_id", "channel" } };
static struct metric seconds = { .is_cometbfts = true,
                                 .service      = "consensus",
                                 .subsystem    = "consensus",
                                 .name         = "round_duration_seconds",
                                 .help         = "How long a round took.",
                                 .unit         = "seconds",
                                 .kind         = METRIC_HISTOGRAM,
                                 .buckets      = times,
                                 .bucket_count = COUNT(times) };

static const char *printed(void)
{
    static struct buf b;

    buf_fini(&b);
    buf_init(&b, 1 << 20);
    metrics_print(&b, "cometbft", "test-chain");
    return buf_cstr(&b);
}

TEST(every_kind_prints_in_the_text_format)
{
    metric_set(&height, NULL, NULL, 41);
    metric_add(&height, NULL, NULL, 1);
    metric_add(&bytes, "ab\"c", "0x20", 10);
    metric_add(&bytes, "ab\"c", "0x20", 2.5);
    metric_observe(&seconds, NULL, NULL, 0.1);
    metric_observe(&seconds, NULL, NULL, 0.5);
    metric_observe(&seconds, NULL, NULL, 100);
    CHECK_STR(
        printed(),
        "# HELP cometbft_consensus_height Height of the chain. Unit: blocks.\n"
        "# TYPE cometbft_consensus_height gauge\n"
        "cometbft_consensus_height{chain_id=\"test-chain\"} 42\n"
        "# HELP warren_p2p_peer_send_bytes_total Bytes sent \\\\ to\\na "
        "peer. Unit: bytes.\n"
        "# TYPE warren_p2p_peer_send_bytes_total counter\n"
        "warren_p2p_peer_send_bytes_total{chain_id=\"test-chain\","
        "service=\"\",peer_id=\"ab\\\"c\",channel=\"0x20\"} 12.5\n"
        "# HELP cometbft_consensus_round_duration_seconds How long a round "
        "took. Unit: seconds.\n"
        "# TYPE cometbft_consensus_round_duration_seconds histogram\n"
        "cometbft_consensus_round_duration_seconds_bucket{chain_id=\"test-"
        "chain\",le=\"0.1\"} 1\n"
        "cometbft_consensus_round_duration_seconds_bucket{chain_id=\"test-"
        "chain\",le=\"1\"} 2\n"
        "cometbft_consensus_round_duration_seconds_bucket{chain_id=\"test-"
        "chain\",le=\"10\"} 2\n"
        "cometbft_consensus_round_duration_seconds_bucket{chain_id=\"test-"
        "chain\",le=\"+Inf\"} 3\n"
        "cometbft_consensus_round_duration_seconds_sum{chain_id=\"test-"
        "chain\"} 100.6\n"
        "cometbft_consensus_round_duration_seconds_count{chain_id=\"test-"
        "chain\"} 3\n");
}

TEST(series_are_bounded_and_can_be_forgotten)
{
    char name[16];

    for (int i = 0; i < METRIC_SERIES_MAX + 100; i++) {
        snprintf(name, sizeof name, "peer%d", i);
        metric_add(&bytes, name, "0", 1);
    }
    CHECK_EQ(bytes.series_count, METRIC_SERIES_MAX);
    for (int i = 0; i < METRIC_SERIES_MAX + 100; i++) {
        snprintf(name, sizeof name, "peer%d", i);
        metric_forget(&bytes, name, "0");
    }
    CHECK_EQ(bytes.series_count, 1, "the one of the test above");
    metric_forget(&bytes, "ab\"c", "0x20");
    CHECK_EQ(bytes.series_count, 0);
    CHECK(!strstr(printed(), "peer_send_bytes"));
}

static void on_asked(void *ctx)
{
    metric_set(&height, NULL, NULL, ++*(int *)ctx);
}

TEST(a_source_is_asked_when_somebody_looks_until_it_leaves)
{
    int                   n = 99;
    struct metrics_source s = { .fn = on_asked, .ctx = &n };

    metrics_join(&s);
    CHECK(strstr(printed(), "cometbft_consensus_height{chain_id="
                            "\"test-chain\"} 100\n"));
    metrics_leave(&s);
    printed();
    CHECK_EQ(n, 100);
}

TEST(what_has_not_happened_reads_0_in_its_own_service_only)
{
    metrics_start("mempool");
    CHECK(strstr(printed(), "\ncometbft_mempool_failed_txs{chain_id="
                            "\"test-chain\"} 0\n"));
    CHECK(strstr(printed(), "\nwarren_process_restarts_total{chain_id="
                            "\"test-chain\",service=\"mempool\"} 0\n"));
    CHECK(!strstr(printed(), "cometbft_mempool_size{"), "gauges are unknown");
    CHECK(!strstr(printed(), "warren_store_commit_seconds"));
}

TEST(promtool_accepts_the_text)
{
    FILE *f;

    if (system("command -v promtool >/dev/null 2>&1") != 0) {
        skip("promtool is not installed");
        return;
    }
    metric_set(&bytes, "x", "0x30", 0.25);
    /* CometBFT's names are what they are. */
    f = popen("! promtool check metrics 2>&1 | grep -v ^cometbft_", "w");
    CHECK(f != NULL);
    fputs(printed(), f);
    CHECK_EQ(pclose(f), 0);
}
