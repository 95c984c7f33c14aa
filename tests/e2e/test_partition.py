#!/usr/bin/env python3
"""Networks that break: partitions, one-way cuts, loss and delay, a firewall
that lets nothing in.  No side of a cut decides what the other does not know;
what heals goes on.

WARREN_LONG=1 (`make partitions`) makes cuts longer and lines worse.  SEED=
repeats the choices of the lines.
"""
import os
import time

import net
import netns
from test_network import all_equal, healthy

LONG = bool(os.environ.get("WARREN_LONG"))
SEED = int(os.environ.get("SEED", "1"))
CUT = 60 if LONG else 8  # seconds
COMMIT = "500ms"


def network(nodes=4):
    n = netns.Network(nodes, seed=SEED).start(commit=COMMIT)
    net.check(wait_all(n.orgs, 3, 120), "starts")
    return n


def heights(orgs):
    """Each asked until it answers."""
    return [o.height() if o.wait_height(0, 60) else -1 for o in orgs]


def wait_all(orgs, h, seconds):
    return net.wait_until(lambda: min(heights(orgs)) >= h, seconds, 0.1)


def heal(n, what, hosts=None):
    """Heal all lines; prints how long the network took to go on."""
    before = max(heights(n.orgs))
    n.hosts.heal()
    t = time.monotonic()
    ok = net.check(net.wait_until(lambda: max(heights(n.orgs)) > before, 120, 0.1), f"{what}: commits again")
    first = time.monotonic() - t
    ok = net.check(wait_all(n.orgs, before + 1, 120), f"{what}: all of them") and ok
    print(f"{what}: a block {first:.1f} s after healing, on all nodes after {time.monotonic() - t:.1f} s", flush=True)
    if not ok:
        for i, o in enumerate(n.orgs):
            print(f"node {i}:\n" + o.log()[-2500:], flush=True)
    return ok


def finish(n, what):
    h = max(heights(n.orgs)) + 2
    net.check(wait_all(n.orgs, h, 120), f"{what}: goes on")
    all_equal([o.rpc for o in n.orgs], 1, h, what)
    healthy(n.orgs)
    print("{}: {} packets carried, {} lost".format(what, *n.hosts.count()), flush=True)


def two_and_two():
    n = network()
    for k in range(3 if LONG else 2):
        n.hosts.cut((1, 2), (3, 4))
        time.sleep(2)  # what was nearly decided may be
        h = heights(n.orgs)
        time.sleep(CUT >> (2 * k))
        net.check_eq(heights(n.orgs), h, "two of four decide nothing")
        net.check(max(h) - min(h) <= 1, f"and stand at one height or next to it: {h}")
        heal(n, f"2|2 of {CUT >> (2 * k)} s")
    finish(n, "2|2")


def three_and_one():
    n = network()
    n.hosts.cut((1, 2, 3), (4,))
    time.sleep(2)
    alone = n.orgs[3].height()
    h = max(heights(n.orgs[:3]))
    net.check(wait_all(n.orgs[:3], h + 2, 120), "three of four go on")
    for i in range(3):
        net.check_eq(n.orgs[i].rpc.commit_tx(b"cut%d=off" % i, timeout=60)["tx_result"]["code"], 0, "and commit")
    time.sleep(CUT)
    net.check_eq(n.orgs[3].height(), alone, "the one that is alone decides nothing")
    heal(n, f"3|1 of {CUT} s")
    finish(n, "3|1")


def seven():
    """Four of seven are too few, five are enough."""
    if not LONG:
        return  # for make partitions
    n = network(7)
    n.hosts.cut((1, 2, 3, 4), (5, 6, 7))
    time.sleep(2)
    h = heights(n.orgs)
    time.sleep(CUT)
    net.check_eq(heights(n.orgs), h, "four of seven decide nothing, nor do three")
    heal(n, f"4|3 of {CUT} s")
    n.hosts.cut((1, 2, 3, 4, 5), (6, 7))
    time.sleep(2)
    h = max(heights(n.orgs[:5]))
    net.check(wait_all(n.orgs[:5], h + 10, 240), "five of seven go on")
    heal(n, "5|2")
    finish(n, "seven")


def nobody_hears_anybody():
    n = network()
    n.hosts.all_ways(loss=1000)
    time.sleep(2)
    h = heights(n.orgs)
    time.sleep(CUT)
    net.check_eq(heights(n.orgs), h, "nobody decides anything")
    heal(n, f"1|1|1|1 of {CUT} s")
    finish(n, "1|1|1|1")


def one_way():
    """Between two nodes nothing gets through one way; others pass it on.
    Then a node that hears, and is not heard."""
    n = network()
    n.hosts.cut((1,), (2,), both=False)
    h = max(heights(n.orgs))
    net.check(wait_all(n.orgs, h + 8, 120), "one way cut between two: all four go on")
    n.hosts.heal()
    n.hosts.cut((4,), (1, 2, 3), both=False)
    time.sleep(2)
    h = max(heights(n.orgs[:3]))
    net.check(wait_all(n.orgs[:3], h + 3, 120), "one is not heard: three go on")
    time.sleep(CUT)
    heal(n, f"not heard for {CUT} s")
    n.hosts.cut((1, 2, 3), (4,), both=False)
    time.sleep(2)
    h = max(heights(n.orgs[:3]))
    net.check(wait_all(n.orgs[:3], h + 3, 120), "one hears nothing: three go on")
    time.sleep(CUT)
    heal(n, f"hears nothing for {CUT} s")
    finish(n, "one way")


def bad_lines():
    """What lines do: jitter reorders."""
    cases = [(50, 5, 50, 5), (200, 50, 0, 0)]
    if LONG:
        cases += [(100, 20, 200, 10), (200, 50, 100, 10), (20, 40, 0, 100)]
    n = network()
    for delay, jitter, loss, dup in cases:
        what = f"{delay}-{delay + 2 * jitter} ms, {loss / 10:.0f} % lost, {dup / 10:.1f} % twice"
        n.hosts.all_ways(delay=delay, jitter=jitter, loss=loss, dup=dup)
        h, t = max(heights(n.orgs)), time.monotonic()
        net.check(wait_all(n.orgs, h + 6, 300), f"{what}: goes on")
        net.check_eq(n.orgs[3].rpc.commit_tx(b"line%d.%d=bad" % (delay, loss), timeout=120)["tx_result"]["code"], 0,
                     f"{what}: commits")
        print(f"{what}: {(time.monotonic() - t) / (max(heights(n.orgs)) - h):.1f} s a block", flush=True)
    n.hosts.heal()
    finish(n, "bad lines")


def nothing_in():
    """A validator behind a firewall that drops whatever comes to it first."""
    n = netns.Network(4, seed=SEED)
    n.hosts.only_outbound(4)
    n.start(commit=COMMIT)
    net.check(wait_all(n.orgs, 5, 120), "goes on")
    last = n.orgs[3]
    net.check_eq(last.rpc.commit_tx(b"from=inside", timeout=60)["tx_result"]["code"], 0, "commits what comes from inside")
    net.check(net.wait_until(lambda: int(last.rpc.call("net_info")["n_peers"]) == 3, 60), "it has all peers")
    outbound = [p["is_outbound"] for p in last.rpc.call("net_info")["peers"]]
    net.check_eq(outbound, [True] * 3, "all of them dialled by itself")
    me = last.rpc.call("status")["validator_info"]["address"]
    h = n.orgs[0].height()
    net.check(wait_all(n.orgs, h + 6, 120), "goes on")
    signed = [any(s["validator_address"] == me and s["block_id_flag"] == 2
                  for s in n.orgs[0].rpc.call("commit", height=str(k))["signed_header"]["commit"]["signatures"])
              for k in range(h, h + 6)]
    net.check(sum(signed) >= 4, f"its votes are in the commits: {signed}")
    for kill in ("p2p", "consensus"):
        last.kill(kill)
        h = max(heights(n.orgs)) + 3
        net.check(wait_all(n.orgs, h, 120), f"its {kill} killed: comes back by itself")
    n.orgs[0].kill("p2p")
    h = max(heights(n.orgs)) + 3
    net.check(wait_all(n.orgs, h, 120), "p2p of another killed: is dialled again from inside")
    net.check_eq(n.hosts.forget_flows(4, 26656), 3, "the firewall forgets three connections")
    h, t = max(heights(n.orgs)) + 8, time.monotonic()
    net.check(wait_all(n.orgs, h, 180), "it dials anew when the firewall forgot its connections")
    print(f"connections forgotten by the firewall: 8 blocks in {time.monotonic() - t:.1f} s", flush=True)
    n.orgs[0].kill_all()
    h = max(heights(n.orgs[1:])) + 3
    net.check(wait_all(n.orgs[1:], h, 120), "another is away, so that it is needed: goes on")
    n.orgs[0].start(commit=COMMIT)
    net.check(wait_all(n.orgs, h + 2, 120), "and is back")
    n.hosts.cut((4,), (1, 2, 3))
    time.sleep(CUT)
    heal(n, f"behind the firewall, cut off for {CUT} s")
    finish(n, "behind the firewall")


if __name__ == "__main__":
    why = netns.lacking()
    if why:
        net.skip(f"network namespaces: {why}; partitions, loss, delay and firewalls are NOT tested")
        net.finish()
    net.run(two_and_two, three_and_one, seven, nobody_hears_anybody, one_way, bad_lines, nothing_in)
