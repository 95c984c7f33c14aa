#!/usr/bin/env python3
"""A validator that signs twice is punished, once, whoever is killed when; and
what others say of misbehaviour is believed only when it is true."""
import base64
import json
import os
import time

import net
import test_network as network
from attack import LONG, RudePeer, pb, rss, RSS_MAX
from byzantine import (EVIDENCE, PRECOMMIT, STATE, Liar, as_json, duplicate, evidence_hash, evidence_list, index_of, lunatic, lie, made, nanoseconds, punished, step)


def peer_port(org):
    return int(org.peer.rsplit(":", 1)[1])


def edit_genesis(home, powers={}, abci={}, **evidence):
    """Powers that can be lessened, and parameters of evidence and ABCI."""
    path = os.path.join(home, "config", "genesis.json")
    with open(path) as f:
        genesis = json.load(f)
    genesis["consensus_params"]["evidence"].update(evidence)
    genesis["consensus_params"]["abci"].update(abci)
    for v in genesis["validators"]:
        v["power"] = str(powers.get(v["address"], 10))
    with open(path, "w") as f:
        json.dump(genesis, f)


def chain_of(home):
    with open(os.path.join(home, "config", "genesis.json")) as f:
        return json.load(f)["chain_id"]


class Four(network.Network):
    """Four validators, the last of which has lent its key to a liar."""

    def __init__(self, **evidence):
        super().__init__(4)
        self.orgs, late = self.orgs[:3], self.orgs[3]
        for o in self.orgs + [late]:
            net.edit_config(o.home, "p2p", "allow_duplicate_ip", "true")
            edit_genesis(o.home, **evidence)
        self.chain = chain_of(late.home)
        self.liar = Liar(late.home, self.chain)
        self.late = late

    def rude(self, i=0):
        p = RudePeer(peer_port(self.orgs[i]), self.chain)
        if not p.up():
            raise RuntimeError(f"not greeted: {p.why}")
        return p

    def wait_punished(self, first, seconds=30):
        """The height of the first block with evidence."""
        end = time.monotonic() + seconds
        h = first
        while time.monotonic() < end:
            if not self.orgs[0].wait_height(h, seconds):
                break
            if punished(self.orgs[0].rpc, h, h):
                return h
            h += 1
        return None

    def check_once(self, lied, at, more=6):
        """The deed of height `lied` stands in block `at` alone, is true, and
        the application was told once."""
        for o in self.orgs:
            net.check(o.wait_height(at + more, 60), "the chain goes on")
        rpc = self.orgs[0].rpc
        found = punished(rpc, lied, at + more)
        net.check_eq([h for h, _ in found], [at], f"height {lied} is punished once")
        e = found[0][1]["value"]
        _, power, total = index_of(rpc, self.liar.address, lied)
        net.check_eq((e["vote_a"]["height"], e["ValidatorPower"], e["TotalVotingPower"]), (str(lied), str(power), str(total)),
                     "height and powers")
        net.check_eq(nanoseconds(e["Timestamp"]), nanoseconds(rpc.call("block", height=str(lied))["block"]["header"]["time"]),
                     "its time is that of its block")
        net.check_eq(e["vote_a"]["validator_address"], self.liar.address.hex().upper(), "who it was")
        powers = [index_of(rpc, self.liar.address, h)[1] for h in (at + 1, at + 2, at + more)]
        net.check_eq(powers, [power, power - 1, power - 1], "the application punishes it, once")
        network.all_equal([o.rpc for o in self.orgs], lied, at + more, "after a punishment")
        network.healthy(self.orgs)


def two_votes_are_punished_once():
    n = Four().start(commit="1s")
    with n.rude() as p, n.rude(1) as listener:
        lied = lie(p, n.orgs[0].rpc, n.liar)
        listener.send(STATE, step(lied + 50))
        at = n.wait_punished(lied)
        if not net.check(at is not None, "two prevotes are punished"):
            return
        net.check(any(c == EVIDENCE for c, _ in listener.got), "peers are told of the evidence")
        net.check(not p.why and not listener.why, "nobody is disconnected")
        n.check_once(lied, at)

        lied = lie(p, n.orgs[0].rpc, n.liar, PRECOMMIT)
        at = n.wait_punished(lied)
        if net.check(at is not None, "two precommits are punished"):
            n.check_once(lied, at)

        # Three votes are two pieces of evidence, mostly in one block, where
        # they are one deed to the application.
        lied = lie(p, n.orgs[0].rpc, n.liar, blocks="abc")
        at = n.wait_punished(lied)
        if net.check(at is not None and n.orgs[0].wait_height(at + 8), "three prevotes are punished"):
            found = [h for h, _ in punished(n.orgs[0].rpc, at, at + 8)]
            net.check_eq(len(found), 2, "by two pieces of evidence")
            net.check_eq(index_of(n.orgs[0].rpc, n.liar.address, max(found) + 2)[1], 8 - len(set(found)), "which cost it power once a block")
    # Whoever comes later verifies all of it, and agrees.
    n.late.start(commit="1s")
    net.check(n.late.wait_height(n.orgs[0].height(), 60), "a new node fetches blocks with evidence")
    network.all_equal([n.orgs[0].rpc, n.late.rpc], lied, n.late.height(), "a new node")
    network.healthy([n.late])


def killed_between_the_lie_and_its_punishment():
    """All nodes at once: after the votes, after the evidence."""
    for when in ("the votes", "the evidence", "the votes", "the evidence") if LONG else ("the votes", "the evidence"):
        n = Four().start(commit="1s")
        with n.rude() as p:
            before = n.orgs[0].log().count("evidence of misbehaviour")
            lied = lie(p, n.orgs[0].rpc, n.liar)
            if when == "the votes":
                time.sleep(0.2)
            else:
                net.wait_until(lambda: n.orgs[0].log().count("evidence of misbehaviour") > before, 30, 0.001)
        for o in n.orgs:
            o.kill_all()
        for o in n.orgs:
            o.start(commit="1s")
        at = n.wait_punished(lied, 60)
        if net.check(at is not None, f"killed after {when}: punished"):
            n.check_once(lied, at)
        net.stop_all()


def services_killed_under_lies():
    """One service at a time, while somebody lies at every height."""
    n = Four().start(commit="300ms")
    lied = []
    for i, service in enumerate(("store", "consensus", "store", "consensus", "p2p", "store")):
        o = n.orgs[i % 3]
        try:
            with n.rude(i % 3) as p:
                lied.append(lie(p, o.rpc, n.liar))
                time.sleep(0.1 * i)
                o.kill(service)
        except (RuntimeError, OSError, net.RpcError):
            pass
        net.check(o.wait_height(n.orgs[(i + 1) % 3].height() + 1, 60), f"{service} of node {i % 3} killed: it goes on")
    top = max(o.height() for o in n.orgs) + 3
    for o in n.orgs:
        net.check(o.wait_height(top, 60), "all go on")
    found = punished(n.orgs[0].rpc, 1, top)
    deeds = [e["value"]["vote_a"]["height"] for _, e in found]
    print(f"lies at {lied}, punished: {deeds}", flush=True)
    net.check(len(found) > 0, "lies are punished")
    texts = [json.dumps(e, sort_keys=True) for _, e in found]
    net.check_eq(len(set(texts)), len(texts), "none twice")
    network.all_equal([o.rpc for o in n.orgs], 1, top, "under lies and kills")
    network.healthy(n.orgs)


def what_others_say():
    """Evidence from a stranger: true, wrong, old, early, huge."""
    n = Four(max_age_num_blocks="20", max_age_duration="3000000000").start(commit="200ms")
    rpc = n.orgs[0].rpc
    n.orgs[0].wait_height(3)
    pids = net.children_of(n.orgs[0].process.pid)

    def says(what, is_dropped, evidence, more=b""):
        with n.rude() as p:
            message = evidence(p) if callable(evidence) else evidence
            p.send(EVIDENCE, message + more)
            if is_dropped:
                net.check(p.is_dropped(30), f"{what}: dropped")
            else:
                net.check(not p.is_dropped(1), f"{what}: stays connected: {p.why}")

    h = n.orgs[0].height()
    says("another total", True, lambda p: evidence_list(made(p, rpc, n.liar, h, total=41)))
    says("another power", True, lambda p: evidence_list(made(p, rpc, n.liar, h, power=9)))
    says("no power", True, lambda p: evidence_list(made(p, rpc, n.liar, h, power=0)))
    says("another time", True, lambda p: evidence_list(made(p, rpc, n.liar, h, ns=10**18)))
    says("votes in the wrong order", True, lambda p: evidence_list(made(p, rpc, n.liar, h, blocks="dc")))
    says("one vote twice", True, lambda p: evidence_list(made(p, rpc, n.liar, h, blocks="cc")))

    says("an unknown validator", True,
         lambda p: evidence_list(made(p, rpc, n.liar, h).replace(n.liar.address, b"\x55" * 20)))

    def unsigned(p):
        good = made(p, rpc, n.liar, h)
        i = good.index(n.liar.address) + 20 + 10
        return evidence_list(good[:i] + bytes([good[i] ^ 1]) + good[i + 1:])
    says("a signature that is none", True, unsigned)

    def early(p):
        i, power, total = index_of(rpc, n.liar.address, rpc.height() + 1)
        return evidence_list(duplicate(*(n.liar.vote(p, h + 500, i, b) for b in "cd"), power, total, time.time_ns()))
    says("a height to come", False, early)
    for what, message in (("garbage", os.urandom(500)), ("nothing in it", pb((1, b""))),
                          ("more than a message may have", b"\x00" * (2**20 + 1)), ("nested", b"\xa3\x06" * 20000)):
        says(what, True, message)
    says("an empty list", False, b"")
    net.check_eq(punished(rpc, 1, rpc.height()), [], "nothing of that is on the chain")

    # The truth, told by a stranger, many times over.
    with n.rude(1) as p:
        at = n.orgs[1].height()
        truth = made(p, n.orgs[1].rpc, n.liar, at)
        many = evidence_list(*[truth] * 2000)
        p.send(EVIDENCE, evidence_list(truth))
        p.send(EVIDENCE, many, 20)
        found = n.wait_punished(at)
        net.check(found is not None, "the truth is punished, whoever tells it")
        p.send(EVIDENCE, many, 20)
        net.check(not p.is_dropped(1), f"it may be told again: {p.why}")
    n.check_once(at, found)

    # It grows old: too old by blocks and time, but whoever says it may stay.
    old = n.orgs[0].height()
    n.orgs[0].wait_height(old + 25, 60)
    time.sleep(3)
    says("what is too old", False, lambda p: evidence_list(made(p, rpc, n.liar, old)))
    says("what was committed and is too old", False, evidence_list(truth))
    net.check_eq(len(punished(rpc, 1, rpc.height())), 1, "neither is on the chain")
    net.check_eq(net.children_of(n.orgs[0].process.pid), pids, "no process ended")
    for name, pid in pids.items():
        net.check(rss(pid) < RSS_MAX, f"{name}: memory")
    network.healthy(n.orgs)


def an_attack_on_light_clients():
    """A header that never was, signed by more than a third: verified against
    our own headers, sets and commits, by those who are told and all others."""
    n = network.Network(4)
    liar = n.orgs[3]
    chain = chain_of(liar.home)
    liar = Liar(liar.home, chain)
    for o in n.orgs:
        net.edit_config(o.home, "p2p", "allow_duplicate_ip", "true")
        edit_genesis(o.home, {liar.address.hex().upper(): 16})
    n.start(commit="200ms")
    rpc = n.orgs[0].rpc
    n.orgs[0].wait_height(8)
    common, conflicting = 3, 5

    def says(what, is_dropped, make):
        with RudePeer(peer_port(n.orgs[0]), chain) as p:
            net.check(p.up(), f"{what}: greeted")
            p.send(EVIDENCE, evidence_list(make(p)))
            if is_dropped:
                net.check(p.is_dropped(30), f"{what}: dropped")
            else:
                net.check(not p.is_dropped(1), f"{what}: stays connected: {p.why}")

    says("another total", True, lambda p: lunatic(p, rpc, liar, common, conflicting, total=47))
    says("another power of the accused", True, lambda p: lunatic(p, rpc, liar, common, conflicting, power=15))
    says("somebody else's key", True, lambda p: lunatic(p, rpc, liar, common, conflicting, key=pb((1, b"\x07" * 32))))
    says("nobody is accused", True, lambda p: lunatic(p, rpc, liar, common, conflicting, accused=False))
    says("another time", True, lambda p: lunatic(p, rpc, liar, common, conflicting, ns=10**18))
    says("no signature that holds", True, lambda p: lunatic(p, rpc, liar, common, conflicting, signature=b"s" * 64))
    says("one height for both", True, lambda p: lunatic(p, rpc, liar, conflicting, conflicting))
    net.check_eq(punished(rpc, 1, rpc.height()), [], "nothing of that is on the chain")
    first = rpc.height()
    with RudePeer(peer_port(n.orgs[0]), chain) as p:
        p.up()
        truth = evidence_list(lunatic(p, rpc, liar, common, conflicting))
        p.send(EVIDENCE, truth)
        at = next((h for h in range(first, first + 40) if n.orgs[0].wait_height(h) and punished(rpc, h, h)), None)
        if not net.check(at is not None, "an attack is punished"):
            return
        p.send(EVIDENCE, truth, 50)
        net.check(not p.is_dropped(1), f"it may be told again: {p.why}")
    for o in n.orgs:
        o.wait_height(at + 6)
    found = punished(rpc, first, at + 6)
    net.check_eq([(h, e["type"]) for h, e in found], [(at, "tendermint/LightClientAttackEvidence")], "once")
    e = found[0][1]["value"]
    net.check_eq((e["CommonHeight"], e["TotalVotingPower"], [v["address"] for v in e["ByzantineValidators"]]),
                 (str(common), "46", [liar.address.hex().upper()]), "by whom, and when")
    answer = rpc.call("broadcast_evidence", evidence=found[0][1])
    net.check_eq(len(base64.b64decode(answer["hash"])), 32, "the RPC reads what it shows")
    network.all_equal([o.rpc for o in n.orgs], first, at + 6, "after an attack on light clients")
    network.healthy(n.orgs)


def refusal(rpc, evidence):
    try:
        rpc.call("broadcast_evidence", evidence=evidence)
    except net.RpcError as e:
        return e.args[0]["data"]
    return "taken"


def what_the_api_is_told():
    """broadcast_evidence: what is true is punished, what is not is answered
    as CometBFT does."""
    n = Four().start(commit="300ms")
    rpc = n.orgs[0].rpc
    n.orgs[0].wait_height(3)
    h = n.orgs[0].height()
    with n.rude(2) as p:
        truth = made(p, rpc, n.liar, h)
        wrong = {
            "total voting power from the evidence and our validator set does not match (41 != 40)":
                made(p, rpc, n.liar, h, total=41),
            "validator power from evidence and our validator set does not match (9 != 10)": made(p, rpc, n.liar, h, power=9),
            "evidence has a different time to the block it is associated with (2001-09-09 01:46:40 +0000 UTC != ":
                made(p, rpc, n.liar, h, ns=10**18),
            f"address {'55' * 20} was not a validator at height {h}":
                truth.replace(n.liar.address, b"\x55" * 20),
            f"don't have header #{h + 9999}":
                duplicate(*(n.liar.vote(p, h + 9999, 0, b) for b in "cd"), 10, 40, time.time_ns()),
            "evidence.ValidateBasic failed: duplicate votes in invalid order": made(p, rpc, n.liar, h, blocks="dc"),
        }
    for want, evidence in wrong.items():
        got = refusal(rpc, as_json(evidence))
        prefix = "" if want.startswith("evidence.") else "failed to add evidence: Invalid evidence: "
        net.check(prefix + want in got, f"{want}: {got}")
    unsigned = as_json(truth)
    unsigned["value"]["vote_b"]["signature"] = unsigned["value"]["vote_a"]["signature"]
    net.check("verifying VoteB: invalid signature. Evidence: DuplicateVoteEvidence{VoteA: Vote{" in refusal(rpc, unsigned),
              "a signature that is none")
    for want, evidence in (("no evidence was provided", None), ('unknown type "x"', {"type": "x", "value": {}}),
                           ("evidence.ValidateBasic failed: one or both of the votes are empty nil-Vote, nil-Vote",
                            {"type": "tendermint/DuplicateVoteEvidence", "value": {}}),
                           ("evidence.ValidateBasic failed: conflicting block is nil",
                            {"type": "tendermint/LightClientAttackEvidence", "value": {}})):
        got = refusal(rpc, evidence)
        net.check(want in got, f"{want}: {got}")
    net.check_eq(punished(rpc, 1, rpc.height()), [], "nothing of that is on the chain")

    want = base64.b64encode(evidence_hash(truth)).decode()
    net.check_eq(rpc.call("broadcast_evidence", evidence=as_json(truth)), {"hash": want}, "the truth is taken")
    at = n.wait_punished(h)
    if not net.check(at is not None, "and punished"):
        return
    n.check_once(h, at)
    net.check_eq(rpc.call("broadcast_evidence", evidence=as_json(truth)), {"hash": want}, "it may be told again")
    net.check_eq(punished(rpc, at, at)[0][1], as_json(truth), "the block shows what was told")


if __name__ == "__main__":
    net.run(two_votes_are_punished_once, what_the_api_is_told, an_attack_on_light_clients, killed_between_the_lie_and_its_punishment, services_killed_under_lies, what_others_say)
