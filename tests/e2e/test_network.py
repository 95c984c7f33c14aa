#!/usr/bin/env python3
"""Organisations on loopback, each with its own processes: one ledger,
although some of them stop."""
import base64
import json
import os
import shutil
import signal
import time

import net

LONG = bool(os.environ.get("WARREN_LONG"))


class Org:
    """One node of a network, supervised by `warren start`."""

    def __init__(self, home, rpc_port, peer):
        self.home = home
        self.peer = peer  # its address, as configurations have it
        self.rpc = net.Rpc(rpc_port)
        self.process = None
        self.inside = []  # what puts it on its host
        self.flags = []

    def start(self, commit="50ms"):
        self.process = net.Process([*self.inside, net.WARREN, "start", "--home", self.home, "--proxy_app=kvstore",
                                    f"--consensus.timeout_commit={commit}", *self.flags],
                                   os.path.join(self.home, "log"))
        return self

    def kill_all(self):
        """As if the machine lost power: supervisor first, then the rest."""
        pids = list(net.children_of(self.process.pid).values())
        os.kill(self.process.pid, signal.SIGKILL)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.stop()

    def kill(self, service):
        os.kill(net.children_of(self.process.pid)[service], signal.SIGKILL)

    def height(self):
        return self.rpc.height()

    def wait_height(self, h, seconds=30):
        return net.wait_until(lambda: self.rpc.height() >= h, seconds, 0.05)

    def app(self):
        """(height of the application, its hash)"""
        r = self.rpc.call("abci_info")["response"]
        return int(r["last_block_height"]), r["last_block_app_hash"]

    def log(self):
        return self.process.text()


class Network:
    def __init__(self, validators, others=0, *flags):
        base = net.free_base(10 * (validators + others))
        self.dir = net.tempdir()
        _, out, _ = net.warren("testnet", f"--v={validators}", f"--n={others}", f"--o={self.dir}/net",
                               f"--base-port={base}", "--output=json", *flags)
        self.orgs = [Org(h["home"], int(h["rpc"].rsplit(":", 1)[1]), h["peer"]) for h in json.loads(out)["homes"]]

    def start(self, **how):
        for o in self.orgs:
            o.start(**how)
        for i, o in enumerate(self.orgs):
            if not o.wait_height(1, 30):
                raise RuntimeError(f"node {i}: no first block\n" + o.log()[-4000:])
        return self


def healthy(orgs):
    """Nobody's log tells of a bug."""
    for i, o in enumerate(orgs):
        lines = o.log().splitlines()
        bad = [k for k, l in enumerate(lines)
               if " bug " in l or "AddressSanitizer" in l or "runtime error:" in l or "must failed" in l]
        if not net.check_eq([lines[k] for k in bad[:3]], [], f"node {i}: no bugs in the log"):
            print("\n".join(lines[bad[0]:bad[0] + 40]), flush=True)


def height(o):
    """Its height, or 0 while it does not answer."""
    try:
        return o.height()
    except (OSError, net.http.client.HTTPException, ValueError, net.RpcError):
        return 0


def wait_all(n, h, seconds=30):
    return all(o.wait_height(h, seconds) for o in n.orgs)


def has_results(rpc, h):
    """A node of CometBFT shows a block before it has executed it."""
    try:
        return rpc.call("block_results", height=str(h))["height"] == str(h)
    except net.RpcError:
        return False


def view(rpc, h):
    """What all nodes must show alike of height h."""
    block = rpc.call("block", height=str(h))
    vals = rpc.call("validators", height=str(h), per_page="100")["validators"]
    net.wait_until(lambda: has_results(rpc, h))
    results = rpc.call("block_results", height=str(h))
    return {
        "hash": block["block_id"],
        "app_hash": block["block"]["header"]["app_hash"],
        "validators": [(v["address"], v["voting_power"], v["proposer_priority"]) for v in vals],
        "results": (results["txs_results"], results["validator_updates"]),
    }


def all_equal(rpcs, first, last, what):
    for h in range(first, last + 1):
        views = [view(r, h) for r in rpcs]
        for i, v in enumerate(views[1:], 1):
            for k in v:
                if not net.check_eq(v[k], views[0][k], f"{what}: height {h}, node {i}: {k}"):
                    return
    print(f"{what}: {len(rpcs)} nodes alike from height {first} to {last}", flush=True)


def four_nodes_agree():
    n = Network(4).start()
    for i, o in enumerate(n.orgs):
        r = o.rpc.commit_tx(b"key%d=value%d" % (i, i))
        net.check_eq(r["tx_result"]["code"], 0, f"node {i} commits a transaction")
    h = max(o.height() for o in n.orgs) + 3
    for o in n.orgs:
        net.check(o.wait_height(h), f"height {h}")
    all_equal([o.rpc for o in n.orgs], 1, h, "four nodes")
    healthy(n.orgs)
    peers = [int(o.rpc.call("net_info")["n_peers"]) for o in n.orgs]
    net.check_eq(peers, [3, 3, 3, 3], "everyone knows everyone")

    def signers():
        """Of the last ten blocks."""
        top = n.orgs[0].height()
        return [sum(1 for s in n.orgs[0].rpc.call("commit", height=str(k))["signed_header"]["commit"]["signatures"]
                    if s["block_id_flag"] == 2) for k in range(top - 10, top)]
    n.orgs[0].wait_height(h + 12)
    net.check(net.wait_until(lambda: sum(signers()) >= 35, 60, 0.5), f"nearly all sign each block: {signers()}")


def one_dies_and_catches_up():
    n = Network(4).start()
    a, b = n.orgs[0], n.orgs[3]
    b.kill_all()
    h = a.height()
    for i in range(5):
        a.rpc.commit_tx(b"while%d=away" % i)
    net.check(a.wait_height(h + 10), "three of four go on")
    b.start()
    h = a.height() + 5
    net.check(b.wait_height(h, 60), f"the fourth catches up: {b.log()[-3000:]}")
    all_equal([o.rpc for o in n.orgs], 1, h, "after a whole node was killed")
    for service in ("consensus", "p2p", "store", "kvstore", "mempool", "signer"):
        b.kill(service)
        h = a.height() + 3
        net.check(b.wait_height(h, 60), f"{service} killed: the node is at height {h}: {b.log()[-3000:]}")
    time.sleep(0.2)
    for service in ("consensus", "p2p"):
        for o in n.orgs:
            o.kill(service)
        h = a.height() + 3
        for o in n.orgs:
            net.check(o.wait_height(h, 60), f"{service} killed everywhere: height {h}: {o.log()[-3000:]}")
    h = min(o.height() for o in n.orgs)
    all_equal([o.rpc for o in n.orgs], 1, h, "after services were killed")
    healthy(n.orgs)


def a_store_that_was_set_back():
    """The log of consensus knows more than the store: blocks come from peers
    first, then what the log holds; also when the others wait for that."""
    n = Network(4).start()
    net.check(wait_all(n, 5), "a chain")
    for names in ((3,), (2, 3)):
        victims = [n.orgs[i] for i in names]
        for o in victims:
            o.kill_all()
        for o in victims:
            for folder in ("store", "kvstore"):
                shutil.rmtree(os.path.join(o.home, "data", folder))
            o.start()
        h = max(height(o) for o in n.orgs) + 5
        net.check(wait_all(n, h, 60), f"without a store, with a log: {victims[-1].log()[-3000:]}")
        net.check(all("the log knows of heights" in o.log() for o in victims), "the log was ahead")
    all_equal([o.rpc for o in n.orgs], 1, h, "stores that were set back")
    healthy(n.orgs)


def two_of_four_stop_and_nothing_is_decided():
    n = Network(4).start()
    for o in n.orgs[2:]:
        o.kill_all()
    time.sleep(1)
    h = n.orgs[0].height()
    time.sleep(3)
    net.check(n.orgs[0].height() <= h, "two of four decide nothing")
    for o in n.orgs[2:]:
        o.start()
    for o in n.orgs:
        net.check(o.wait_height(h + 3, 60), f"goes on when they are back: {o.log()[-3000:]}")
    all_equal([o.rpc for o in n.orgs], 1, h + 3, "two stopped, and back")
    healthy(n.orgs)


def pub_key(org):
    with open(os.path.join(org.home, "config", "priv_validator_key.json")) as f:
        return json.load(f)["pub_key"]["value"]


def set_power(org, key, power):
    r = org.rpc.commit_tx(b"val=ed25519!%s!%d" % (key.encode(), power))
    net.check_eq(r["tx_result"]["code"], 0, "val= transaction")
    return int(r["height"])


def powers(org, h):
    vals = org.rpc.call("validators", height=str(h), per_page="100")["validators"]
    return {v["pub_key"]["value"]: int(v["voting_power"]) for v in vals}


def a_validator_joins_and_leaves():
    n = Network(4, 1).start()
    a, fifth = n.orgs[0], n.orgs[4]
    key = pub_key(fifth)
    net.check_eq(key in powers(a, a.height()), False, "not yet a validator")
    h = set_power(a, key, 10)
    net.check(fifth.wait_height(h + 8), "goes on with it")
    net.check_eq(powers(a, h + 1).get(key), None, "not in the next height")
    net.check_eq(powers(a, h + 2).get(key), 10, "but in the one after")
    signed = [any(s["block_id_flag"] == 2 and base64.b64encode(bytes.fromhex(s["validator_address"])).decode() and
                  s["validator_address"] == address(fifth)
                  for s in a.rpc.call("commit", height=str(k))["signed_header"]["commit"]["signatures"])
              for k in range(h + 2, h + 7)]
    net.check(sum(signed) >= 3, f"it signs: {signed}")
    h = set_power(a, key, 0)
    net.check(fifth.wait_height(h + 4), "goes on without it")
    net.check_eq(powers(a, h + 2).get(key), None, "it has left")
    all_equal([o.rpc for o in n.orgs], 1, h + 4, "joined and left")
    healthy(n.orgs)


def a_new_node_fetches_the_chain():
    n = Network(4, 1)
    late = n.orgs.pop()
    n.start(commit="1ms")
    a = n.orgs[0]
    for i in range(20):
        a.rpc.commit_tx(b"early%d=%s" % (i, b"x" * 10000))
    net.check(a.wait_height(1000 if LONG else 120, 120), "a chain to fetch")
    top, t = a.height(), time.monotonic()
    late.start("1ms")
    net.check(late.wait_height(top, 60), f"fetched: {late.log()[-3000:]}")
    print(f"{top} heights fetched in {time.monotonic() - t:.1f} s", flush=True)
    top = a.height() + 5
    net.check(late.wait_height(top, 30), "and follows")
    net.check(net.wait_until(lambda: not late.rpc.call("status")["sync_info"]["catching_up"], 20), "says so")
    net.check(net.wait_until(lambda: "blocks_synced=" in late.log(), 5), "it has ended")
    net.check("blocks_synced=0" not in late.log(), "by block sync")
    all_equal([a.rpc, late.rpc], 1, top, "fetched")
    left_behind(n, late)


def left_behind(n, late):
    pids = net.children_of(late.process.pid)
    for s in ("p2p", "consensus"):
        os.kill(pids[s], signal.SIGSTOP)
    a = n.orgs[0]
    h = a.height()
    net.check(a.wait_height(h + 100, 60), "others go on")
    for s in ("consensus", "p2p"):
        os.kill(pids[s], signal.SIGCONT)
    top = a.height() + 5
    net.check(late.wait_height(top, 60), f"left behind, and back: {late.log()[-3000:]}")
    all_equal([a.rpc, late.rpc], h, top, "left behind")
    healthy([*n.orgs, late])


def ends_for_its_signatures(org, what):
    net.check(net.wait_until(lambda: not org.process.alive(), 60), f"{what}: does not run: {org.log()[-2500:]}")
    net.check_eq(org.process.stop(), 6, f"{what}: exit code")
    net.check("double_sign_check_height" in org.log(), f"{what}: says why")
    net.check("taking part" not in org.log(), f"{what}: took no part")
    os.remove(os.path.join(org.home, "log"))


def a_key_that_signed_lately_waits():
    """double_sign_check_height looks at what the network has decided."""
    n = Network(4, 1)
    twin = n.orgs.pop()
    n.start()
    a, b = n.orgs[0], n.orgs[3]
    shutil.copy(os.path.join(b.home, "config", "priv_validator_key.json"), os.path.join(twin.home, "config"))
    net.check(a.wait_height(12, 60), "a chain")
    twin.flags = b.flags = ["--consensus.double_sign_check_height=10"]
    twin.start()
    ends_for_its_signatures(twin, "a new home with a key that is in use")
    b.kill_all()
    os.remove(os.path.join(b.home, "log"))
    b.start()
    ends_for_its_signatures(b, "started again at once")
    net.check(a.wait_height(a.height() + 15, 120), "others go on")
    b.start()
    h = a.height() + 5
    net.check(b.wait_height(h, 60), f"when the chain has gone on, it starts: {b.log()[-2500:]}")
    net.check(net.wait_until(lambda: any(
        s["validator_address"] == address(b) and s["block_id_flag"] == 2
        for s in a.rpc.call("commit", height=str(a.height() - 1))["signed_header"]["commit"]["signatures"]), 60), "and signs")
    all_equal([o.rpc for o in n.orgs], 1, h, "one waited")
    healthy(n.orgs)


def address(org):
    with open(os.path.join(org.home, "config", "priv_validator_key.json")) as f:
        return json.load(f)["address"]


if __name__ == "__main__":
    net.run(four_nodes_agree, one_dies_and_catches_up, a_store_that_was_set_back, two_of_four_stop_and_nothing_is_decided,
            a_validator_joins_and_leaves, a_new_node_fetches_the_chain, a_key_that_signed_lately_waits)
