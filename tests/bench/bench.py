#!/usr/bin/env python3
"""One validator: committed tx/s, CPU per 1,000 txs, latency of a height, memory
and bytes on disk, for the kvstore and the ledger; and for CometBFT v0.38.25
with its kvstore on the same machine in the same run, where it is installed.

Prints a table for docs/benchmarks.md.  WARREN_BENCH_TXS sets the load."""
import json
import os
import platform
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
import net  # noqa: E402
import test_cometbft as peers  # noqa: E402

TXS = int(os.environ.get("WARREN_BENCH_TXS", "30000"))
ROUNDS = int(os.environ.get("WARREN_BENCH_ROUNDS", "3"))
LOAD = os.path.join(net.BUILD, "tests", "bench", "load")
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pids):
    total = 0
    for p in pids:
        with open(f"/proc/{p}/stat") as f:
            parts = f.read().rsplit(")", 1)[1].split()
        total += int(parts[11]) + int(parts[12])
    return total / TICK


def field(pid, file, name):
    try:
        with open(f"/proc/{pid}/{file}") as f:
            for line in f:
                if line.startswith(name):
                    return int(line.split(":")[1].split()[0])
    except OSError:
        pass
    return 0


def disk(home):
    return sum(os.stat(os.path.join(d, f)).st_blocks * 512 for d, _, fs in os.walk(home) for f in fs)


def committed(rpc, since):
    h, n = rpc.height(), 0
    while since < h:
        top = min(h, since + 20)
        for m in rpc.call("blockchain", minHeight=str(since + 1), maxHeight=str(top))["block_metas"]:
            n += int(m["num_txs"])
        since = top
    return n


def measure(rpc, pids, home, prefix, lines=None):
    before_h, before_cpu, before_disk = rpc.height(), cpu(pids), disk(home)
    before_io = sum(field(p, "io", "write_bytes") for p in pids)
    count = len(lines) if lines else TXS
    start = time.monotonic()
    args = [LOAD, str(rpc.port), str(count), "250", "1" if lines else "4", "100", "0", "broadcast_tx_sync", "-" if lines else prefix]
    load = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    out, _ = load.communicate("\n".join(lines) + "\n" if lines else "")
    sent = json.loads(out)
    net.wait_until(lambda: int(rpc.call("num_unconfirmed_txs")["total"]) == 0, 120, 0.05)
    seconds = time.monotonic() - start
    done = committed(rpc, before_h)
    return {"tx/s": done / seconds, "CPU-s per 1,000 tx": (cpu(pids) - before_cpu) * 1000 / max(done, 1), "refused": sent["refused"],
            "stored B/tx": (disk(home) - before_disk) / max(done, 1),
            "written B/tx": (sum(field(p, "io", "write_bytes") for p in pids) - before_io) / max(done, 1)}


def idle(rpc, pids, seconds=3):
    h, c, t = rpc.height(), cpu(pids), time.monotonic()
    time.sleep(seconds)
    n = rpc.height() - h
    return {"idle height, ms": (time.monotonic() - t) * 1000 / max(n, 1), "CPU-ms per idle height": (cpu(pids) - c) * 1000 / max(n, 1)}


def tune(home):
    """Both sides alike: no pause after a height, room in the mempool."""
    for table, key, value in (("consensus", "timeout_commit", '"0s"'), ("mempool", "size", "100000"), ("mempool", "cache_size", "200000"),
                              ("rpc", "max_request_batch_size", "1000"), ("rpc", "max_body_bytes", "10000000")):
        net.edit_config(home, table, key, value)


def signed(node, count):
    """Pre-signed ledger transactions of about 250 bytes, base64."""
    with open(os.path.join(node.home, "config", "genesis.json")) as f:
        chain = json.load(f)["chain_id"]
    r = subprocess.run([os.path.join(net.BUILD, "tests", "bench", "sign"), os.path.join(node.home, "keys", "admin.json"), chain, str(count), "20"],
                       capture_output=True, text=True, check=True)
    return r.stdout.split()


def bench_warren(app):
    node = net.Node(app=app, fast=False)
    tune(node.home)
    node.start()
    pids = list(node.services().values()) + [node.process.pid]
    out = idle(node.rpc, pids)
    lines = None
    if app == "ledger":
        lines = signed(node, TXS)
    out.update(measure(node.rpc, pids, node.home, f"{app[0]}{time.time_ns() % 10**6}.", lines))
    rss = {s: field(p, "status", "VmHWM") // 1024 for s, p in sorted(node.services().items())}
    out["peak RSS, MB"] = sum(rss.values())
    out["by process, MB"] = ", ".join(f"{s} {m}" for s, m in rss.items())
    node.stop()
    return out


def bench_comet():
    home = peers.comet_home()
    tune(home)
    net.edit_config(home, "consensus", "peer_gossip_sleep_duration", '"5ms"')
    comet = peers.Comet(home, "kvstore")
    comet.args.append("--log_level=error")
    comet.start()
    pids = [comet.process.pid]
    out = idle(comet.rpc, pids)
    out.update(measure(comet.rpc, pids, home, f"c{time.time_ns() % 10**6}."))
    out["peak RSS, MB"] = field(comet.process.pid, "status", "VmHWM") // 1024
    out["by process, MB"] = ""
    comet.process.stop()
    return out


def median(rows, key):
    v = sorted(r[key] for r in rows)
    return v[len(v) // 2]


def main():
    kinds = {"Warren, kvstore": lambda: bench_warren("kvstore"), "Warren, ledger": lambda: bench_warren("ledger")}
    if peers.COMETBFT:
        kinds["CometBFT, kvstore"] = bench_comet
    rows = {k: [] for k in kinds}
    for _ in range(ROUNDS):
        for k, fn in kinds.items():
            r = fn()
            if r:
                rows[k].append(r)
                print(k, json.dumps(r), file=sys.stderr, flush=True)
    rows = {k: v for k, v in rows.items() if v}
    with open("/proc/cpuinfo") as f:
        model = next((l.split(":")[1].strip() for l in f if l.startswith("model name")), platform.machine())
    print(f"{model}, {os.cpu_count()} processors; {ROUNDS} rounds of {TXS} transactions of 250 bytes, medians\n")
    print("| | " + " | ".join(rows) + " |\n|---|" + "---|" * len(rows))
    for key in ("tx/s", "CPU-s per 1,000 tx", "idle height, ms", "CPU-ms per idle height", "peak RSS, MB", "stored B/tx", "written B/tx", "refused"):
        print(f"| {key} | " + " | ".join(f"{median(v, key):,.3g}" if median(v, key) < 100 else f"{median(v, key):,.0f}" for v in rows.values()) + " |")
    for k, v in rows.items():
        if v[-1]["by process, MB"]:
            print(f"\nPeak memory by process, {k}, MB: {v[-1]['by process, MB']}.")


if __name__ == "__main__":
    main()
