#!/usr/bin/env python3
"""kill -9 of every process under load: nothing acknowledged is lost, nothing
is executed twice, no other process ends.

WARREN_KILLS sets how often each process is killed (default 3; the campaign,
`make kill-campaign`, takes 20).  SEED= repeats a run's choices.
"""
import base64
import hashlib
import json
import os
import random
import subprocess
import threading
import time

import net

KILLS = int(os.environ.get("WARREN_KILLS", "3"))
SEED = int(os.environ.get("SEED", str(time.time_ns() % 10**6)))


class Load:
    """Writers that keep their own record of what was acknowledged."""

    WRITERS = 3
    PAUSE = 0.002

    def __init__(self, node, name=""):
        self.node, self.name, self.stop = node, name, False
        self.acked, self.committed = [], []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.write, args=(i,)) for i in range(self.WRITERS)]
        for t in self.threads:
            t.start()

    def write(self, who):
        n = 0
        while not self.stop:
            tx = f"{self.name}w{who}n{n}=v{who}.{n}".encode()
            try:
                if who == 0:
                    r = self.node.rpc.commit_tx(tx, timeout=15)
                    if r["check_tx"]["code"] == 0 and int(r["height"]) > 0 and r["tx_result"]["code"] == 0:
                        with self.lock:
                            self.committed.append(tx)
                else:
                    r = self.node.rpc.send_tx(tx, timeout=15)
                    if r["code"] == 0:
                        with self.lock:
                            self.acked.append(tx)
                n += 1
            except Exception:  # noqa: BLE001 - not acknowledged: never counted
                n += 1
                time.sleep(0.02)
            time.sleep(self.PAUSE)

    def end(self):
        self.stop = True
        for t in self.threads:
            t.join()

    def check_executed(self, seen):
        """The kvstore counts what it executed, and has the values."""
        net.check(net.wait_until(lambda: json.loads(self.node.rpc.call("abci_info")["response"]["data"])["size"] == sum(seen.values()), 10),
                  "the application executed each transaction of the chain once")
        for tx in random.Random(1).sample(self.acked, min(200, len(self.acked))):
            key, value = tx.split(b"=")
            got = self.node.rpc.call("abci_query", path="", data=key.hex())["response"]["value"]
            net.check_eq(got, base64.b64encode(value).decode(), f"value of {key!r}")


class LedgerLoad(Load):
    """One account's records in the order of its sequence: one that is lost or
    executed twice would make every later one wrong."""

    WRITERS, SEQUENCE = 1, 32

    def __init__(self, node):
        chain = node.rpc.call("status")["node_info"]["network"]
        sign = os.path.join(net.BUILD, "tests", "bench", "sign")
        r = subprocess.run([sign, os.path.join(node.home, "keys", "admin.json"), chain, str(2000 + 2000 * KILLS), "20"],
                           capture_output=True, text=True, check=True)
        self.signed = [base64.b64decode(line) for line in r.stdout.split()]
        super().__init__(node)

    def write(self, who):
        for i, tx in enumerate(self.signed):
            while not self.stop and not self.try_once(tx, i % 10 == 9):
                time.sleep(0.02)
            if self.stop:
                return

    def try_once(self, tx, to_the_end):
        """True when the node has this one for certain."""
        try:
            if to_the_end:
                r = self.node.rpc.commit_tx(tx, timeout=15)
                is_in = r["check_tx"]["code"] == 0 and int(r["height"]) > 0 and r["tx_result"]["code"] == 0
                (self.committed if is_in else []).append(tx)
                return is_in
            r = self.node.rpc.send_tx(tx, timeout=15)
            (self.acked if r["code"] == 0 else []).append(tx)
            return r["code"] == 0 or (r["code"] == self.SEQUENCE and self.is_known(tx))
        except Exception as e:  # noqa: BLE001 - not acknowledged, unless an earlier try was
            return "already exists in cache" in str(e) or self.is_known(tx)

    def is_known(self, tx):
        try:
            self.node.rpc.call("tx", hash=base64.b64encode(hashlib.sha256(tx).digest()).decode())
            return True
        except Exception:  # noqa: BLE001 - or nobody to ask
            return False

    def check_executed(self, seen):
        codes = [r["code"] for h in range(1, self.node.rpc.height() + 1)
                 for r in self.node.rpc.call("block_results", height=str(h))["txs_results"] or []]
        net.check_eq(len(codes), sum(seen.values()), "results")
        net.check_eq(set(codes), {0}, "each was executed, once, in the order of its sequence")


def all_txs(rpc, height):
    """{tx: how often} over all blocks."""
    seen = {}
    for h in range(1, height + 1):
        for tx in rpc.call("block", height=str(h))["block"]["data"]["txs"]:
            tx = base64.b64decode(tx)
            seen[tx] = seen.get(tx, 0) + 1
    return seen


def kill_round(node, service, choose):
    before = node.services()
    time.sleep(choose.uniform(0, 0.15))
    node.kill(service)
    back = net.wait_until(lambda: node.services().get(service, before[service]) != before[service], 15)
    net.check(back, f"{service} is started again")
    h = None

    def moves():
        nonlocal h
        now = node.rpc.height()
        h = now if h is None else h
        return now > h

    ok = net.wait_until(moves, 30)
    net.check(ok, f"the chain moves after {service} was killed")
    after = node.services()
    others = {s for s in before if s != service and before[s] != after.get(s)}
    net.check_eq(others, set(), f"processes that ended when {service} was killed")
    return back and ok


def kills_lose_nothing(app, kind):
    print(f"{app}, SEED={SEED}", flush=True)
    choose = random.Random(SEED)
    node = net.Node(app=app).start()
    services = sorted(node.services())
    net.check_eq(services, sorted(["api", "consensus", app, "mempool", "p2p", "signer", "store"]), "processes of a node")
    load = kind(node)
    rounds = [s for s in services for _ in range(KILLS)]
    choose.shuffle(rounds)
    for s in rounds:
        if not kill_round(node, s, choose):
            print(node.log()[-6000:])
            break
    load.end()
    net.wait_until(lambda: int(node.rpc.call("num_unconfirmed_txs")["total"]) == 0, 30)
    net.check(node.wait_height(node.rpc.height() + 2), "the last block that took some is told of by the store, too")
    height = node.rpc.height()
    seen = all_txs(node.rpc, height)
    lost = [t for t in load.acked + load.committed if t not in seen]
    twice = [t for t, n in seen.items() if n > 1]
    net.check(len(load.acked) > 50, f"transactions were acknowledged ({len(load.acked)} and {len(load.committed)} commits)")
    net.check_eq(lost[:5], [], f"acknowledged but not in a block ({len(lost)})")
    net.check_eq(twice[:5], [], f"in two blocks ({len(twice)})")
    load.check_executed(seen)
    print(f"killed {len(rounds)} times; height {height}; {len(load.acked)} acknowledged, {len(load.committed)} committed", flush=True)


def kvstore_killed():
    kills_lose_nothing("kvstore", Load)


def ledger_killed():
    kills_lose_nothing("ledger", LedgerLoad)


def whole_node_killed():
    """All processes at once, the supervisor first: as a power cut would."""
    node = net.Node(app="kvstore").start()
    for i in range(3):
        r = node.rpc.commit_tx(f"all{i}=1".encode())
        net.check(int(r["height"]) > 0, "committed")
        pids = list(node.services().values())
        node.process.p.kill()
        for pid in pids:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        node.process.stop()
        h = int(r["height"])
        node.start()
        net.check(node.wait_height(h + 1), f"goes on after height {h}")
        for k in range(i + 1):
            got = node.rpc.call("abci_query", path="", data=f"all{k}".encode().hex())["response"]["value"]
            net.check_eq(got, "MQ==", f"all{k} is there")


def orphans_end():
    """When only the supervisor is killed, its services do not live on."""
    node = net.Node(app="kvstore").start()
    pids = list(node.services().values())
    node.process.p.kill()
    node.process.stop()
    gone = net.wait_until(lambda: not any(os.path.exists(f"/proc/{p}") for p in pids), 10)
    net.check(gone, "services end with their supervisor")
    node.start()
    net.check(node.rpc.height() >= 1, "and the node starts again")


if __name__ == "__main__":
    net.run(kvstore_killed, ledger_killed, whole_node_killed, orphans_end)
