#!/usr/bin/env python3
"""A validator signs twice in a network of Warren and CometBFT: both punish it,
by the same evidence, whoever saw it."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mixed  # noqa: E402
from mixed import LONG, NAMES, net, network  # noqa: E402

import test_evidence as evidence  # noqa: E402
from attack import RudePeer  # noqa: E402
from byzantine import EVIDENCE, Liar, as_json, duplicate, evidence_list, index_of, lie, lunatic, made, punished  # noqa: E402


def lent(kinds, others="", **params):
    """A network whose last validator does not run: its key is a liar's."""
    n = mixed.mixed(kinds, others, commit="500ms")
    i = len(kinds) - 1
    for o in n.orgs:
        net.edit_config(o.home, "p2p", "allow_duplicate_ip", "true")
        evidence.edit_genesis(o.home, **params)
    n.chain = evidence.chain_of(n.orgs[0].home)
    n.liar = Liar(n.orgs[i].home, n.chain)
    n.late = n.orgs[i + 1:]
    n.orgs = n.orgs[:i]
    return n


def rude(n, i):
    p = RudePeer(evidence.peer_port(n.orgs[i]), n.chain)
    if not p.up():
        raise RuntimeError(f"not greeted: {p.why}")
    return p


def find(n, first, seconds=60):
    """The first block from there on that holds evidence, and who proposed it."""
    end, h = time.monotonic() + seconds, first
    while time.monotonic() < end and n.orgs[0].wait_height(h, seconds):
        if punished(n.orgs[0].rpc, h, h):
            who = n.orgs[0].rpc.call("block", height=str(h))["block"]["header"]["proposer_address"]
            return h, [o for o in n.orgs if network.address(o) == who][0]
        h += 1
    return None, None


def one_lie(n, i, lies):
    """Tell it to one node; the block that punishes it is the same everywhere."""
    with rude(n, i) as p:
        lied = lie(p, n.orgs[i].rpc, n.liar)
        at, by = find(n, lied)
        if not net.check(at is not None, f"a lie told to node {i} is punished"):
            return
        lies.append({"height": lied, "told": NAMES["w" if n.orgs[i].is_warren else "c"], "at": at,
                     "proposed_by": NAMES["w" if by.is_warren else "c"]})
        mixed.together(n, 3)
        for j, o in enumerate(n.orgs):
            found = punished(o.rpc, lied, at + 2)
            net.check_eq([h for h, _ in found], [at], f"node {j}: punished once")
        net.check_eq(found[0][1]["value"]["vote_a"]["height"], str(lied), "for that height")
        powers = [index_of(o.rpc, n.liar.address, at + 2)[1] for o in n.orgs]
        net.check_eq(len(set(powers)), 1, f"the same power everywhere: {powers}")


def passed_on(n, lies):
    """What one kind is told by RPC the other hears from it before long."""
    words = {True: "evidence of misbehaviour", False: "Verified new evidence of byzantine behavior"}
    for a, b in ((0, 1), (1, 0)):
        told, hears = n.orgs[a], n.orgs[b]
        h = mixed.together(n, 3) - 2
        known = hears.log().count(words[hears.is_warren])
        with rude(n, a) as p:
            item = as_json(made(p, told.rpc, n.liar, h))
        told.rpc.call("broadcast_evidence", evidence=item)
        net.check(net.wait_until(lambda: hears.log().count(words[hears.is_warren]) > known, 30, 0.005),
                  f"node {b} verifies what node {a} was told")
        at, by = find(n, h)
        if net.check(at is not None, f"what node {a} was told is punished"):
            lies.append({"height": h, "told": NAMES["w" if told.is_warren else "c"] + ", by RPC", "at": at,
                         "proposed_by": NAMES["w" if by.is_warren else "c"]})


def punished_by_both():
    n = lent("wcwc", "wc")
    n.start()
    lies = []
    for k in range(12 if LONG else 4):
        one_lie(n, k % 2, lies)
    first = lies[0]["height"]
    passed_on(n, lies)
    for o in n.late:
        o.start()
    n.orgs += n.late
    h = mixed.together(n, 3)
    net.check_eq(len(punished(n.orgs[-1].rpc, first, h)), len(lies), "as many punishments as lies")
    mixed.alike(n, 1, h, "duplicate votes are punished", lies=lies)
    mixed.healthy(n)


def told(o, item):
    try:
        return o.rpc.call("broadcast_evidence", evidence=item)
    except net.RpcError as e:
        return e.args[0]


def the_same_answers():
    """broadcast_evidence: both say the same of what is wrong, and of the truth."""
    n = lent("wcwc", max_age_num_blocks="10", max_age_duration="3000000000")
    n.start()
    w, c = n.orgs[0], n.orgs[1]
    h = mixed.together(n, 3) - 2
    old = h
    with rude(n, 0) as p:
        truth = made(p, w.rpc, n.liar, h)
        items = {
            "another total": as_json(made(p, w.rpc, n.liar, h, total=41)),
            "another power": as_json(made(p, w.rpc, n.liar, h, power=9)),
            "another time": as_json(made(p, w.rpc, n.liar, h, ns=1234567890123456789)),
            "a whole second": as_json(made(p, w.rpc, n.liar, h, ns=10**18)),
            "wrong order": as_json(made(p, w.rpc, n.liar, h, blocks="dc")),
            "an unknown validator": as_json(truth.replace(n.liar.address, b"\x55" * 20)),
            "a height to come": as_json(duplicate(*(n.liar.vote(p, h + 9999, 0, b) for b in "cd"), 10, 40, 10**18)),
            "height 0": as_json(duplicate(*(n.liar.vote(p, 0, 0, b) for b in "cd"), 10, 40, 10**18)),
            "nothing": None,
            "an unknown type": {"type": "x", "value": {}},
            "no type": {"value": {}},
            "no votes": {"type": "tendermint/DuplicateVoteEvidence", "value": {}},
            "no block": {"type": "tendermint/LightClientAttackEvidence", "value": {}},
            "no header": {"type": "tendermint/LightClientAttackEvidence",
                          "value": {"ConflictingBlock": {"signed_header": {}}}},
        }
    for member, value in (("signature", as_json(truth)["value"]["vote_b"]["signature"]), ("signature", None), ("type", 7),
                          ("height", "-1"), ("round", -1), ("validator_index", -1), ("validator_address", "AABB"),
                          ("signature", "QUJD" * 30), ("round", 1)):
        items[f"{member} {value}"] = as_json(truth)
        items[f"{member} {value}"]["value"]["vote_a"][member] = value
    alike = 0
    for what, item in items.items():
        got = [told(o, item) for o in (w, c)]
        alike += net.check_eq(got[0], got[1], f"broadcast_evidence, {what}")
    got = [told(o, as_json(truth)) for o in (w, c)]
    net.check_eq(got[0], got[1], "broadcast_evidence, the truth")
    at, _ = find(n, h)
    net.check(at is not None, "the truth is punished")
    got = [told(o, as_json(truth)) for o in (w, c)]
    net.check_eq(got[0], got[1], "broadcast_evidence, once more")
    mixed.together(n, 14)
    time.sleep(3)
    with rude(n, 0) as p:
        late = as_json(made(p, w.rpc, n.liar, old + 1))
    got = [told(o, late) for o in (w, c)]
    net.check(all("is too old" in g["data"] for g in got), f"what is too old: {got}")
    h = mixed.together(n, 2)
    net.check_eq(len(punished(c.rpc, 1, h)), 1, "nothing else is on the chain")
    mixed.alike(n, 1, h, "evidence by RPC", answers_alike=alike, of=len(items))
    mixed.healthy(n)


def a_stranger_tells_the_truth():
    """To a Warren node, which passes it on; no CometBFT node drops anybody for it."""
    n = lent("wccc")
    n.start()
    at = h = mixed.together(n, 5) - 2
    before, t = mixed.connections(n), time.monotonic()
    with rude(n, 0) as p:
        for d in range(3):
            p.send(EVIDENCE, evidence_list(made(p, n.orgs[0].rpc, n.liar, h - d)))
            at, _ = find(n, at + 1)
            net.check(at is not None, "the truth is punished")
        top = mixed.together(n, 3)
        net.check_eq(len(punished(n.orgs[1].rpc, h, top)), 3, "each deed once")
        net.check(not p.why, f"and the stranger stays: {p.why}")
    after = mixed.connections(n)
    for i, (a, b) in enumerate(zip(before, after)):
        net.check(set(a) <= set(b), f"node {i} keeps its peers")
    mixed.alike(n, 1, top, "evidence of a stranger", seconds=round(time.monotonic() - t, 1))
    mixed.healthy(n)


def an_attack_on_light_clients():
    """Told to one kind, verified by the other against its own headers; once each way."""
    n = mixed.mixed("wcwc", commit="500ms")
    n.chain = evidence.chain_of(n.orgs[0].home)
    n.liar = Liar(n.orgs[3].home, n.chain)
    for o in n.orgs:
        net.edit_config(o.home, "p2p", "allow_duplicate_ip", "true")
        evidence.edit_genesis(o.home, {n.liar.address.hex().upper(): 16})
    n.start()
    mixed.together(n, 6)
    attacks, at = [], 0
    for i, common in ((0, 2), (1, 3)):
        first = max(n.orgs[i].height(), (at or 0) + 1)
        with rude(n, i) as p:
            p.send(EVIDENCE, evidence_list(lunatic(p, n.orgs[i].rpc, n.liar, common, common + 2)))
            at, by = find(n, first)
            if not net.check(at is not None, f"an attack told to node {i} is punished"):
                continue
        attacks.append({"told": NAMES["w" if n.orgs[i].is_warren else "c"], "at": at,
                        "proposed_by": NAMES["w" if by.is_warren else "c"]})
        item = punished(n.orgs[0].rpc, at, at)[0][1]
        net.check_eq(item["type"], "tendermint/LightClientAttackEvidence", "as what it is")
        answers = [told(o, item) for o in n.orgs[:2]]
        net.check_eq(answers[0], answers[1], "both read what they show")
    h = mixed.together(n, 3)
    net.check_eq(len(punished(n.orgs[1].rpc, 1, h)), 2, "each once")
    mixed.alike(n, 1, h, "attacks on light clients", attacks=attacks)
    mixed.healthy(n)


if __name__ == "__main__":
    mixed.skip_without_peers()
    net.run(punished_by_both, the_same_answers, a_stranger_tells_the_truth, an_attack_on_light_clients)
