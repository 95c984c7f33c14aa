#!/usr/bin/env python3
"""Warren and real CometBFT v0.38.25 in one network, and what befalls it:
processes killed, nodes stopped, applications that begin anew, homes that
change hands.  Afterwards all nodes show every height alike.

WARREN_LONG=1 does more of it."""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mixed  # noqa: E402
from mixed import LONG, net, network  # noqa: E402

SERVICES = ("api", "consensus", "kvstore", "mempool", "p2p", "signer", "store")


def every_process_is_killed():
    """Each of Warren's, alone and in both Warren nodes at once, while transactions come."""
    n = mixed.mixed("wcwc")
    n.start()
    warrens, kills = mixed.of_kind(n, True), 0
    for turn in range(3 if LONG else 1):
        for service in SERVICES:
            for victims in (warrens[:1], warrens):
                n.orgs[1].rpc.send_tx(b"%s%d.%d=1" % (service.encode(), turn, len(victims)))
                for o in victims:
                    o.kill(service)
                    kills += 1
                mixed.together(n, 2)
    h = mixed.together(n)
    net.check_eq([len(mixed.children(o)) for o in warrens], [len(SERVICES)] * 2, "all processes run")
    mixed.alike(n, 1, h, "every process of Warren killed", kills=kills, met=[o.connected() for o in n.orgs])
    mixed.healthy(n)


def two_of_four_stop():
    """One of each kind, or both of one kind, by force or politely."""
    n = mixed.mixed("wcwc")
    n.start()
    for a, b, how in ((0, 1, "kill_all"), (0, 2, "stop"), (1, 3, "stop"), (2, 3, "kill_all")):
        pair = (n.orgs[a], n.orgs[b])
        left = next(o for o in n.orgs if o not in pair)
        for o in pair:
            getattr(o, how)()
        net.check(mixed.stands_still(left), f"without {a} and {b} nothing is decided")
        for o in pair:
            o.start()
        mixed.together(n)
    mixed.alike(n, 1, mixed.together(n), "two of four stop, and come back")
    mixed.healthy(n)


def an_application_begins_anew():
    """Warren's is emptied on disk; CometBFT's lives in memory."""
    n = mixed.mixed("wcc")
    n.start()
    w, c = n.orgs[0], n.orgs[1]
    for turn in range(3 if LONG else 1):
        w.rpc.commit_tx(b"before%d=1" % turn)
        w.stop()
        shutil.rmtree(os.path.join(w.home, "data", "kvstore"))
        w.start()
        mixed.together(n)
        c.stop()
        c.start()
        mixed.together(n)
    mixed.alike(n, 1, mixed.together(n), "applications that begin anew")
    mixed.healthy(n)


def change_hands(n, *nodes):
    """The homes of these nodes are run by the other kind from now on."""
    for i in nodes:
        n.orgs[i].stop()
    for i in nodes:
        old = n.orgs[i]
        n.orgs[i] = mixed.node("c" if old.is_warren else "w", old).start()
    mixed.together(n)
    h = mixed.together(n, 6)
    seen = mixed.commits(n.orgs[3].rpc, h - 4, h - 1)
    for i in nodes:
        me = network.address(n.orgs[i])
        signed = [me in s for _, _, s in seen]
        net.check(any(signed), f"its key signs with {'Warren' if n.orgs[i].is_warren else 'CometBFT'}: {signed}")


def nobody_signed_twice(n):
    blocks = [n.orgs[3].rpc.call("block", height=str(h)) for h in range(1, n.orgs[3].height())]
    net.check_eq([b for b in blocks if b["block"]["evidence"]["evidence"]], [], "nobody signed twice")


def a_home_changes_hands():
    """A validator moves from Warren to CometBFT and back, another the other
    way, in the middle of the chain, with nothing but a stop and a start."""
    n = mixed.mixed("wccc")
    n.start()
    for _ in range(3 if LONG else 1):
        for i in (0, 1, 0, 1):
            change_hands(n, i)
            n.orgs[i].rpc.commit_tx(b"moved%d=%d" % (i, network.height(n.orgs[i])))
    mixed.alike(n, 1, mixed.together(n), "homes that change hands")
    nobody_signed_twice(n)
    mixed.healthy(n)


def two_homes_change_hands_at_once():
    """The others wait for them: what was signed last is only in their logs."""
    n = mixed.mixed("wccw")
    n.start()
    for i in range(4 if LONG else 1):
        change_hands(n, 0, 1)
        n.orgs[3].rpc.commit_tx(b"both%d=1" % i)
    mixed.alike(n, 1, mixed.together(n), "two homes that change hands at once")
    nobody_signed_twice(n)
    mixed.healthy(n)


if __name__ == "__main__":
    mixed.skip_without_peers()
    net.run(every_process_is_killed, a_home_changes_hands, *([two_homes_change_hands_at_once, two_of_four_stop, an_application_begins_anew] if LONG else []))
