#!/usr/bin/env python3
"""Block sync under attack: peers that lie about their blocks to a node that
needs some, with one honest peer among them."""
import os
import shutil
import threading
import time

import net
from attack import LONG, RudePeer, parse, pb, watch

BLOCKS = 0x40
HUGE = 2**63 - 1


def status(height, base=1):
    return pb((5, pb((1, height), (2, base))))


def no_block(height):
    return pb((2, pb((1, height))))


def member(data, *path):
    """The first value at a path of field numbers, or None."""
    for number in path:
        data = next((v for n, v in parse(data) if n == number), None)
        if data is None:
            return None
    return data


def replaced(data, path, change):
    """The message with change(value) at a path of field numbers."""
    deeper = change if len(path) == 1 else lambda v: replaced(v, path[1:], change)
    return b"".join(pb((n, deeper(v) if n == path[0] else v)) for n, v in parse(data))


def greeted(node, seconds=30):
    """A peer of the node, which lets nobody in before consensus is there."""
    end = time.monotonic() + seconds
    while True:
        p = RudePeer(node.p2p_port, node.chain)
        if p.up():
            return p
        p.close()
        if time.monotonic() > end:
            raise RuntimeError(f"not greeted: {p.why}\n{node.log()[-3000:]}")
        time.sleep(0.2)


class Liar:
    """A peer of the attacked that answers requests for blocks its own way.

    answer(height) gives the messages to send."""

    def __init__(self, node, claim, answer=lambda h: []):
        self.peer = greeted(node)
        self.answer, self.asked, self.lies, self.is_over = answer, 0, 0, False
        for c in claim:
            self.peer.send(BLOCKS, c)
        self.claim = claim
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        seen = 0
        while not self.is_over and self.peer.why is None:
            got = self.peer.got
            while seen < len(got):
                channel, data = got[seen]
                seen += 1
                if channel == BLOCKS:
                    self._hear(data)
            time.sleep(0.01)

    def _hear(self, data):
        number, value = parse(data)[0]
        if number == 4:
            self.peer.send(BLOCKS, self.claim[-1])
        if number == 1:
            h = member(data, 1, 1) or 0
            self.asked += 1
            for m in self.answer(h):
                self.peer.send(BLOCKS, m)
                self.lies += 1

    def close(self):
        self.is_over = True
        self.thread.join(5)
        self.peer.close()


# ---- a chain, and its blocks as they are served ----

class Chain:
    """An honest validator, and its first blocks."""

    def __init__(self, heights):
        self.node = net.Node(app="kvstore")
        net.edit_config(self.node.home, "p2p", "allow_duplicate_ip", "true")
        self.node.start()
        self.node.chain = self.node.rpc.call("status")["node_info"]["network"]
        self.id = self.node.rpc.call("status")["node_info"]["id"]
        if not self.node.wait_height(heights + 5, 120):
            raise RuntimeError("no blocks")
        self.blocks = self._collect(heights)

    def _collect(self, heights):
        out = {}
        with greeted(self.node) as p:
            for h in range(1, heights + 1):
                p.send(BLOCKS, pb((1, pb((1, h)))))
                net.wait_until(lambda: sum(c == BLOCKS and d[0] == 0x1a for c, d in p.got) >= h, 10)
            for c, d in p.got:
                if c == BLOCKS and d[0] == 0x1a:
                    out[member(d, 3, 1, 1, 3)] = d
        if len(out) < heights:
            raise RuntimeError(f"{len(out)} blocks of {heights}")
        return out

    def follower(self):
        """A node of the same chain that knows only the validator; not one
        block of it yet, since the validator sleeps."""
        node = net.Node(app="kvstore")
        shutil.copy(os.path.join(self.node.home, "config", "genesis.json"), os.path.join(node.home, "config"))
        net.edit_config(node.home, "p2p", "allow_duplicate_ip", "true")
        node.chain = self.node.chain
        node.start(f"--p2p.persistent_peers={self.id}@127.0.0.1:{self.node.p2p_port}", wait=False)
        if not net.wait_until(lambda: node.rpc.call("health") == {}, 30):
            raise RuntimeError("no answer:\n" + node.log()[-3000:])
        return node


def changed_commit(block):
    """With one bit of the first signature of its last commit turned."""
    return replaced(block, (3, 1, 4, 4, 4), lambda s: bytes([s[0] ^ 1]) + s[1:])


def changed_app_hash(block):
    return replaced(block, (3, 1, 1, 11), lambda s: bytes([s[0] ^ 1]) + s[1:])


def with_tx(block):
    return replaced(block, (3, 1, 2), lambda d: d + pb((1, b"forged=1")))


# ---- the attacks ----

FEW = 30  # blocks that liars know

TURNED = {
    "signatures that do not hold": (3, 1, 4, 4, 4),
    "a header that nobody signed": (3, 1, 1, 11),
}


def turned(path):
    return lambda block: replaced(block, path, lambda s: bytes([s[0] ^ 1]) + s[1:])


def with_tx(size):
    return lambda block: replaced(block, (3, 1, 2), lambda d: d + pb((1, b"f=" + b"1" * size)))


def lies(chain):
    """(what, status messages, answer, is dropped)"""
    known = lambda change: lambda h: [change(chain.blocks[h])] if h in chain.blocks else []
    honest = known(lambda b: b)

    def trickle(h):
        time.sleep(3)
        return honest(h)

    far = [status(HUGE)]
    out = [
        ("heights that nobody has", far, lambda h: [], False),
        ("no block for anything", far, lambda h: [no_block(h)], False),
        ("no block, and more heights", far, lambda h: [no_block(h), status(HUGE)], True),
        ("a block of another height", far, lambda h: [chain.blocks[1]] if h > 1 else [], True),
        ("garbage in a block", far, lambda h: [pb((3, pb((1, b"\xff" * 500))))], True),
        ("a block of nothing", far, lambda h: [pb((3, pb((1, b""))))], True),
        ("each block twice", far, lambda h: 2 * honest(h), True),
        ("a trickle", far, trickle, False),
        ("fewer than before", [status(2000), status(1000)], honest, True),
        ("a base above the height", [status(5, 50)], honest, True),
        ("transactions that were added", far, known(with_tx(1)), True),
    ]
    out += [(what, far, known(turned(path)), True) for what, path in TURNED.items()]
    if LONG:
        out.append(("large blocks", far, known(with_tx(8 << 20)), True))
    return out


def attack(chain, group):
    """A node that has nothing meets the liars first, then the validator."""
    chain.node.stop()
    node = chain.follower()
    w = watch(node)
    what = ", ".join(lie[0] for lie in group)
    liars = [Liar(node, *lie[1:3]) for lie in group]
    time.sleep(0.3)
    chain.node.start()
    goal = chain.node.rpc.height()
    if not net.check(node.wait_height(goal, 60), f"{what}: the node has the blocks"):
        print(node.log()[-3000:], flush=True)
    net.check(net.wait_until(lambda: not node.rpc.call("status")["sync_info"]["catching_up"], 60),
              f"{what}: it takes part")
    w.whole(what)
    for p, (name, _, _, is_dropped) in zip(liars, group):
        if is_dropped and (p.lies or name in UNASKED):
            net.check(net.wait_until(lambda: p.peer.why is not None, 30), f"{name}: dropped")
    ids = {p["node_info"]["id"] for p in node.rpc.call("net_info")["peers"]}
    net.check(chain.id in ids, f"{what}: the validator was not blamed")
    for p in liars:
        p.close()
    node.stop()


# These show by what they say of themselves.
UNASKED = {"fewer than before", "a base above the height"}
TOGETHER = 1 if LONG else 4


def liars_and_one_honest_peer():
    chain = Chain(FEW)
    told = lies(chain)
    for i in range(0, len(told), TOGETHER):
        attack(chain, told[i:i + TOGETHER])


def new_liars_all_the_time():
    """Each names a height and gives nothing; when one goes the next comes."""
    if not LONG:
        return  # 150 s: for make attack
    chain = Chain(5)
    node = chain.follower()
    liars, is_over = [], time.monotonic() + 150
    while time.monotonic() < is_over:
        liars = [p for p in liars if p.peer.why is None or p.close()]
        liars.append(Liar(node, [status(HUGE)]))
        time.sleep(1)
        if not node.rpc.call("status")["sync_info"]["catching_up"]:
            break
    net.check(not node.rpc.call("status")["sync_info"]["catching_up"], "it takes part all the same")
    goal = chain.node.rpc.height() + 20
    net.check(node.wait_height(goal, 30), "and follows")
    for p in liars:
        p.close()


if __name__ == "__main__":
    net.run(liars_and_one_honest_peer, new_liars_all_the_time)
