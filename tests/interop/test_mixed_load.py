#!/usr/bin/env python3
"""Warren and real CometBFT v0.38.25 in one network, under load: transactions
sent to both kinds are in the chain exactly once, blocks of many parts are
passed on between them, and no connection ends.

WARREN_LONG=1 sends 500 transactions a second to each kind."""
import base64
import collections
import hashlib
import http.client
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mixed  # noqa: E402
from mixed import LONG, net  # noqa: E402

BATCH = 10  # no more in one request unless configured
MIB = 1 << 20


class Sender(threading.Thread):
    """Sends so many transactions a second to one node, in batches."""

    def __init__(self, org, name, rate, seconds):
        super().__init__()
        self.org, self.name, self.rate, self.seconds = org, name, rate, seconds
        self.accepted, self.refused = [], collections.Counter()

    def run(self):
        c = http.client.HTTPConnection("127.0.0.1", self.org.rpc.port, timeout=60)
        begin = time.monotonic()
        for i in range(int(self.rate * self.seconds / BATCH)):
            time.sleep(max(0, begin + i * BATCH / self.rate - time.monotonic()))
            txs = [b"%s.%d.%d=" % (self.name.encode(), i, k) + os.urandom(100).hex().encode() for k in range(BATCH)]
            c.request("POST", "/", json.dumps([
                {"jsonrpc": "2.0", "id": k, "method": "broadcast_tx_sync", "params": {"tx": base64.b64encode(tx).decode()}}
                for k, tx in enumerate(txs)]))
            for a in json.loads(c.getresponse().read()):
                if a.get("result", {}).get("code", 1) == 0:
                    self.accepted.append(txs[a["id"]])
                else:
                    self.refused[str(a.get("error", a.get("result")))[:200]] += 1
        self.took = time.monotonic() - begin


class Committed(collections.Counter):
    """How often each transaction is in the blocks read so far, by its hash."""

    def __init__(self, rpc, first):
        super().__init__()
        self.rpc, self.next = rpc, first

    def read(self, last):
        while self.next <= last:
            for tx in self.rpc.call("block", height=str(self.next))["block"]["data"]["txs"] or []:
                self[hashlib.sha256(base64.b64decode(tx)).digest()] += 1
            self.next += 1
        return self


def transactions_are_passed_on():
    rate, seconds = (500, 60) if LONG else (100, 4)
    n = mixed.mixed("wcwc", commit="500ms")
    n.start()
    mixed.together(n)
    before, t, first = mixed.connections(n), time.monotonic(), n.orgs[1].height()
    senders = [Sender(n.orgs[i], name, rate, seconds) for i, name in ((2, "warren"), (3, "cometbft"))]
    for s in senders:
        s.start()
    for s in senders:
        s.join()
    want = {hashlib.sha256(tx).digest() for s in senders for tx in s.accepted}

    def empty():
        return all(int(o.rpc.call("num_unconfirmed_txs")["total"]) == 0 for o in n.orgs)
    net.check(net.wait_until(empty, 120, 0.5), "all mempools are emptied")
    mixed.held(n, before, time.monotonic() - t, "under load")
    last = mixed.together(n)
    seen = Committed(n.orgs[1].rpc, first).read(last)
    net.check_eq(len(want - set(seen)), 0, "accepted transactions that are in no block")
    net.check_eq([k for k, times in seen.items() if times > 1], [], "transactions that are in two blocks")
    for s in senders:
        net.check(len(s.accepted) > 0.5 * rate * seconds, f"{s.name}: {len(s.accepted)} accepted, {s.refused}")
    mixed.alike(n, first, last, "transactions through both kinds", met=[o.connected() for o in n.orgs],
                sent={s.name: {"per_s": round((len(s.accepted) + s.refused.total()) / s.took),
                               "accepted": len(s.accepted), "refused": dict(s.refused)} for s in senders})
    mixed.healthy(n)


def of_size(kinds, max_bytes, commit):
    """A network whose links carry large blocks within a round."""
    n = mixed.mixed(kinds, commit=commit)
    for o in n.orgs:
        for key in ("send_rate", "recv_rate"):
            net.edit_config(o.home, "p2p", key, "100000000")
        net.edit_config(o.home, "rpc", "max_body_bytes", "2000000")
        path = os.path.join(o.home, "config", "genesis.json")
        with open(path) as f:
            genesis = json.load(f)
        genesis["consensus_params"]["block"]["max_bytes"] = str(max_bytes)
        with open(path, "w") as f:
            json.dump(genesis, f)
    return n


def large(n, what, max_bytes, count):
    """Transactions of nearly 1 MiB through each kind, as many as fill blocks."""
    n.start()
    mixed.together(n)
    before, t, first = mixed.connections(n), time.monotonic(), n.orgs[1].height()
    txs = [b"%s%d=" % (what.encode().replace(b"=", b""), i) + os.urandom(1).hex().encode() * (MIB // 2 - 100) for i in range(count)]
    for i, tx in enumerate(txs):
        r = n.orgs[i % len(n.orgs)].rpc.send_tx(tx)
        net.check_eq(r["code"], 0, f"{what}: transaction {i} is accepted: {r['log']}")
    want = {hashlib.sha256(tx).digest() for tx in txs}
    seen = Committed(n.orgs[1].rpc, first)
    net.check(net.wait_until(lambda: want <= set(seen.read(n.orgs[1].height())), 240, 1), f"{what}: all are in blocks")
    last = mixed.together(n)
    mixed.held(n, before, time.monotonic() - t, what)
    seen.read(last)
    net.check_eq(sorted(seen[k] for k in want), [1] * count, "each once")
    sizes = [(int(m["block_size"]), m["header"]["proposer_address"])
             for h in range(first, last + 1, 20)
             for m in n.orgs[1].rpc.call("blockchain", minHeight=str(h), maxHeight=str(min(h + 19, last)))["block_metas"]]
    most = {}
    for o in n.orgs:
        most.setdefault(mixed.NAMES["w" if o.is_warren else "c"], []).extend(s for s, p in sizes if p == mixed.network.address(o))
    rounds = [r for r, _, _ in mixed.commits(n.orgs[1].rpc, first, last)]
    net.check(max(s for s, _ in sizes) <= max_bytes, "no block is larger than it may be")
    mixed.alike(n, first, last, what, largest={k: max(v) for k, v in most.items()}, txs=count, later_rounds=sum(r > 0 for r in rounds))
    mixed.healthy(n)


def large_blocks():
    size = (4 if LONG else 2) * MIB
    large(of_size("wcwc", size, "1s"), "blocks of 4 MiB" if LONG else "blocks of 2 MiB", size, 48 if LONG else 6)


def the_largest_blocks():
    large(of_size("wcwc", 22020096, "8s"), "blocks of 21 MiB", 22020096, 90)


if __name__ == "__main__":
    mixed.skip_without_peers()
    net.run(transactions_are_passed_on, large_blocks, *([the_largest_blocks] if LONG else []))
