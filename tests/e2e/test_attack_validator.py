#!/usr/bin/env python3
"""A validator whose key says anything: proposals that lie about their blocks,
votes of every height and round, extensions of every size; and many peers that
never finish what they say.  The others go on, in bounded memory."""
import hashlib
import os
import time

import net
from attack import LONG, RudePeer, choices, fixed64, parse, pb, watch, Watch
from byzantine import PRECOMMIT, PREVOTE, VOTE, index_of, stamp, step
from test_attack_peer import BITS, BLOCKS, DATA, HUGE, STATE, a_node, bits, packets_of
from test_evidence import Four, peer_port
from test_extensions import FROM, Extending
from test_network import healthy

BIG = 2**31 - 1
PART = 65536


# ---- what a validator signs ----

def id_of(block_hash, total=1, parts_hash=None):
    return pb((1, block_hash), (2, pb((1, total), (2, parts_hash or block_hash))))


def signed_proposal(p, liar, h, r, block, pol=-1):
    at = stamp(time.time_ns())
    canonical = pb((1, 32)) + fixed64(2, h) + (fixed64(3, r) if r else b"") + pb(
        *([(4, pol)] if pol else []), (5, block), (6, at), (7, liar.chain.encode()))
    sig = p.sign(liar.seed, pb((0, canonical))[1:])
    return pb((3, pb((1, pb((1, 32), (2, h), *([(3, r)] if r else []), (4, pol), (5, block), (6, at), (7, sig))))))


def signed_vote(p, liar, h, index, block, kind=PREVOTE, r=0, ns=None, more=()):
    at = stamp(time.time_ns() if ns is None else ns)
    canonical = pb((1, kind)) + fixed64(2, h) + (fixed64(3, r) if r else b"") + pb(
        *([(4, block)] if block else []), (5, at), (6, liar.chain.encode()))
    sig = p.sign(liar.seed, pb((0, canonical))[1:])
    return pb((6, pb((1, pb((1, kind), (2, h), *([(3, r)] if r else []), (4, block), (5, at), (6, liar.address),
                            *([(7, index)] if index else []), (8, sig), *more)))))


def leaf(data):
    return hashlib.sha256(b"\0" + data).digest()


def parts_of(block, h, r):
    """(total, hash, messages) of a block in one part or two."""
    cut = [block[i:i + PART] for i in range(0, len(block), PART)] or [b""]
    leaves = [leaf(c) for c in cut]
    if len(cut) > 2:
        raise ValueError("too long a block for this hand")
    root = leaves[0] if len(cut) == 1 else hashlib.sha256(b"\1" + leaves[0] + leaves[1]).digest()

    def message(i):
        aunts = [(4, leaves[1 - i])] if len(cut) == 2 else []
        proof = pb((1, len(cut)), *([(2, i)] if i else []), (3, leaves[i]), *aunts)
        return pb((5, pb((1, h), *([(2, r)] if r else []), (3, pb(*([(1, i)] if i else []), (2, cut[i]), (3, proof))))))
    return len(cut), root, [message(i) for i in range(len(cut))]


def stored_block(p, h):
    """The bytes of a block that the node has."""
    before = len(p.got)
    p.send(BLOCKS, pb((1, pb((1, h)))))
    found = []

    def has():
        found[:] = [d for c, d in p.got[before:] if c == BLOCKS and d[:1] == b"\x1a"]
        return found
    if not net.wait_until(has, 10):
        raise RuntimeError("no block")
    return parse(parse(found[0])[0][1])[0][1]


def replaced(data, number, value):
    return b"".join(pb((n, value if n == number else v)) if not isinstance(v, int) or n == number else pb((n, v)) for n, v in parse(data))


# ---- proposals ----

def blocks_to_propose(block, h, choose):
    """(what, bytes) of blocks that no honest validator proposes."""
    header, last = parse(block)[0][1], [v for n, v in parse(block) if n == 4][0]
    next_header = replaced(header, 3, h)
    sigs = lambda n: b"".join(pb((4, b"")) for _ in range(n))
    flip = bytearray(block)
    for _ in range(8):
        flip[choose.randrange(len(flip))] ^= 1 << choose.randrange(8)
    return [
        ("the block before, again", block),
        ("of this height, with the last one's rest", replaced(block, 1, next_header)),
        ("nothing", b""),
        ("garbage", choose.randbytes(3000)),
        ("bits turned", bytes(flip)),
        ("cut off", block[:len(block) // 2]),
        ("60000 empty transactions", pb((1, next_header), (2, b"\x0a\x00" * 60000), (3, b""), (4, last))),
        ("a last commit of 40000 signatures", pb((1, next_header), (2, b""), (3, b""), (4, pb((1, h - 1), (3, id_of(b"h" * 32))) + sigs(40000)))),
        ("groups 60000 deep", b"\xa3\x06" * 30000 + b"\xa4\x06" * 30000),
        ("evidence of nothing", pb((1, next_header), (2, b""), (3, pb((1, b""), (1, pb((1, b""))), (1, pb((2, b""))))), (4, last))),
        ("no last commit", pb((1, next_header), (2, b""), (3, b""))),
        ("no header", pb((2, b""), (3, b""), (4, last))),
    ]


def propose(rude, liar, h, r, bytes_, choose):
    """A proposal whose parts are these bytes, among others that do not fit."""
    total, root, messages = parts_of(bytes_, h, r)
    good = id_of(choose.randbytes(32), total, root)
    for far in (h + 1, h + 1000, HUGE):
        rude.say(DATA, signed_proposal(rude.pen, liar, far, r, good))
    rude.say(DATA, signed_proposal(rude.pen, liar, h, BIG, good))
    rude.say(DATA, signed_proposal(rude.pen, liar, h, r, good))
    rude.say(DATA, signed_proposal(rude.pen, liar, h, r, id_of(b"c" * 32, total, root)))
    for m in messages:
        rude.say(DATA, m)
        rude.say(DATA, m)
    rude.say(DATA, parts_of(b"other" + bytes_[:100], h, r)[2][0])


def propose_malformed(rude, liar, h, r, choose):
    """What is wrong by itself costs the connection."""
    pols = [(pol, id_of(b"d" * 32)) for pol in (r, r + 7, BIG, -2)]
    totals = [(-1, id_of(b"b" * 32, total)) for total in (2**32 - 1, 1602, 0)]
    pol, block = choose.choice(pols + totals)
    rude.say(DATA, signed_proposal(rude.pen, liar, h, r, block, pol))


def polka_lies(p, h, r):
    """What a validator may say of majorities and of what it has."""
    whole = pb((1, 1), (2, b"w" * 32))
    p.send(DATA, pb((4, pb((1, h), *([(2, 0)]), (3, bits(4, [15]))))))
    p.send(STATE, pb((2, pb((1, h), (2, r), (3, whole), (4, bits(1, [1])), (5, 1)))))
    p.send(STATE, pb((2, pb((1, h), (2, r), (3, pb((1, 1601), (2, b"w" * 32))), (4, bits(1601, [2**64 - 1] * 26))))))
    for kind in (PREVOTE, PRECOMMIT):
        for block in (b"x", b"y", b"z"):
            for at in (r, r + 1, BIG):
                p.send(STATE, pb((8, pb((1, h), (2, at), (3, kind), (4, id_of(block * 32))))))
        for i in range(4):
            p.send(STATE, pb((7, pb((1, h), (2, r), (3, kind), (4, i)))))
        p.send(BITS, pb((9, pb((1, h), (2, r), (3, kind), (4, id_of(b"x" * 32)), (5, bits(4, [15]))))))



class Rude:
    """A connection that is made anew when the node has had enough of it."""

    def __init__(self, four, i=0):
        self.four, self.i, self.p = four, i, four.rude(i)
        self.pen = four.rude(2)  # says nothing, and signs

    def now(self):
        while self.p.why is not None:
            self.p.close()
            time.sleep(0.2)
            self.p = RudePeer(peer_port(self.four.orgs[self.i]), self.four.chain)
            self.p.up()
        return self.p

    def say(self, channel, message):
        self.now().send(channel, message)

    def close(self):
        self.p.close()
        self.pen.close()


def its_turn(org):
    """The height that the others decide while they wait for the liar."""
    h, since = org.height(), time.monotonic()
    while time.monotonic() - since < 0.8:
        time.sleep(0.05)
        now = org.height()
        if now != h:
            h, since = now, time.monotonic()
    return h


def watches(n):
    return [Watch(o.process.pid, o.rpc, o.log) for o in n.orgs]


def proposals_that_lie():
    n = Four()
    n.start(commit="300ms")
    w, choose = watches(n), choices()
    n.orgs[0].wait_height(3)
    rude, listener, taken = Rude(n), n.rude(1), 0
    with n.rude() as p:
        whats = [b[0] for b in blocks_to_propose(stored_block(p, 2), 3, choose)]
    for turn, what in enumerate(whats * (3 if LONG else 1)):
        top = n.orgs[0].height()
        with n.rude() as p:
            block = stored_block(p, top)
        h = its_turn(n.orgs[0]) + 1
        seen = len(listener.got)
        listener.send(STATE, step(h, 0, 1))
        bytes_ = blocks_to_propose(block, h, choose)[turn % len(whats)][1]
        propose(rude, n.liar, h, 0, bytes_, choose)
        polka_lies(rude.now(), h, 0)
        propose_malformed(rude, n.liar, h, 0, choose)
        n.orgs[0].wait_height(h, 60)
        root = parts_of(bytes_, h, 0)[1]
        taken += any(c == DATA and d[:1] == b"\x1a" and root in d for c, d in listener.got[seen:])
        net.check(n.orgs[0].height() > top, f"{what}: the chain goes on")
    for i, o in enumerate(w):
        o.whole(f"node {i}, proposals that lie", 60)
    print(f"{taken} proposals that lie were taken and passed on", flush=True)
    net.check(taken > 0, "some proposals were taken for what they said")
    rude.close()
    listener.close()
    healthy(n.orgs)


# ---- votes ----

def votes_that_lie():
    n = Four()
    n.start(commit="500ms")
    w = watches(n)
    n.orgs[0].wait_height(3)
    rude, many = Rude(n), 5000 if LONG else 500
    index = index_of(n.orgs[0].rpc, n.liar.address, 2)[0]

    def say(what, *messages):
        for m in messages:
            rude.now().send(VOTE, m)
        print(what, flush=True)

    def vote(h, block=id_of(b"v" * 32), **how):
        return signed_vote(rude.pen, n.liar, h, index, block, **how)

    def now():
        return n.orgs[0].height() + 1

    say("of heights to come", *(vote(now() + k) for k in (1, 2, 1000, 10**12)), vote(HUGE))
    say("of rounds to come", *(vote(now(), r=r, kind=k) for r in (1, 2, 3, 30, 1000, BIG - 1, BIG) for k in (PREVOTE, PRECOMMIT)))
    for _ in range(3 if LONG else 1):
        h = now()
        say("of many rounds", *(vote(h, r=r) for r in range(many // 10)))
    say("of blocks that cannot be", *(vote(now(), id_of(b"v" * 32, total)) for total in (0, 1602, 2**31, 2**32 - 1, 2**40)),
        vote(now(), pb((1, b"short"), (2, pb((1, 1), (2, b"v" * 32))))))
    h = now()
    say("one vote at many times", *(vote(h, ns=1700000000 * 10**9 + k) for k in range(many)))
    say("of no time at all", vote(now(), ns=0), vote(now(), ns=-62135596800 * 10**9), vote(now(), ns=253402300799 * 10**9))
    for kind in (PREVOTE, PRECOMMIT):
        h = now()
        say("for many blocks", *(vote(h, id_of(b"%032d" % k), kind=kind) for k in range(many)))
    say("with extensions where there are none", vote(now(), kind=PRECOMMIT, more=((9, b"e"), (10, b"s" * 64))),
        vote(now(), kind=PRECOMMIT, more=((9, b"e" * (2**20 - 1000)), (10, b"s" * 64))),
        vote(now(), kind=PRECOMMIT, more=((9, b"e" * 2**20), (10, b"s" * 64))),
        vote(now(), kind=PRECOMMIT, more=((10, b"s" * 65),)))
    for i, o in enumerate(w):
        o.whole(f"node {i}, votes that lie", 60)
    rude.close()
    healthy(n.orgs)


def extensions_that_lie():
    """Where votes have extensions, and one validator's are anything."""
    n = Four(abci={"vote_extensions_enable_height": str(FROM)})
    for i, o in enumerate(n.orgs):
        o.application = Extending(b"node%d" % i)
        o.flags = [f"--proxy_app=tcp://127.0.0.1:{o.application.port}"]
    n.start(commit="300ms")
    w, rude = watches(n), Rude(n)
    n.orgs[0].wait_height(FROM + 1, 60)
    index = index_of(n.orgs[0].rpc, n.liar.address, 2)[0]

    def extended(h, ext, good=True, block=id_of(b"x" * 32)):
        p = rude.pen
        canonical = pb((1, ext)) + fixed64(2, h) + pb((4, n.liar.chain.encode()))
        sig = p.sign(n.liar.seed, pb((0, canonical))[1:]) if good else b"s" * 64
        return signed_vote(p, n.liar, h, index, block, PRECOMMIT, more=((9, ext), (10, sig)))

    for ext, good in ((b"", True), (b"", False), (b"nonsense", True), (b"ext:1:x", False), (os.urandom(100000), True),
                      (b"e" * (2**20 - 2000), True), (b"e" * (2**20 + 5), True)):
        h = n.orgs[0].height() + 1
        rude.now().send(VOTE, extended(h, ext, good))
        rude.now().send(VOTE, extended(h, ext, good, b""))
        rude.now().send(VOTE, extended(h - 1, ext, good))
        rude.now().send(VOTE, signed_vote(rude.pen, n.liar, h, index, id_of(b"n" * 32), PRECOMMIT))
        n.orgs[0].wait_height(h, 60)
    for i, o in enumerate(w):
        o.whole(f"node {i}, extensions that lie", 60)
    for i, o in enumerate(n.orgs):
        net.check_eq(o.application.wrong[:1], [], f"node {i} was shown no extension that lies")
    rude.close()
    healthy(n.orgs)


# ---- many peers ----

def messages_that_never_end():
    """Each of many peers begins a message on the channel of the largest, and
    never ends it."""
    node = a_node()
    w = watch(node)
    up, end = [], time.monotonic() + 120
    while len(up) < 35 and time.monotonic() < end:  # one that was too slow for its greeting tries again
        more = [RudePeer(node.p2p_port, node.chain) for _ in range(40 - len(up))]
        for p in more:
            if p.up(60):
                up.append(p)
            else:
                p.close()
    net.check(len(up) > 30, f"{len(up)} peers of 40 are let in")
    line = packets_of(BLOCKS, b"m" * 1000, 1000)
    for _ in range(40 if LONG else 12):
        for p in up:
            if p.why is None:
                p.say(line)
    w.whole("messages that never end", 120)
    print(f"{sum(p.why is None for p in up)} of {len(up)} still there", flush=True)
    for p in up:
        p.close()
    w.whole("after them", 60)


if __name__ == "__main__":
    net.run(proposals_that_lie, votes_that_lie, extensions_that_lie, messages_that_never_end)
