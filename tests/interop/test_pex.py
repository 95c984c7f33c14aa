#!/usr/bin/env python3
"""Addresses exchanged with real CometBFT v0.38.25: Warren finds nodes through
one, is found through one, and serves as a seed for two.

The exchange has a period of 30 s, so all of this may wait for one or two."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import net  # noqa: E402
import mixed  # noqa: E402


def node_id(o):
    return o.peer.split("@")[0]


def configure(o, **keys):
    keys = {"persistent_peers": '""', "seeds": '""', "addr_book_strict": "false", "allow_duplicate_ip": "true", **keys}
    for key, value in keys.items():
        net.edit_config(o.home, "p2p", key, value)


def peers(o):
    return {p["node_info"]["id"] for p in o.rpc.call("net_info")["peers"]}


def meet(n, a, b, seconds, what):
    for o in n.orgs:  # alone none of them makes a block
        if not o.process:
            o.start()
    ok = net.wait_until(lambda: node_id(b) in peers(a) and node_id(a) in peers(b), seconds, 0.5)
    net.check(ok, f"{what}: {a.log()[-1500:]}\n---\n{b.log()[-1500:]}")


def found_through_a_cometbft_node():
    n = mixed.mixed("ccw")
    hub, comet, warren = n.orgs
    configure(hub)
    for o in (comet, warren):
        configure(o, persistent_peers=f'"{hub.peer}"')
    meet(n, warren, comet, 75, "Warren and CometBFT know only a CometBFT node")


def found_through_a_warren_node():
    n = mixed.mixed("wcc")
    hub, a, b = n.orgs
    configure(hub)
    for o in (a, b):
        configure(o, persistent_peers=f'"{hub.peer}"')
    meet(n, a, b, 75, "two CometBFT nodes know only a Warren node")


def a_warren_seed():
    n = mixed.mixed("cc", "w")
    a, b, seed = n.orgs
    configure(seed, seed_mode="true")
    for o in (a, b):
        configure(o, seeds=f'"{seed.peer}"')
    meet(n, a, b, 200, "two CometBFT nodes know only a Warren seed")


def a_cometbft_seed():
    n = mixed.mixed("wwc", "c")
    a, b, comet, seed = n.orgs
    configure(seed, seed_mode="true")
    for o in (a, b, comet):
        configure(o, seeds=f'"{seed.peer}"')
    meet(n, a, b, 200, "two Warren nodes and one of CometBFT know only a CometBFT seed")
    meet(n, b, comet, 200, "and Warren and CometBFT find each other")
    mixed.record("a CometBFT seed", heights=mixed.together(n, 5))


if __name__ == "__main__":
    if not mixed.COMETBFT:
        net.skip("CometBFT v0.38.25 is not installed (tests/interop/install-peers)")
        net.finish()
    net.run(found_through_a_cometbft_node, found_through_a_warren_node, a_warren_seed, *([a_cometbft_seed] if mixed.LONG else []))
