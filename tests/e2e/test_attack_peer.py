#!/usr/bin/env python3
"""The p2p port under attack: strangers, and peers that greet and then lie."""
import base64
import json
import os
import socket
import struct
import time

import net
from attack import LONG, RudePeer, choices, fixed64, parse, pb, tcp, until_closed, uv, watch

STATE, DATA, VOTE, BITS, TXS, EVIDENCE, BLOCKS, SNAPSHOTS, CHUNKS, PEX = 0x20, 0x21, 0x22, 0x23, 0x30, 0x38, 0x40, 0x60, 0x61, 0x00
BIG = 2**31 - 1
HUGE = 2**63 - 1
HASH = b"\x11" * 32
BLOCK_ID = pb((1, HASH), (2, pb((1, 1), (2, HASH))))
TIME = pb((1, 1700000000))


def a_node():
    node = net.Node(app="kvstore")
    net.edit_config(node.home, "p2p", "allow_duplicate_ip", "true")
    node.start()
    with open(os.path.join(node.home, "config", "genesis.json")) as f:
        node.chain = json.load(f)["chain_id"]
    return node


def vote(h, r=0, kind=1, index=0, block=BLOCK_ID, address=b"\x22" * 20, sig=b"\x33" * 64, *more):
    return pb((1, kind), (2, h), (3, r), (4, block), (5, TIME), (6, address), (7, index), (8, sig), *more)


def part(h, index=0, total=1, at=None, data=b"x", r=0, aunts=()):
    proof = pb((1, total), (2, index if at is None else at), (3, HASH), *((4, a) for a in aunts))
    return pb((5, pb((1, h), (2, r), (3, pb((1, index), (2, data), (3, proof))))))


def proposal(h, total=1, pol=-1, r=0):
    block = pb((1, HASH), (2, pb((1, total), (2, HASH))))
    return pb((3, pb((1, pb((1, 32), (2, h), (3, r), (4, pol), (5, block), (6, TIME), (7, b"\x44" * 64))))))


def step(h, r=0, s=1, last=0):
    return pb((1, pb((1, h), (2, r), (3, s), (5, last))))


def packets_of(channel, data, times):
    """A line of a RudePeer: packets of a message that does not end."""
    body = pb((3, pb((1, channel), (3, data))))
    return "r " + ((uv(len(body)) + body) * times).hex()


def groups(depth):
    return bytes([0xa3, 0x06]) * depth + bytes([0xa4, 0x06]) * depth


def bits(n, words):
    return pb((1, n), (2, b"".join(uv(w) for w in words)))


def commit(n, h=1):
    sigs = b"".join(pb((4, b"")) for _ in range(n))
    return pb((1, h), (3, BLOCK_ID)) + sigs


def block_response(txs=b"", last=b""):
    return pb((3, pb((1, pb((1, pb((3, "c".encode()), (4, 1))), (2, txs), (3, b""), (4, last))))))


def malformed(h):
    """(what, channel, message): a peer that sends one is dropped."""
    parts = pb((1, 2), (2, HASH))
    return [
        ("bit array without words", STATE, pb((2, pb((1, h), (3, parts), (4, bits(64, [])))))),
        ("bit array with too many words", STATE, pb((2, pb((1, h), (3, parts), (4, bits(2, [1] * 50)))))),
        ("bit array of 2^63-1 bits", STATE, pb((2, pb((1, h), (3, parts), (4, bits(HUGE, [1])))))),
        ("bit array of -1 bits", STATE, pb((2, pb((1, h), (3, parts), (4, bits(-1, [1])))))),
        ("vote bits without words", BITS, pb((9, pb((1, h), (3, 1), (4, BLOCK_ID), (5, bits(64, [])))))),
        ("POL without words", DATA, pb((4, pb((1, h), (2, 0), (3, bits(64, [])))))),
        ("part index that is not its proof's", DATA, part(h, 0, 2, 1)),
        ("part of 1 MiB", DATA, part(h, data=b"y" * 2**20)),
        ("part not of 64 KiB among many", DATA, part(h, 0, 3)),
        ("part with 200 aunts", DATA, part(h, aunts=[HASH] * 200)),
        ("no vote", VOTE, pb((6, b""))),
        ("vote of height -1", VOTE, pb((6, pb((1, vote(-1)))))),
        ("vote of round -1", VOTE, pb((6, pb((1, vote(h, -1)))))),
        ("vote of index -1", VOTE, pb((6, pb((1, vote(h, index=-1)))))),
        ("vote of type 9", VOTE, pb((6, pb((1, vote(h, kind=9)))))),
        ("vote with a long signature", VOTE, pb((6, pb((1, vote(h, sig=b"s" * 65)))))),
        ("vote with half a block id", VOTE, pb((6, pb((1, vote(h, block=pb((1, HASH)))))))),
        ("prevote with an extension", VOTE, pb((6, pb((1, vote(h, 0, 1, 0, BLOCK_ID, b"\x22" * 20, b"s" * 64, (9, b"e"))))))),
        ("has-vote of height -5", STATE, pb((7, pb((1, -5), (3, 1))))),
        ("has-vote of index -5", STATE, pb((7, pb((1, h), (3, 1), (4, -5))))),
        ("proposal of 2^32-1 parts", DATA, proposal(h, 2**32 - 1)),
        ("proposal of 1000 parts", DATA, proposal(h, 1000)),
        ("step -1", STATE, step(h, 0, 77)),
        ("negative round", STATE, step(h, -3)),
        ("negative height", STATE, step(-3)),
        ("last commit round that cannot be", STATE, step(h + 5, 0, 1, -9)),
        ("nothing at all", STATE, b"\x9a\x06\x00"),
        ("truncated message", VOTE, pb((6, pb((1, vote(h)))))[:-9]),
        ("overlong varint", STATE, b"\x0a\x0b" + b"\xff" * 11),
        ("a group that ends twice", STATE, b"\xa3\x06\xa4\x06\xa4\x06"),
        ("groups 20000 deep", STATE, groups(20000)),
        ("random bytes", STATE, os.urandom(3000)),
        ("message above the channel's limit", STATE, b"\x00" * (2**20 + 1)),
        ("an unknown channel", 0x77, b"hello"),
        ("evidence without votes", EVIDENCE, pb((1, pb((1, b""))))),
        ("evidence of nothing", EVIDENCE, pb((1, b""))),
        ("light-client evidence without a header", EVIDENCE, pb((1, pb((2, pb((1, pb((1, b""))), (2, 1))))))),
        ("garbage for evidence", EVIDENCE, b"\xff" * 50),
        ("garbage for block sync", BLOCKS, b"\xff" * 50),
        ("a request for block -1", BLOCKS, pb((1, pb((1, -1))))),
        ("evidence of 1 MiB and a byte", EVIDENCE, b"\x00" * (2**20 + 1)),
        ("an empty list of txs", TXS, pb((1, b""))),
        ("garbage for txs", TXS, b"\xff" * 50),
        ("addresses nobody asked for", PEX, pb((4, pb((1, pb((1, b"ab" * 20), (2, b"127.0.0.1"), (3, 26656))))))),
        ("garbage for PEX", PEX, b"\xff" * 50),
        ("an address book of 10000", PEX, pb((4, b"".join(pb((1, pb((1, b"%040x" % i), (2, b"1.2.3.4"), (3, 1)))) for i in range(10000))))),
    ]


def ignorable(h):
    """What may be ignored or may end the connection, but nothing more."""
    return [
        ("vote of index 2^31-1", VOTE, pb((6, pb((1, vote(h, index=BIG)))))),
        ("vote of index 2^31-1, last height", VOTE, pb((6, pb((1, vote(h - 1, 0, 2, BIG)))))),
        ("vote for nil", VOTE, pb((6, pb((1, vote(h, block=b"")))))),
        ("vote of round 2^31-1", VOTE, pb((6, pb((1, vote(h, BIG)))))),
        ("vote of height 2^63-1", VOTE, pb((6, pb((1, vote(HUGE)))))),
        ("proposal with POL round 7 of round 0", DATA, proposal(h, 1, 7)),
        ("step of height 2^63-1", STATE, step(HUGE)),
        ("step of round 2^31-1", STATE, step(h, BIG)),
        ("has-vote of 2^31-1", STATE, pb((7, pb((1, h), (2, 0), (3, 1), (4, BIG))))),
        ("majority claimed twice", STATE, pb((8, pb((1, h), (3, 1), (4, BLOCK_ID))))),
        ("another majority", STATE, pb((8, pb((1, h), (3, 1), (4, b""))))),
        ("part of 2^32-1", DATA, part(h, 2**32 - 1, 2**32)),
        ("part of round 2^31-1", DATA, part(h, r=BIG)),
        ("part without a proof", DATA, pb((5, pb((1, h), (3, pb((2, b"x"))))))),
        ("empty txs", TXS, pb((1, b"".join(pb((1, b"")) for _ in range(20000))))),
        ("a commit of 100000 signatures", BLOCKS, block_response(last=commit(100000))),
        ("an unasked-for block", BLOCKS, block_response()),
        ("a million empty txs", BLOCKS, block_response(txs=b"\x0a\x00" * 1000000)),
        ("no block", BLOCKS, pb((3, b""))),
        ("base above height", BLOCKS, pb((5, pb((1, 5), (2, 50))))),
        ("status 2000", BLOCKS, pb((5, pb((1, 2000), (2, 1))))),
        ("then 1000", BLOCKS, pb((5, pb((1, 1000), (2, 1))))),
        ("negative status", BLOCKS, pb((5, pb((1, -1), (2, -1))))),
        ("a request for block -1", BLOCKS, pb((1, pb((1, -1))))),
        ("a request for block 2^63-1", BLOCKS, pb((1, pb((1, HUGE))))),
        ("snapshot of 200000 chunks", SNAPSHOTS, pb((2, pb((1, 5), (2, 1), (3, 200000), (4, HASH))))),
        ("unasked-for chunk", CHUNKS, pb((4, pb((1, 5), (2, 1), (3, 0), (4, b"c" * 100000))))),
        ("a request for chunk 2^32-1", CHUNKS, pb((3, pb((1, HUGE), (2, 2**32 - 1), (3, 2**32 - 1))))),
        ("request for snapshots", SNAPSHOTS, pb((1, b""))),
    ]


# Channels whose reactor is here; on those of state sync nobody listens to garbage yet.
JUDGED = {STATE, DATA, VOTE, BITS, TXS, EVIDENCE, BLOCKS, PEX, 0x77}


def peers_that_lie():
    node = a_node()
    w = watch(node)
    h = node.rpc.height()
    peers, kept = [], []
    for what, channel, message in malformed(h):
        p = RudePeer(node.p2p_port, node.chain)
        if net.check(p.up(), f"{what}: greeted: {p.why}"):
            p.send(STATE, step(node.rpc.height()))
            p.send(channel, message)
        peers.append((what, channel, p))
        if len(peers) >= 8:
            kept += drain(peers)
    kept += drain(peers)
    net.check_eq(kept, [], "peers that were not dropped")
    w.whole("peers that lie")
    for what, channel, message in ignorable(h):
        with RudePeer(node.p2p_port, node.chain) as p:
            if not net.check(p.up(), f"{what}: greeted: {p.why}"):
                continue
            h = node.rpc.height()
            p.send(STATE, step(h))
            p.send(channel, message, 3)
            time.sleep(0.05)
    w.whole("peers that exaggerate")


def drain(peers):
    """Names of those that are still connected where they should not be."""
    kept = []
    for what, channel, p in peers:
        if channel in JUDGED and not p.is_dropped(40):
            kept.append(what)
        p.close()
    peers.clear()
    return kept


def floods():
    """Much of what is allowed: memory stays, the chain goes on."""
    node = a_node()
    w = watch(node)
    h = node.rpc.height()
    n = 20000 if LONG else 2000
    with RudePeer(node.p2p_port, node.chain) as p, RudePeer(node.p2p_port, node.chain) as q:
        net.check(p.up() and q.up(), "greeted")
        p.send(STATE, step(h + 1000))
        p.send(VOTE, pb((6, pb((1, vote(h + 1))))), n)
        p.send(STATE, pb((8, pb((1, h), (3, 1), (4, BLOCK_ID)))), n)
        q.send(DATA, part(h + 1, data=b"p" * 60000), n // 20)
        q.send(TXS, pb((1, b"".join(pb((1, b"k%d=v" % i)) for i in range(1000)))), n // 100)
        q.send(BLOCKS, pb((1, pb((1, 1)))), n)
        w.whole("floods", 60)
    with RudePeer(node.p2p_port, node.chain) as p:
        p.up()
        p.send(PEX, pb((3, b"")), 50)
        net.check(p.is_dropped(), "PEX requests in a flood: dropped")
    w.whole("PEX flood")
    for r in range(50):
        h = node.rpc.height()
        with RudePeer(node.p2p_port, node.chain) as p:
            p.up()
            for i in range(10):
                p.send(VOTE, pb((6, pb((1, vote(h + 1, i * 1000 + r, kind=1 + i % 2))))))
                p.send(STATE, pb((8, pb((1, h + 1), (2, i), (3, 1 + i % 2), (4, BLOCK_ID)))))
        if not LONG and r >= 5:
            break
    w.whole("votes of a thousand rounds")


# ---- strangers ----

LOW_ORDER = [bytes(32), b"\x01" + bytes(31), bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
             bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
             bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]


def strangers():
    node = a_node()
    w = watch(node)
    choose = choices()
    for key in LOW_ORDER:
        with tcp(node.p2p_port) as s:
            s.sendall(b"\x22\x0a\x20" + key)
            net.check(until_closed(s, 10) is not None, f"low-order key {key.hex()[:8]}: dropped")
    for i in range(200 if LONG else 40):
        with tcp(node.p2p_port) as s:
            try:
                s.sendall(choose.randbytes(choose.randrange(1, 5000)))
                if choose.random() < 0.5:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
    for text in (b"GET / HTTP/1.1\r\n" * 9, b"\xff" * 100000, b"\xff\xff\xff\xff\x0f" + b"a" * 5000):
        with tcp(node.p2p_port) as s:
            try:
                s.sendall(text)
                net.check(until_closed(s, 10) is not None, f"{text[:8]!r}: dropped")
            except OSError:
                pass
    w.whole("strangers")
    silent(node, w)
    same_id_and_own_id(node, w)


def silent(node, w):
    """Many that say nothing: others still get in, and they are thrown out."""
    idle = []
    for _ in range(1000):
        try:
            s = tcp(node.p2p_port, 2)
            s.setblocking(False)
            idle.append(s)
        except OSError:
            break
    print(f"{len(idle)} silent connections", flush=True)
    w.whole("silent connections")
    if LONG:
        end = time.monotonic() + 40
        while idle and time.monotonic() < end:
            idle = [s for s in idle if not is_closed(s)]
            time.sleep(0.5)
        net.check_eq(len(idle), 0, "silent connections that are still there")
    for s in idle:
        s.close()
    ok = False
    for _ in range(20):
        with RudePeer(node.p2p_port, node.chain) as p:
            if p.up():
                ok = True
                break
        time.sleep(1)
    net.check(ok, "an honest peer gets in afterwards")


def is_closed(s):
    try:
        return s.recv(4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def same_id_and_own_id(node, w):
    seed = b"\x07" * 32
    with RudePeer(node.p2p_port, node.chain, seed) as p, RudePeer(node.p2p_port, node.chain, seed) as q:
        p.up()
        q.up()
        net.check(net.wait_until(lambda: p.why or q.why, 5), "the same id twice: one goes")
    with open(os.path.join(node.home, "config", "node_key.json")) as f:
        own = base64.b64decode(json.load(f)["priv_key"]["value"])[:32]
    with RudePeer(node.p2p_port, node.chain, own) as p:
        net.check(p.is_dropped(), "our own id: dropped")
    with RudePeer(node.p2p_port, "another-chain") as p:
        net.check(p.is_dropped(), "another chain: dropped")
    w.whole("ids")


def packets():
    """Below messages: what a packet may look like."""
    node = a_node()
    w = watch(node)

    def packet(*fields, n=None):
        body = pb((3, pb(*fields)))
        return uv(len(body) if n is None else n) + body

    for what, raw in [
        ("a packet of 2^40 bytes", uv(2**40)),
        ("a packet of 5000 bytes", packet((1, STATE), (3, b"z" * 5000))),
        ("channel -1", packet((1, -1), (3, b"z"))),
        ("channel 256 + 0x20", packet((1, 256 + STATE), (2, 1), (3, b"z"))),
        ("an empty packet", b"\x00" * 10),
        ("garbage", b"\xff" * 2000),
    ]:
        with RudePeer(node.p2p_port, node.chain) as p:
            net.check(p.up(), f"{what}: greeted")
            p.say("r " + raw.hex())
            net.check(p.is_dropped(), f"{what}: dropped")
    with RudePeer(node.p2p_port, node.chain) as p:
        p.up()
        p.say("w " + (b"\x55" * 3000).hex())
        net.check(p.is_dropped(), "unencrypted bytes: dropped")
    with RudePeer(node.p2p_port, node.chain) as p:
        p.up()
        p.say("r " + (packet((1, STATE), (3, b"")) * 3000).hex())
        p.say("r " + (uv(2) + pb((1, b"")) + uv(2) + pb((2, b""))).hex() * 3000)
        time.sleep(0.3)
    w.whole("packets")


if __name__ == "__main__":
    net.run(peers_that_lie, packets, strangers, floods)
