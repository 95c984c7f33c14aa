#!/usr/bin/env python3
"""Vote extensions in a network: an application that extends its votes and
checks those of others sees them again when it proposes; through restarts,
kills and block sync; and one that extends wrongly is not counted."""
import base64
import json
import os

import net
from attack import parse
from test_attack_app import App, answer
from test_network import Network, address, all_equal, healthy

FROM = 3  # the first height with extensions
ACCEPT, REJECT = 1, 2


class Extending(App):
    """The extension of a vote at height h is "ext:h:" and something."""

    def __init__(self, name):
        super().__init__()
        self.name, self.lies = name, False
        self.seen = {}  # {height: extensions that it proposed upon}
        self.wrong, self.verified, self.refused = [], 0, 0

    def extend_vote(self, name, one, _all):
        return answer(name, (1, b"nonsense" if self.lies else b"ext:%d:%s" % (one[2], self.name)))

    def verify_extension(self, name, one, _all):
        ok = one.get(4, b"").startswith(b"ext:%d:" % one[3])
        self.verified, self.refused = self.verified + ok, self.refused + (not ok)
        return answer(name, (1, ACCEPT if ok else REJECT))

    def prepare_proposal(self, name, one, fields):
        h = one[5]
        votes = [dict(parse(v)) for k, v in parse(one.get(3, b"")) if k == 2]
        got = [v.get(3, b"") for v in votes if v.get(5) == 2]
        if h > FROM:
            self.seen[h] = got
            if any(not x.startswith(b"ext:%d:" % (h - 1)) for x in got) or any(len(v.get(4, b"")) != 64 for v in votes if v.get(5) == 2):
                self.wrong.append((h, votes))
        elif any(v.get(3) or v.get(4) for v in votes):
            self.wrong.append((h, votes))
        return answer(name, (1, b"upon=" + base64.b64encode(b",".join(sorted(got)))), *((1, v) for k, v in fields if k == 2))


def network(others):
    n = Network(4, others)
    for i, o in enumerate(n.orgs):
        path = os.path.join(o.home, "config", "genesis.json")
        with open(path) as f:
            genesis = json.load(f)
        genesis["consensus_params"]["abci"]["vote_extensions_enable_height"] = str(FROM)
        with open(path, "w") as f:
            json.dump(genesis, f)
        o.application = Extending(b"node%d" % i)
        o.flags = [f"--proxy_app=tcp://127.0.0.1:{o.application.port}"]
    return n


def top(orgs):
    for o in orgs:
        net.check(o.wait_height(1, 120), f"answers: {o.log()[-2500:]}")
    return max(o.height() for o in orgs)


def go(orgs, more, what, seconds=120):
    h = top(orgs) + more
    for i, o in enumerate(orgs):
        net.check(o.wait_height(h, seconds), f"{what}: node {i} at height {h}: {o.log()[-2500:]}")
    return h


def proposes_again(o, what):
    """What it proposes after this is upon extensions of more than two thirds."""
    before = set(o.application.seen)
    ok = net.wait_until(lambda: set(o.application.seen) - before, 120)
    net.check(ok, f"{what}: it proposes again: {o.log()[-2500:]}")
    counts = [len(o.application.seen[h]) for h in set(o.application.seen) - before]
    net.check(all(c >= 3 for c in counts), f"{what}: upon extensions of three or four: {counts}")


def extensions_come_back():
    n = network(1)
    late = n.orgs.pop()
    for o in n.orgs:
        o.start(commit="100ms")
    for o in n.orgs:
        net.check(o.wait_height(1, 60), "starts")
    go(n.orgs, 10, "with extensions")
    last = n.orgs[3]

    last.kill_all()
    go(n.orgs[:3], 30, "one away")
    last.start(commit="100ms")
    go(n.orgs, 3, "back, by block sync")
    proposes_again(last, "back, by block sync")
    for s in ("consensus", "store", "signer", "p2p"):
        last.kill(s)
        go(n.orgs, 3, f"{s} killed")
    proposes_again(last, "after kills")

    for o in n.orgs:
        o.kill_all()
    for o in n.orgs:
        o.start(commit="100ms")
    go(n.orgs, 3, "all killed, all back")
    for o in n.orgs:
        proposes_again(o, "all killed, all back")

    late.start(commit="100ms")
    h = go([*n.orgs, late], 5, "a new node")
    net.check("blocks_synced=0" not in late.log(), "by block sync")
    all_equal([o.rpc for o in [*n.orgs, late]], 1, h, "with extensions")
    healthy([*n.orgs, late])
    for i, o in enumerate(n.orgs):
        net.check_eq(o.application.wrong[:2], [], f"node {i} was shown what it should be")
    print(f"{h} heights; extensions verified: {[o.application.verified for o in n.orgs]}; "
          f"proposals upon them: {[len(o.application.seen) for o in n.orgs]}", flush=True)


def wrong_extensions_do_not_count():
    n = network(0)
    for o in n.orgs:
        o.start(commit="100ms")
    for o in n.orgs:
        net.check(o.wait_height(FROM + 3, 60), "starts")
    liar = n.orgs[3]
    liar.application.lies = True
    go(n.orgs[:3], 2, "one begins to lie")
    refused = [o.application.refused for o in n.orgs[:3]]
    # A precommit that comes late, for the height before, counts unasked: as
    # in CometBFT.  So commits may have it all the same.
    top_h = go(n.orgs[:3], 8, "one lies")
    net.check(all(o.application.refused > r for o, r in zip(n.orgs, refused)), "its extensions are refused")
    liar.application.lies = False
    go(n.orgs, 5, "it is honest again")
    h = top(n.orgs)
    who = address(liar)
    signed = [any(s["validator_address"] == who and s["block_id_flag"] == 2
                  for s in n.orgs[0].rpc.call("commit", height=str(k))["signed_header"]["commit"]["signatures"])
              for k in range(top_h, h)]
    net.check(any(signed), f"and its precommits count: {signed}")
    all_equal([o.rpc for o in n.orgs], 1, h, "wrong extensions")
    healthy(n.orgs)


if __name__ == "__main__":
    net.run(extensions_come_back, wrong_extensions_do_not_count)
