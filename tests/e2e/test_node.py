#!/usr/bin/env python3
"""One node as a user meets it: init, start, write, read, prove, verify."""
import base64
import hashlib
import json
import os
import signal
import subprocess
import threading
import time

import net


def ledger_story():
    node = net.Node(app="ledger").start()
    url = f"http://127.0.0.1:{node.rpc_port}"
    at = ["--node", url]
    _, out, _ = net.warren("tx", "put", "records", "s1", '{"state":"loaded"}', "--from", "admin", "--output", "json", *at, home=node.home)
    first = json.loads(out)
    net.check(int(first["height"]) > 0, f"committed: {out}")
    net.warren("tx", "put", "records", "s1", '{"state":"delivered"}', "--from", "admin", *at, home=node.home)
    _, out, _ = net.warren("get", "records", "s1", "--output", "json", *at, home=node.home)
    net.check("delivered" in out, f"reads back: {out}")
    _, out, _ = net.warren("history", "records", "s1", "--output", "json", *at, home=node.home)
    net.check("loaded" in out and "delivered" in out, f"history: {out}")
    _, proof, _ = net.warren("get", "records", "s1", "--prove", *at, home=node.home)
    path = os.path.join(node.dir, "proof.json")
    with open(path, "w") as f:
        f.write(proof)
    code, out, err = net.warren("verify", path, home=node.home, check_code=False)
    net.check_eq(code, 0, f"the proof holds: {out}{err}")
    bad = proof.replace("delivered", "stolen") if "delivered" in proof else proof[:200] + "0" + proof[201:]
    with open(path, "w") as f:
        f.write(bad)
    code, _, _ = net.warren("verify", path, home=node.home, check_code=False)
    net.check(code != 0, "a changed proof does not")
    net.warren("tx", "delete", "records", "s1", "--from", "admin", *at, home=node.home)
    code, out, err = net.warren("tx", "delete", "records", "s1", *at, home=node.home, check_code=False)
    net.check_eq((code, len(err.splitlines())), (13, 1), f"what is not there cannot be deleted, said once: {err}")
    code, out, _ = net.warren("get", "records", "s1", *at, home=node.home, check_code=False)
    net.check(code == 13, f"deleted: exit {code} {out}")
    _, absent, _ = net.warren("get", "records", "s1", "--prove", *at, home=node.home, check_code=False)
    with open(path, "w") as f:
        f.write(absent)
    code, out, err = net.warren("verify", path, home=node.home, check_code=False)
    net.check_eq(code, 0, f"its absence is proved: {out}{err}")
    net.check_eq(node.stop(), 0, "stops on SIGTERM with status 0")


def many_write_with_one_account():
    node = net.Node(app="ledger", fast=False).start()
    url = f"http://127.0.0.1:{node.rpc_port}"
    writers = [subprocess.Popen([net.WARREN, "tx", "put", "records", f"k{i}", str(i), "--home", node.home, "--node", url],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for i in range(8)]
    for w in writers:
        err = w.communicate(timeout=60)[1]
        net.check_eq(w.returncode, 0, f"writes beside others: {err}")


def a_stuck_mempool_harms_only_its_callers():
    """A call that failed is forgotten by all that it waited for."""
    node = net.Node(app="kvstore").start("--rpc.timeout_broadcast_tx_commit=6s")
    before = node.services()
    os.kill(before["mempool"], signal.SIGSTOP)
    began = time.monotonic()
    try:
        net.check(False, f"answered without a mempool: {node.rpc.commit_tx(b'stuck=1')}")
    except net.RpcError as e:
        net.check("mempool" in str(e), f"says who does not answer: {e}")
    while time.monotonic() < began + 7:
        node.rpc.call("status")
    os.kill(before["mempool"], signal.SIGCONT)
    net.check(net.wait_until(lambda: int(node.rpc.commit_tx(b"free=1")["height"]) > 0, 10), "commits again")
    net.check_eq(node.services(), before, "processes")


def restart_keeps_everything():
    node = net.Node(app="kvstore").start()
    h = int(node.rpc.commit_tx(b"a=1")["height"])
    net.check_eq(node.stop(), 0, "clean stop")
    node.start()
    net.check(node.wait_height(h + 1), "goes on")
    tx = node.rpc.call("block", height=str(h))["block"]["data"]["txs"]
    net.check_eq(tx, ["YT0x"], "the block is there")


def observability():
    node = net.Node(app="kvstore")
    node.start(f"--instrumentation.prometheus=true", f"--instrumentation.prometheus_listen_addr=127.0.0.1:{node.prom_port}", "--log_format=json")
    prom = net.Rpc(node.prom_port)
    net.wait_until(lambda: b"cometbft_p2p_peers" in prom.raw("GET", "/metrics")[2], 10)
    status, headers, text = prom.raw("GET", "/metrics")
    net.check_eq(status, 200, "metrics answer")
    text = text.decode()
    for name in ("cometbft_consensus_height", "cometbft_mempool_size", "cometbft_p2p_peers", "cometbft_state_block_processing_time", "warren_service_up"):
        net.check(name in text, f"{name} is there")
    if net.shutil.which("promtool"):
        r = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
        hard = [l for l in r.stderr.splitlines() if "error" in l.lower() and "parsing" in l.lower()]
        net.check_eq(hard, [], "promtool parses it")
    else:
        net.skip("promtool is not installed: metrics are not checked by it")
    net.check_eq(node.rpc.raw("GET", "/livez")[0], 200, "livez")
    ok = net.wait_until(lambda: node.rpc.raw("GET", "/readyz")[0] == 200, 10)
    net.check(ok, f"readyz: {node.rpc.raw('GET', '/readyz')[2]}")
    node.kill("kvstore", signal.SIGSTOP)
    bad = net.wait_until(lambda: node.rpc.raw("GET", "/readyz", timeout=10)[0] == 503, 10)
    net.check(bad, "readyz says no while the application is stopped")
    net.check_eq(node.rpc.raw("GET", "/livez")[0], 200, "livez does not care")
    node.kill("kvstore", signal.SIGCONT)
    net.check(net.wait_until(lambda: node.rpc.raw("GET", "/readyz", timeout=10)[0] == 200, 20), "readyz recovers")
    lines = [l for l in node.log().splitlines() if l.strip()]
    bad_lines = []
    for l in lines:
        try:
            if not {"level", "ts", "service", "org", "msg"} <= set(json.loads(l)):
                bad_lines.append(l)
        except ValueError:
            bad_lines.append(l)
    net.check_eq(bad_lines[:3], [], "every log line is JSON and says who speaks")


def pages_of_other_origins():
    node = net.Node(app="kvstore").start('--rpc.cors_allowed_origins=https://*.example')

    def told(method, origin, **more):
        _, headers, _ = node.rpc.raw(method, "/health", None, {"Origin": origin, **more})
        return {k[len("Access-Control-"):]: v for k, v in headers.items() if k.startswith("Access-Control-")}

    net.check_eq(told("GET", "https://a.example"), {"Allow-Origin": "https://a.example", "Expose-Headers": "X-Request-Id"}, "a page that may call")
    net.check_eq(told("GET", "https://a.example.org"), {}, "one that may not")
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    net.check_eq(told("OPTIONS", "https://a.example", **ask),
                 {"Allow-Origin": "https://a.example", "Allow-Methods": "POST", "Allow-Headers": "content-type"}, "asked before")
    net.check_eq(told("OPTIONS", "http://a.example", **ask), {}, "and refused")


def the_application_may_die():
    node = net.Node(app="kvstore").start()
    node.rpc.commit_tx(b"x=1")
    for _ in range(3):
        node.kill("kvstore")
        h = node.rpc.height()
        net.check(node.wait_height(h + 2), "the chain goes on")
    net.check_eq(node.rpc.call("abci_query", path="", data="78")["response"]["value"], "MQ==", "its state is whole")


def many_clients_at_once():
    """Their transactions travel together; each hears of its own."""
    node = net.Node(app="kvstore").start()
    answers = {}

    def client(k):
        for i in range(20):
            tx, expected = ((b"bad%d.%d" % (k, i), "code"), (b"same=1", "same"), (b"c%d=%d" % (k, i), "kept"))[(k + i) % 3]
            try:
                r = node.rpc.call("broadcast_tx_sync", tx=base64.b64encode(tx).decode())
                got = ("kept" if r["code"] == 0 else "code", r["hash"] == hashlib.sha256(tx).hexdigest().upper())
            except net.RpcError as e:
                got = ("cached" if "already exists in cache" in str(e) else str(e), True)
            answers.setdefault(expected, []).append(got)

    clients = [threading.Thread(target=client, args=(k,)) for k in range(16)]
    for t in clients:
        t.start()
    for t in clients:
        t.join()
    net.check_eq(set(answers["kept"]), {("kept", True)}, "each its own is kept")
    net.check_eq(set(answers["code"]), {("code", True)}, "what is refused is refused to its sender")
    net.check_eq(sorted(answers["same"]), [("cached", True)] * (len(answers["same"]) - 1) + [("kept", True)], "one of the same is kept")


def one_service_alone():
    """`warren start --home DIR SERVICE` runs just that one, in any order."""
    node = net.Node(app="kvstore")
    procs = []
    for s in ("api", "consensus", "store", "signer", "mempool", "kvstore", "p2p"):
        procs.append(net.Process([net.WARREN, "start", s, "--home", node.home, *node.flags], os.path.join(node.dir, s)))
        time.sleep(0.1)
    net.check(node.wait_height(2), "a node out of single processes commits")
    for p in procs:
        net.check_eq(p.stop(), 0, "ends on SIGTERM")


def first_block_comes_fast():
    node = net.Node(app="kvstore")
    t = time.monotonic()
    node.start()
    print(f"first block seen {time.monotonic() - t:.2f} s after start", flush=True)
    net.check(True, "started")


if __name__ == "__main__":
    net.run(ledger_story, many_write_with_one_account, a_stuck_mempool_harms_only_its_callers, restart_keeps_everything, observability, pages_of_other_origins, the_application_may_die, many_clients_at_once, one_service_alone, first_block_comes_fast)
