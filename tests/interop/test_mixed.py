#!/usr/bin/env python3
# alone: Warren is to be in nearly every commit, on a machine that may be small
"""Warren and real CometBFT v0.38.25 in one network: they agree at every
height on block, application hash, validators with priorities, and results.

WARREN_LONG=1 runs each network for minutes instead of seconds."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mixed  # noqa: E402
from mixed import LONG, net, network  # noqa: E402


def run(n, seconds, what, least=0.99 if LONG else 0.9):
    """A network without faults: transactions through each node, time, and a comparison."""
    n.start()
    for i, o in enumerate(n.orgs):
        r = o.rpc.commit_tx(b"mixed%d=%d" % (i, i))
        net.check_eq(r["tx_result"]["code"], 0, f"a transaction through node {i}")
    mixed.together(n)
    first = max(o.height() for o in n.orgs)
    before, t = mixed.connections(n), time.monotonic()
    net.check_eq([len(c) for c in before], [len(n.orgs) - 1] * len(n.orgs), "everyone knows everyone")
    time.sleep(seconds)
    mixed.held(n, before, time.monotonic() - t, what)
    last = min(o.height() for o in n.orgs)
    net.check(last > first + 5, f"heights {first} to {last}")
    told = mixed.present(n, first + 1, last - 1, least)
    mixed.alike(n, 1, last, what, held_s=round(time.monotonic() - t), met=[o.connected() for o in n.orgs], validators=told)
    mixed.healthy(n)


def handshake_both_ways():
    """Whoever dials, the connection is held."""
    seconds = 180 if LONG else 4
    networks = [mixed.mixed("wc", commit="500ms"), mixed.mixed("cw", commit="500ms")]
    for n in networks:
        net.edit_config(n.orgs[1].home, "p2p", "persistent_peers", '""')
        n.start()
    before, t = [mixed.connections(n) for n in networks], time.monotonic()
    time.sleep(seconds)
    for n, b, what in zip(networks, before, ("Warren dials CometBFT", "CometBFT dials Warren")):
        mixed.held(n, b, time.monotonic() - t, what)
        ways = [[p["is_outbound"] for p in o.rpc.call("net_info")["peers"]] for o in n.orgs]
        net.check_eq(ways, [[True], [False]], f"{what}: one connection, dialled by the first")
        mixed.alike(n, 1, mixed.together(n), what, held_s=round(time.monotonic() - t), met=[o.connected() for o in n.orgs])
        mixed.healthy(n)


def one_among_three():
    """One Warren validator among three of CometBFT: every connection is held."""
    run(mixed.mixed("wccc"), 180 if LONG else 5, "one Warren, three CometBFT")


def three_and_one():
    run(mixed.mixed("wwwc"), 120, "three Warren, one CometBFT")


def at_default_timeouts():
    n = mixed.mixed("wccc", commit=None, peer_gossip_sleep_duration=None)
    run(n, 300, "one Warren, three CometBFT, default timeouts")


def without_a_pause():
    # Nobody waits for the fourth precommit here, whose ever it is.
    n = mixed.mixed("wccc", commit="0s", peer_gossip_sleep_duration="5ms")
    run(n, 120, "one Warren, three CometBFT, timeout_commit 0", least=0.5)


def both_kinds_are_needed(n, ones, others):
    for kind, away, left in (("Warren", ones, others), ("CometBFT", others, ones)):
        for o in away:
            o.kill_all()
        net.check(mixed.stands_still(left[0]), f"nothing is decided without {kind}")
        for o in away:
            o.start()
        mixed.together(n, 5)


def halves(kinds, seconds, what, commit):
    n = mixed.mixed(kinds, commit=commit)
    run(n, seconds, what)
    both_kinds_are_needed(n, mixed.of_kind(n, True), mixed.of_kind(n, False))
    mixed.alike(n, 1, min(o.height() for o in n.orgs), what + ", after both halves were away")
    mixed.healthy(n)


def two_and_two():
    halves("wcwc", 120 if LONG else 4, "two and two", "100ms")


def four_and_four():
    halves("wcwcwcwc", 240, "four and four", "500ms")


def powers_change():
    """A validator of each kind joins, gains power and leaves."""
    n = mixed.mixed("wcwc", "wc")
    n.start()
    a = n.orgs[1]
    for o in n.orgs[4:]:
        key = network.pub_key(o)
        for power in ((5, 20, 0) if LONG else (5, 0)):
            h = network.set_power(a, key, power)
            net.check(a.wait_height(h + 3), "goes on")
            net.check_eq(network.powers(a, h + 2).get(key, 0), power, "its power")
    network.set_power(a, network.pub_key(n.orgs[0]), 3)
    network.set_power(a, network.pub_key(n.orgs[1]), 2)
    h = mixed.together(n, 6)
    mixed.alike(n, 1, h, "powers change, validators join and leave")
    mixed.healthy(n)


def block_sync_both_ways():
    for kinds, late, what in (("ccc", "w", "Warren from CometBFT"), ("www", "c", "CometBFT from Warren")):
        n = mixed.mixed(kinds, late, commit="20ms" if LONG else "100ms")
        sync_from(n, n.orgs.pop(), what)
        net.stop_all()


def sync_from(n, late, what):
    n.start()
    a = n.orgs[0]
    for i in range(150 if LONG else 5):
        a.rpc.send_tx(b"sync%d=%s" % (i, b"x" * 100000))
        time.sleep(0.2 if LONG else 0)
    net.check(a.wait_height(500 if LONG else 15, 200), "a chain to fetch")
    top, t = a.height(), time.monotonic()
    late.start()
    net.check(late.wait_height(top, 120), f"{what}: {late.log()[-3000:]}")
    took = time.monotonic() - t
    n.orgs.append(late)
    if late.is_warren:
        net.check(net.wait_until(lambda: "blocks_synced=" in late.log(), 30), "it has ended")
        net.check("blocks_synced=0" not in late.log(), "by block sync")
    h = mixed.together(n, 5)
    mixed.alike(n, 1, h, "block sync, " + what, fetched=top, seconds=round(took, 1))
    mixed.healthy(n)


if __name__ == "__main__":
    mixed.skip_without_peers()
    net.run(handshake_both_ways, one_among_three, two_and_two, block_sync_both_ways, powers_change,
            *([three_and_one, at_default_timeouts, without_a_pause, four_and_four] if LONG else []))
