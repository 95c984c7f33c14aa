#!/usr/bin/env python3
"""Warren and real CometBFT v0.38.25, each node on a host of its own, and lines
between them that are cut and heal, delay and lose.

WARREN_LONG=1 does so with eight nodes, and worse lines."""
import base64
import hashlib
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mixed  # noqa: E402
from mixed import LONG, net, network, netns  # noqa: E402


def hosts(n, warren):
    return [i for i, o in enumerate(n.orgs, 1) if o.is_warren == warren]


def cut_and_heal(n, ones, others, seconds, what):
    n.hosts.cut(ones, others)
    net.check(mixed.stands_still(n.orgs[ones[0] - 1], seconds), f"{what}: half of them decide nothing")
    h = max(network.height(o) for o in n.orgs)
    n.hosts.heal()
    t = time.monotonic()
    net.check(net.wait_until(lambda: max(network.height(o) for o in n.orgs) > h, 120, 0.1), f"{what}: goes on")
    first = time.monotonic() - t
    if not net.check(all(o.wait_height(h + 1, 120) for o in n.orgs), f"{what}: on all"):
        raise RuntimeError("\n---\n".join(o.log()[-2000:] for o in n.orgs))
    mixed.record(what, cut_s=seconds, first_block_s=round(first, 1), all_s=round(time.monotonic() - t, 1))


def partitions_heal():
    n = mixed.on_hosts("wcwcwcwc" if LONG else "wcwc")
    n.start()
    half = len(n.orgs) // 2
    mixed.together(n)
    every = list(range(1, len(n.orgs) + 1))
    for seconds in (10, 40, 90) if LONG else (8,):
        cut_and_heal(n, hosts(n, True), hosts(n, False), seconds, f"{half}|{half}, Warren from CometBFT")
        cut_and_heal(n, every[:half], every[half:], seconds, f"{half}|{half}, both kinds on both sides")
    mixed.alike(n, 1, mixed.together(n), f"{half}|{half} partitions that healed")
    mixed.healthy(n)


def is_committed(o, tx):
    digest = base64.b64encode(hashlib.sha256(tx).digest()).decode()
    return o.rpc.call("tx", hash=digest)["tx_result"]["code"] == 0


def bad_lines():
    n = mixed.on_hosts("wcwc")
    n.start()
    for delay, jitter, loss in ((25, 5, 10), (100, 25, 10), (200, 50, 30)) if LONG else ((50, 10, 10),):
        n.hosts.all_ways(delay=delay, jitter=jitter, loss=loss)
        h, t = mixed.together(n), time.monotonic()
        what = f"lines of {delay} ms, {loss / 10:.0f} % lost"
        for i, o in enumerate(n.orgs):
            tx = b"line%d.%d=%s" % (delay, i, b"x" * 200000)
            net.check_eq(o.rpc.send_tx(tx)["code"], 0, f"{what}: a transaction through node {i}")
            net.check(net.wait_until(lambda: is_committed(o, tx), 300, 0.5), f"{what}: is committed")
        last = mixed.together(n, 30 if LONG else 3, 600)
        mixed.alike(n, h, last, what, seconds_a_height=round((time.monotonic() - t) / (last - h), 2),
                    validators=mixed.participation(n, h + 1, last - 1), met=[o.connected() for o in n.orgs])
    mixed.healthy(n)


if __name__ == "__main__":
    mixed.skip_without_peers()
    why = netns.lacking()
    if why:
        net.skip(f"network namespaces: {why}; partitions and bad lines are NOT tested with CometBFT")
        net.finish()
    net.run(partitions_heal, bad_lines)
