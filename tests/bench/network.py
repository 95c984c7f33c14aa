#!/usr/bin/env python3
"""Four validators on this machine, Warren's and CometBFT v0.38.25's in turn:
the same kvstore workload, the index on, for each profile.

    network.py [warren|comet] [PROFILE]

Prints a table for docs/benchmarks.md.  WARREN_BENCH_ROUNDS: pairs of runs;
WARREN_BENCH_SECONDS: length of each measured window; WARREN_BENCH_PROFILES:
"default", "fast0" or both; WARREN_BENCH_EMPTY=1: catch-up of empty blocks only."""
import base64
import http.client
import json
import os
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for part in ("e2e", "interop", "bench"):
    sys.path.insert(0, os.path.join(HERE, "..", part))
import bench  # noqa: E402
import net  # noqa: E402

ROUNDS = int(os.environ.get("WARREN_BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("WARREN_BENCH_SECONDS", "10"))
WARM, CATCH_UP_S = 3, 40
VALIDATORS = 4
COMETBFT = net.peer("cometbft")

# Beyond the defaults: (table, key, value), and the largest block in genesis.
FAST0 = [("consensus", "timeout_commit", '"0s"'), ("consensus", "peer_gossip_sleep_duration", '"5ms"'),
         ("mempool", "size", "100000"), ("mempool", "cache_size", "200000"), ("p2p", "send_rate", "500000000"),
         ("p2p", "recv_rate", "500000000"), ("p2p", "flush_throttle_timeout", '"10ms"'),
         ("rpc", "max_request_batch_size", "1000"), ("rpc", "max_body_bytes", "10000000"), ("", "log_level", '"error"')]
PROFILES = {"default": ([], None, 10, (1000,)), "fast0": (FAST0, 4 << 20, 100, (1000, 2000))}


class Member:
    """One node of either kind."""

    def __init__(self, home, rpc_port, p2p_port, args, many):
        self.home, self.rpc, self.p2p_port = home, net.Rpc(rpc_port), p2p_port
        self.args, self.many = args, many
        self.process = None

    def start(self):
        self.process = net.Process(self.args, os.path.join(self.home, "log"))

    def pids(self):
        more = list(net.children_of(self.process.pid).values()) if self.many else []
        return [self.process.pid] + more


def tune(home, profile):
    changes, block_bytes, _, _ = PROFILES[profile]
    for table, key, value in changes:
        net.edit_config(home, table, key, value)
    if block_bytes:
        path = os.path.join(home, "config", "genesis.json")
        with open(path) as f:
            genesis = json.load(f)
        genesis["consensus_params"]["block"]["max_bytes"] = str(block_bytes)
        with open(path, "w") as f:
            json.dump(genesis, f)


def warren_network(d, profile, base):
    _, out, _ = net.warren("testnet", f"--v={VALIDATORS}", "--n=1", f"--o={d}", f"--base-port={base}", "--output=json")
    members = []
    for i, h in enumerate(json.loads(out)["homes"]):
        tune(h["home"], profile)
        members.append(Member(h["home"], base + 10 * i + 1, base + 10 * i,
                              [net.WARREN, "start", "--home", h["home"], "--proxy_app=kvstore"], True))
    return members


def comet_network(d, profile, base):
    subprocess.run([COMETBFT, "testnet", "--v", str(VALIDATORS), "--n", "1", "--o", d], check=True, capture_output=True)
    homes = [os.path.join(d, f"node{i}") for i in range(VALIDATORS + 1)]
    ids = [subprocess.run([COMETBFT, "show-node-id", "--home", h], check=True, capture_output=True, text=True).stdout.strip() for h in homes]
    members = []
    for i, h in enumerate(homes):
        peers = ",".join(f"{n}@127.0.0.1:{base + 10 * k}" for k, n in enumerate(ids) if k != i)
        net.edit_config(h, "p2p", "laddr", f'"tcp://127.0.0.1:{base + 10 * i}"')
        net.edit_config(h, "p2p", "persistent_peers", f'"{peers}"')
        net.edit_config(h, "rpc", "laddr", f'"tcp://127.0.0.1:{base + 10 * i + 1}"')
        tune(h, profile)
        members.append(Member(h, base + 10 * i + 1, base + 10 * i, [COMETBFT, "start", "--home", h, "--proxy_app=kvstore"], False))
    return members


class Watch(threading.Thread):
    """When each height was first seen, by asking /status every 3 ms."""

    def __init__(self, rpc, every=0.003):
        super().__init__(daemon=True)
        self.port, self.every, self.seen, self.run_on = rpc.port, every, {}, True
        self.start()

    def run(self):
        c, last = None, 0
        while self.run_on:
            try:
                c = c or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                c.request("GET", "/status")
                h = int(json.loads(c.getresponse().read())["result"]["sync_info"]["latest_block_height"])
                for k in range((last or h - 1) + 1, h + 1):
                    self.seen[k] = time.monotonic()
                last = h
            except (OSError, http.client.HTTPException, KeyError, ValueError):
                c = None
            time.sleep(self.every)

    def stop(self):
        self.run_on = False
        self.join()
        return self.seen


class Use:
    """What the processes of some nodes use while something runs."""

    def __init__(self, members):
        self.members = members
        self.first = self.now()

    def now(self):
        pids = [p for m in self.members for p in m.pids()]
        return {"cpu": bench.cpu(pids), "disk": sum(bench.disk(m.home) for m in self.members),
                "io": sum(bench.field(p, "io", "write_bytes") for p in pids), "wire": wire(self.members)}

    def delta(self):
        last = self.now()
        return {k: last[k] - self.first[k] for k in last}


def wire(members):
    """Bytes of TCP payload that went over the p2p connections, both ways."""
    ports = {m.p2p_port for m in members}
    total, counts = 0, False
    for line in subprocess.run(["ss", "-tinH"], capture_output=True, text=True).stdout.splitlines():
        if not line.startswith((" ", "\t")):
            counts = bool(ports & {int(a.rsplit(":", 1)[1]) for a in line.split()[3:5]})
        elif counts:
            total += sum(int(w.split(":")[1]) for w in line.split() if w.startswith("bytes_sent:"))
    return total


def metas(rpc, first, last):
    out = {}
    while first <= last:
        top = min(first + 19, last)
        for m in rpc.call("blockchain", minHeight=str(first), maxHeight=str(top))["block_metas"]:
            out[int(m["header"]["height"])] = int(m["num_txs"])
        first = top + 1
    return out


def quantile(values, q):
    v = sorted(values)
    return v[min(len(v) - 1, int(q * len(v)))] if v else float("nan")


def generator(members, count, connections, batch, rate, prefix):
    ports = ",".join(str(m.rpc.port) for m in members)
    return subprocess.Popen([bench.LOAD, ports, str(count), "250", str(connections), str(batch), str(rate), "broadcast_tx_sync", prefix],
                            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)


def idle(members, seconds):
    use, watch = Use(members), Watch(members[0].rpc)
    time.sleep(seconds)
    seen, used = watch.stop(), use.delta()
    times = sorted(seen.values())[1:]
    gaps = [b - a for a, b in zip(times, times[1:])]
    return {"idle height p50, ms": quantile(gaps, 0.5) * 1000, "idle height, CPU-ms": used["cpu"] * 1000 / max(len(seen) - 1, 1)}


def saturated(members, batch, seconds):
    """Offered more than it takes, from first block to last of a window."""
    load = generator(members, 10**7, 2 * VALIDATORS, batch, 0, f"s{time.time_ns() % 10**6}.")
    time.sleep(WARM)
    use, watch = Use(members), Watch(members[0].rpc, 0.01)
    time.sleep(seconds)
    seen, used = watch.stop(), use.delta()
    load.kill()
    load.wait()
    heights = sorted(seen)[1:]
    if len(heights) < 2:
        return {}
    done = metas(members[0].rpc, heights[0] + 1, heights[-1])
    txs = max(sum(done.values()), 1)
    tps = txs / (seen[heights[-1]] - seen[heights[0]])
    scale = tps * seconds  # transactions of the whole window
    return {"saturated, tx/s": tps, "saturated, CPU-s per 1,000 tx": used["cpu"] * 1000 / scale,
            "saturated, written B/tx and node": used["io"] / scale / VALIDATORS, "saturated, wire B/tx, all links": used["wire"] / scale}


def drained(members):
    net.wait_until(lambda: all(int(m.rpc.call("num_unconfirmed_txs")["total"]) == 0 for m in members), 60, 0.1)


def at_rate(members, rate, seconds):
    prefix, count = f"r{time.time_ns() % 10**6}.", int(rate * (seconds + 1))
    connections = 2 * VALIDATORS
    use, watch = Use(members), Watch(members[0].rpc)
    out, _ = generator(members, count, connections, 1, rate, prefix).communicate()
    sent = json.loads(out)
    drained(members)
    time.sleep(0.2)
    seen, used = watch.stop(), use.delta()
    due = due_times(sent["start"], count, connections, rate)
    lags = []
    mine = prefix.encode()
    full = metas(members[0].rpc, min(seen), max(seen))
    for h in sorted(h for h, n in full.items() if n):
        for tx in members[0].rpc.call("block", height=str(h))["block"]["data"]["txs"] or []:
            tx = base64.b64decode(tx)
            if tx.startswith(mine):
                i = int(tx[len(mine):len(mine) + 9])
                if i % count >= rate:  # the first second warms up
                    lags.append((seen[h] - due[i]) * 1000)
    done, at = max(sum(full.values()), 1), f"at {rate:,} tx/s"
    return {f"{at}: latency p50, ms": quantile(lags, 0.5), f"{at}: latency p99, ms": quantile(lags, 0.99),
            f"{at}: refused": sent["refused"], f"{at}: CPU-s per 1,000 tx": used["cpu"] * 1000 / done,
            f"{at}: stored B/tx and node": used["disk"] / done / VALIDATORS,
            f"{at}: written B/tx and node": used["io"] / done / VALIDATORS, f"{at}: wire B/tx, all links": used["wire"] / done}


def due_times(start, count, connections, rate):
    """When the generator meant to send each transaction (load.c)."""
    due, first = {}, 0
    for w in range(connections):
        n = count // connections + (w < count % connections)
        for i in range(n):
            due[first + i] = start + i * connections / rate
        first += n
    return due


def catch_up(members):
    """A fifth node gets all of it."""
    fifth, source = members[VALIDATORS], members[0]
    h = source.rpc.height()
    txs = sum(metas(source.rpc, 1, h).values())
    start = time.monotonic()
    fifth.start()
    if not net.wait_until(lambda: fifth.rpc.height() >= h, CATCH_UP_S, 0.02):
        return {"catch-up, tx/s": 0.0, "catch-up, blocks/s": fifth.rpc.height() / CATCH_UP_S, "catch-up, CPU-s": bench.cpu(fifth.pids())}
    took = time.monotonic() - start
    return {"catch-up, tx/s": txs / took, "catch-up, blocks/s": h / took, "catch-up, CPU-s": bench.cpu(fifth.pids())}


def catch_up_empty(make, profile):
    """The same of blocks without transactions, once the first is there."""
    members = make(os.path.join(net.tempdir(), "net"), profile, net.free_base(10 * (VALIDATORS + 1)))
    source, fifth = members[0], members[VALIDATORS]
    for m in members[:VALIDATORS]:
        m.start()
    try:
        net.wait_until(lambda: source.rpc.height() >= 1, 60, 0.05)
        time.sleep(2 * SECONDS)
        for m in members[VALIDATORS // 2:VALIDATORS]:  # the chain stands still
            m.process.stop()
            m.process = None
        last = source.rpc.height()
        fifth.start()
        net.wait_until(lambda: fifth.rpc.height() >= 1, 60, 0.005)
        start, first, used = time.monotonic(), fifth.rpc.height(), bench.cpu(fifth.pids())
        net.wait_until(lambda: fifth.rpc.height() >= last - 1, CATCH_UP_S, 0.005)
        done = fifth.rpc.height() - first
        return {"catch-up of empty blocks, blocks/s": done / (time.monotonic() - start),
                "catch-up of empty blocks, CPU-ms each": (bench.cpu(fifth.pids()) - used) * 1000 / max(done, 1)}
    finally:
        for m in members:
            if m.process:
                m.process.stop()


def peak_rss(members):
    return sum(bench.field(p, "status", "VmHWM") for m in members for p in m.pids()) / 1024


def one(make, profile):
    if os.environ.get("WARREN_BENCH_EMPTY"):
        return catch_up_empty(make, profile)
    _, _, batch, rates = PROFILES[profile]
    members = make(os.path.join(net.tempdir(), "net"), profile, net.free_base(10 * (VALIDATORS + 1)))
    four = members[:VALIDATORS]
    start = time.monotonic()
    for m in four:
        m.start()
    try:
        if not net.wait_until(lambda: all(m.rpc.height() >= 1 for m in four), 60, 0.01):
            raise RuntimeError("no first block:\n" + four[0].process.text()[-3000:])
        out = {"height 1 on all, s after start": time.monotonic() - start}
        time.sleep(1)
        out.update(idle(four, max(SECONDS / 2, 3)))
        for rate in rates:
            out.update(at_rate(four, rate, SECONDS))
        out.update(saturated(four, batch, SECONDS))
        out["peak RSS, four nodes, MB"] = peak_rss(four)
        drained(four)
        out.update(catch_up(members))
    finally:
        for m in members:
            if m.process:
                m.process.stop()
    if profile == "fast0":  # the one that makes many in a short time
        out.update(catch_up_empty(make, profile))
    return out


def number(v):
    return "–" if v is None else f"{v:,.0f}" if abs(v) >= 100 else f"{v:.3g}"


def table(rows, profile):
    kinds = [k for k in ("Warren", "CometBFT") if rows[k]]
    print(f"\nProfile `{profile}`:\n\n| | " + " | ".join(kinds) + " | ratio |\n|---|" + "---|" * (len(kinds) + 1))
    for key in rows[kinds[0]][0]:
        mid = [quantile([r[key] for r in rows[k] if key in r], 0.5) for k in kinds]
        ratio = f"{mid[0] / mid[1]:.2f}" if len(mid) == 2 and mid[1] else "–"
        print(f"| {key} | " + " | ".join(number(m) for m in mid) + f" | {ratio} |")


def main():
    only, profiles = sys.argv[1:2], sys.argv[2:3] or os.environ.get("WARREN_BENCH_PROFILES", "default fast0").split()
    kinds = {"Warren": warren_network}
    if COMETBFT:
        kinds["CometBFT"] = comet_network
    if only and only[0]:
        kinds = {k: v for k, v in kinds.items() if k.lower().startswith(only[0])}
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "")
    print(f"{model}, {os.cpu_count()} processors; load average {os.getloadavg()[0]:.1f} at the start; {ROUNDS} alternating runs, medians")
    for profile in profiles:
        rows = {"Warren": [], "CometBFT": []}
        for _ in range(ROUNDS):
            for k, make in kinds.items():
                rows[k].append(one(make, profile))
                print(k, profile, json.dumps(rows[k][-1]), file=sys.stderr, flush=True)
        table(rows, profile)


if __name__ == "__main__":
    main()
