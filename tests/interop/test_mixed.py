#!/usr/bin/env python3
"""Warren and real CometBFT v0.38.25 in one network: they agree at every
height on block, application hash, validators with priorities, and results.

WARREN_LONG=1 runs each network for minutes instead of seconds."""
import json
import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import net  # noqa: E402
import test_network as network  # noqa: E402

COMETBFT = net.peer("cometbft")
LONG = network.LONG


class Comet(network.Org):
    """The same home directory, run by CometBFT."""

    def start(self, commit="100ms"):
        args = [COMETBFT, "start", "--home", self.home, "--proxy_app=kvstore"]
        self.process = net.Process(args, os.path.join(self.home, "log"))
        return self

    def kill_all(self):
        self.process.stop(signal.SIGKILL)


def mixed(kinds, others=""):
    """A network of validators, then of other nodes: "w" is Warren, "c" CometBFT."""
    n = network.Network(len(kinds), len(others))
    for i, kind in enumerate(kinds + others):
        o = n.orgs[i]
        net.edit_config(o.home, "consensus", "timeout_commit", '"100ms"')
        net.edit_config(o.home, "consensus", "peer_gossip_sleep_duration", '"10ms"')
        o.is_warren = kind == "w"
        if kind == "c":
            n.orgs[i] = Comet(o.home, o.rpc.port)
            n.orgs[i].is_warren = False
    return n


def commits(rpc, first, last):
    """For each height: its round, who proposed, who precommitted it."""
    out = []
    for h in range(first, last + 1):
        c = rpc.call("commit", height=str(h))["signed_header"]
        signers = {s["validator_address"] for s in c["commit"]["signatures"] if s["block_id_flag"] == 2}
        out.append((c["commit"]["round"], c["header"]["proposer_address"], signers))
    return out


def present(n, first, last):
    """Shares of commits with each validator in them, and how each fared as proposer."""
    reference = next(o for o in n.orgs if not o.is_warren)
    seen = commits(reference.rpc, first, last)
    for o in n.orgs[:len(n.orgs)]:
        a = network.address(o)
        share = sum(a in signers for _, _, signers in seen) / len(seen)
        proposed = [r for r, p, _ in seen if p == a]
        kind = "warren" if o.is_warren else "cometbft"
        print(f"  {kind}: in {share:.1%} of {len(seen)} commits, proposed {len(proposed)}, rounds {sorted(set(proposed))}", flush=True)
        if o.is_warren:
            net.check(share >= 0.99 if LONG else share >= 0.9, f"precommits of Warren are in {share:.1%} of commits")
            net.check(proposed, "Warren proposes")
            net.check_eq([r for r in proposed if r > 0], [], "its proposals are accepted in round 0")
    net.check_eq(sum(r > 0 for r, _, _ in seen), 0, "all in round 0")


def run(n, seconds, what):
    n.start()
    for i, o in enumerate(n.orgs):
        r = o.rpc.commit_tx(b"mixed%d=%d" % (i, i))
        net.check_eq(r["tx_result"]["code"], 0, f"a transaction through node {i}")
    first = max(o.height() for o in n.orgs)
    time.sleep(seconds)
    last = min(o.height() for o in n.orgs)
    net.check(last > first + 5, f"heights {first} to {last}")
    network.all_equal([o.rpc for o in n.orgs], 1, last, what)
    return first, last


def one_among_three():
    n = mixed("wccc")
    first, last = run(n, 180 if LONG else 5, "one Warren, three CometBFT")
    present(n, first + 1, last - 1)
    peers = n.orgs[0].rpc.call("net_info")
    net.check_eq(int(peers["n_peers"]), 3, "every connection held")


def two_and_two():
    n = mixed("wcwc")
    first, last = run(n, 180 if LONG else 4, "two and two")
    present(n, first + 1, last - 1)
    n.orgs[0].kill_all()
    n.orgs[2].kill_all()
    time.sleep(1)
    h = n.orgs[1].height()
    time.sleep(2)
    net.check(n.orgs[1].height() <= h + 1, "nothing without Warren")
    n.orgs[0].start("100ms")
    n.orgs[2].start("100ms")
    net.check(n.orgs[1].wait_height(h + 5, 60), "on again: " + n.orgs[0].log()[-2000:])
    n.orgs[1].kill_all()
    n.orgs[3].kill_all()
    time.sleep(1)
    h = n.orgs[0].height()
    time.sleep(2)
    net.check(n.orgs[0].height() <= h + 1, "nothing without CometBFT")
    n.orgs[1].start()
    n.orgs[3].start()
    for o in n.orgs:
        net.check(o.wait_height(h + 5, 60), "on again: " + o.log()[-2000:])
    network.all_equal([o.rpc for o in n.orgs], 1, h + 5, "two and two, after both halves were away")


def powers_change():
    """A validator of each kind joins, gains power and leaves."""
    n = mixed("wcwc", "wc")
    n.start()
    a = n.orgs[1]
    for o in n.orgs[4:]:
        key = network.pub_key(o)
        for power in ((5, 20, 0) if LONG else (5, 0)):
            h = network.set_power(a, key, power)
            net.check(a.wait_height(h + 3), "goes on")
            net.check_eq(network.powers(a, h + 2).get(key, 0), power, "its power")
    network.set_power(a, network.pub_key(n.orgs[0]), 3)
    h = network.set_power(a, network.pub_key(n.orgs[1]), 2) + 6
    for o in n.orgs:
        net.check(o.wait_height(h, 60), "goes on: " + o.log()[-2000:])
    network.all_equal([o.rpc for o in n.orgs], 1, h, "powers change")


def an_application_begins_anew():
    n = mixed("wcc")
    n.start()
    w = n.orgs[0]
    w.rpc.commit_tx(b"before=1")
    w.process.stop()
    shutil.rmtree(os.path.join(w.home, "data", "kvstore"))
    h = n.orgs[1].height()
    w.start()
    net.check(w.wait_height(h + 5, 60), "the blocks are played to it: " + w.log()[-2000:])
    network.all_equal([o.rpc for o in n.orgs], 1, h + 5, "an application that began anew")


def block_sync_both_ways():
    n = mixed("ccc", "w")
    late = n.orgs.pop()
    n.start()
    sync_from(n, late, "Warren from CometBFT")
    net.check("blocks_synced=0" not in late.log(), "by block sync")
    net.stop_all()
    n = mixed("www", "c")
    late = n.orgs.pop()
    n.start(commit="1ms")
    sync_from(n, late, "CometBFT from Warren")


def sync_from(n, late, what):
    a = n.orgs[0]
    for i in range(5):
        a.rpc.commit_tx(b"sync%d=%s" % (i, b"x" * 100000))
    net.check(a.wait_height(500 if LONG else 15, 200), "a chain to fetch")
    top, t = a.height(), time.monotonic()
    late.start("100ms")
    net.check(late.wait_height(top, 60), f"{what}: {late.log()[-3000:]}")
    print(f"{what}: {top} heights in {time.monotonic() - t:.1f} s", flush=True)
    top = a.height() + 5
    net.check(late.wait_height(top, 30), f"{what}: and follows: {late.log()[-3000:]}")
    network.all_equal([a.rpc, late.rpc], 1, top, what)


if __name__ == "__main__":
    if not COMETBFT:
        net.skip("CometBFT v0.38.25 is not installed (tests/interop/install-peers)")
        net.finish()
    net.run(one_among_three, two_and_two, block_sync_both_ways, powers_change,
            *([an_application_begins_anew] if LONG else []))
