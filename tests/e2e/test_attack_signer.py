#!/usr/bin/env python3
"""A signer that lies: wrong signatures, old ones, wrong keys, garbage and
silence on the port that signers dial.  No lie ends the node or gets into a
block, and an honest answer heals it."""
import base64
import hashlib
import json
import os
import socket
import threading
import time

import net
from attack import fixed64, parse, pb, uv, watch

KEY_ASKED, KEY, VOTE_ASKED, VOTE, PROPOSAL_ASKED, PROPOSAL, PING, PONG = range(1, 9)
ASKS = {VOTE_ASKED: VOTE, PROPOSAL_ASKED: PROPOSAL}


# ---- ed25519, as slow as it is short (RFC 8032) ----

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202,
        46316835694926478169428394003475163141307993866256225615783033603165251855960)


def plus(a, b):
    (x, y, z, t), (u, v, w, s) = a, b
    m, n, o, q = (y - x) * (v - u) % P, (y + x) * (v + u) % P, 2 * t * s * D % P, 2 * z * w % P
    e, f, g, h = n - m, q - o, q + o, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(k):
    out, p = (0, 1, 1, 0), (*BASE, 1, BASE[0] * BASE[1] % P)
    while k:
        if k & 1:
            out = plus(out, p)
        p, k = plus(p, p), k >> 1
    zi = pow(out[2], -1, P)
    x, y = out[0] * zi % P, out[1] * zi % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def hash_int(*data):
    return int.from_bytes(hashlib.sha512(b"".join(data)).digest(), "little")


def sign(seed, data):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & (2**254 - 8) | 2**254
    pub, r = times(a), hash_int(h[32:], data) % L
    big_r = times(r)
    return big_r + ((r + hash_int(big_r, pub, data) * a) % L).to_bytes(32, "little")


def public(seed):
    return times(int.from_bytes(hashlib.sha512(seed).digest()[:32], "little") & (2**254 - 8) | 2**254)


# ---- what is signed ----

def sign_bytes(kind, m, chain):
    """The canonical form of a vote's or proposal's fields."""
    block = m.get(4 if kind == VOTE else 5, b"")
    known = [pb((1, m.get(1, 0))), fixed64(2, m[2]), fixed64(3, m[3]) if m.get(3) else b""]
    if kind == PROPOSAL:
        known.append(pb((4, m[4])) if m.get(4) else b"")
    at = 4 if kind == VOTE else 5
    known.append(pb((at, block)) if any(n == 1 for n, _ in parse(block)) else b"")
    known.append(pb((at + 1, m[at + 1]), (at + 2, chain)))
    body = b"".join(known)
    return uv(len(body)) + body


def signed(kind, m, seed, chain, **wrong):
    """m with a signature; wrong={n: value} is signed, and answered only if
    "answers_so" says so."""
    told = wrong.pop("answers_so", False)
    other = {**m, **{int(n[1:]): v for n, v in wrong.items()}}
    shown = other if told else m
    return {**shown, 8 if kind == VOTE else 7: sign(seed, sign_bytes(kind, other, chain))}


def message(kind, body):
    m = pb((kind, body))
    return uv(len(m)) + m


def reply(kind, m):
    return message(kind, pb((1, pb(*sorted(m.items())))))


def refusal(kind, text):
    return message(kind, pb((1, b""), (2, pb((1, 3), (2, text)))))


class Signer:
    """Dials the node for ever; .lie(signer, kind asked, its fields) gives
    what is answered, None for the truth."""

    def __init__(self, node):
        with open(os.path.join(node.home, "config", "priv_validator_key.json")) as f:
            self.seed = base64.b64decode(json.load(f)["priv_key"]["value"])[:32]
        with open(os.path.join(node.home, "config", "genesis.json")) as f:
            self.chain = json.load(f)["chain_id"].encode()
        self.path = os.path.join(node.dir, "pv.sock")
        self.lie, self.lies, self.dials, self.old = None, 0, 0, {}
        self.s = None
        self.ends = False
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while not self.ends:
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.settimeout(30)
                    s.connect(self.path)
                    self.s, self.dials = s, self.dials + 1
                    self.serve(s, s.makefile("rb"))
            except (OSError, ValueError, IndexError):
                pass
            time.sleep(0.1)

    def serve(self, s, stream):
        while not self.ends:
            n = shift = 0
            while True:
                b = stream.read(1)[0]
                n |= (b & 127) << shift
                shift += 7
                if b < 128:
                    break
            (kind, body), = parse(stream.read(n))
            fields = dict(parse(body))
            m = dict(parse(fields.get(1, b""))) if kind in ASKS else {}
            data = self.lie(self, kind, m) if self.lie else None
            if data is None:
                data = self.honest(kind, m)
            else:
                self.lies += 1
            s.sendall(data)

    def honest(self, kind, m):
        if kind == KEY_ASKED:
            return message(KEY, pb((1, pb((1, public(self.seed))))))
        if kind == PING:
            return message(PONG, b"")
        out = reply(ASKS[kind], signed(ASKS[kind], m, self.seed, self.chain))
        self.old.setdefault((kind, m[1]), out)
        return out

    def hang_up(self):
        try:
            self.s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def on_signing(f):
    return lambda g, kind, m: f(g, ASKS[kind], m) if kind in ASKS else None


def on_key(f):
    return lambda g, kind, m: f(g) if kind == KEY_ASKED else None


def again_and_again(g, kind, m):
    return g.honest(VOTE_ASKED if kind == VOTE else PROPOSAL_ASKED, m) * 2


def dated(seconds):
    """Precommits of another time: the next block would have to take it."""
    return on_signing(lambda g, k, m: reply(k, signed(k, m, g.seed, g.chain, answers_so=True, _5=pb((1, seconds)))) if k == VOTE and m[1] == 2 else None)


OTHER = bytes(range(32))
STALE = pb((1, 1), (2, 1))
WRONG = {
    # The node takes none of these for a signature under what it asked.
    "another height": on_signing(lambda g, k, m: reply(k, signed(k, m, g.seed, g.chain, _2=m[2] + 1))),
    "another height, and says so": on_signing(lambda g, k, m: reply(k, signed(k, m, g.seed, g.chain, _2=m[2] + 1, answers_so=True))),
    "another round": on_signing(lambda g, k, m: reply(k, signed(k, m, g.seed, g.chain, _3=m.get(3, 0) + 1))),
    "another type": on_signing(lambda g, k, m: reply(k, signed(k, m, g.seed, g.chain, _1=3 - m[1] if k == VOTE else 1))),
    "another block": on_signing(lambda g, k, m: reply(k, signed(k, m, g.seed, g.chain, **{"_4" if k == VOTE else "_5": pb((1, OTHER), (2, pb((1, 1), (2, OTHER))))}))),
    "another chain": on_signing(lambda g, k, m: reply(k, signed(k, m, g.seed, b"another"))),
    "another key": on_signing(lambda g, k, m: reply(k, signed(k, m, OTHER, g.chain))),
    "no signature": on_signing(lambda g, k, m: reply(k, m)),
    "a short signature": on_signing(lambda g, k, m: reply(k, {**m, 8 if k == VOTE else 7: b"s"})),
    "a long signature": on_signing(lambda g, k, m: reply(k, {**m, 8 if k == VOTE else 7: b"s" * 8000})),
    "a time that was not signed": on_signing(lambda g, k, m: reply(k, {**signed(k, m, g.seed, g.chain), 5 if k == VOTE else 6: STALE})),
    "a precommit of long ago": dated(1),
    "a precommit of times to come": dated(int(time.time()) + 10**6),
    "an old answer": on_signing(lambda g, k, m: g.old[VOTE_ASKED if k == VOTE else PROPOSAL_ASKED, m[1]]),
    "an empty answer": on_signing(lambda g, k, m: message(k, b"")),
    "a vote for a proposal": on_signing(lambda g, k, m: reply(VOTE + PROPOSAL - k, signed(k, m, g.seed, g.chain))),
    "a request": on_signing(lambda g, k, m: message(k - 1, pb((1, pb(*m.items())), (2, g.chain)))),
    "an empty message": on_signing(lambda g, k, m: b"\0"),
    "a refusal": on_signing(lambda g, k, m: refusal(k, b"no")),
    "a refusal that would forge a line": on_signing(lambda g, k, m: refusal(k, b"x\nforged line\x1b[2J" + b"y" * 5000)),
    "garbage": on_signing(lambda g, k, m: os.urandom(3000)),
    "a huge length": on_signing(lambda g, k, m: uv(2**40)),
    "an endless length": on_signing(lambda g, k, m: b"\xff" * 20),
    "nesting": on_signing(lambda g, k, m: message(k, pb((1, b"\x0a\x7f" * 2000)))),
    "no key": on_key(lambda g: refusal(KEY, b"none")),
    "an empty key": on_key(lambda g: message(KEY, b"")),
    "a key of another length": on_key(lambda g: message(KEY, pb((1, pb((1, b"k" * 31)))))),
    "a key of an unknown type": on_key(lambda g: message(KEY, pb((1, pb((9, b"k" * 32)))))),
    "silence": on_signing(lambda g, k, m: b""),
    "silence about its key": on_key(lambda g: b""),
    "half an answer": on_signing(lambda g, k, m: g.honest(k - 1, m)[:-3]),
}


OF_KEYS = {"no key", "an empty key", "a key of another length", "a key of an unknown type", "silence about its key"}


def lying():
    """(node, its signer), which is honest for a start."""
    node = net.Node(app="kvstore")
    signer = Signer(node)
    node.start(f"--priv_validator_laddr=unix://{signer.path}")
    return node, signer


def lies_are_not_believed():
    node, g = lying()
    w = watch(node)
    w.whole("an honest signer")
    for what, lie in WRONG.items():
        before, g.lie = g.lies, lie
        if what in OF_KEYS:
            g.hang_up()
        net.check(net.wait_until(lambda: g.lies >= before + 2, 60), f"{what}: told twice and more")
        h = node.rpc.height()
        net.check(net.wait_until(lambda: g.lies >= before + 3, 60), f"{what}: asked again")
        net.check(node.rpc.height() <= h + 1, f"{what}: blocks came of it, from {h} to {node.rpc.height()}")
        g.lie = None
        if not w.whole(what, 60):
            break
    g.lie, before = on_key(lambda g: message(KEY, pb((1, pb((1, public(OTHER))))))), g.lies
    g.hang_up()
    net.check(net.wait_until(lambda: g.lies > before, 60), "another's key: told")
    h = node.rpc.height()
    time.sleep(1)
    net.check(node.rpc.height() <= h + 1, "another's key makes no blocks")
    g.lie = None
    g.hang_up()
    w.whole("after another's key", 60)
    net.check("\nforged line" not in node.log(), "a refusal's text stays in its line")
    g.ends = True
    node.stop()


def what_is_odd_is_borne():
    """Not honest, but no reason to stand still."""
    node, g = lying()
    w = watch(node)
    def later():
        return pb((1, int(time.time()) + 2), (2, time.time_ns() % 10**9))
    for what, lie in {"every answer twice": on_signing(again_and_again),
                      "keys that nobody asked for": lambda g, k, m: g.honest(KEY_ASKED, m) * 50 + g.honest(k, m) if k == PING else None,
                      "another time": on_signing(lambda g, k, m: reply(k, signed(k, m, g.seed, g.chain, answers_so=True, **{"_5" if k == VOTE else "_6": later()})))}.items():
        before, g.lie = g.lies, lie
        net.check(net.wait_until(lambda: g.lies >= before + 2, 60), f"{what}: heard")
        w.whole(what, 60)
        g.lie = None
        w.whole(f"after {what}", 60)
    two_at_once(node, g, w)
    g.ends = True
    node.stop()


def two_at_once(node, g, w):
    """The first signer is kept while others dial, trickle and hang up."""
    dials, others = g.dials, []
    for _ in range(20):
        s = socket.socket(socket.AF_UNIX)
        s.connect(g.path)
        others.append(s)
    for s in others:
        for b in message(KEY, pb((1, pb((1, public(OTHER)))))):
            try:
                s.send(bytes([b]))
            except OSError:
                break
    w.whole("others dial")
    net.check_eq(g.dials, dials, "the signer that was there first stays")
    for s in others:
        s.close()


if __name__ == "__main__":
    net.run(lies_are_not_believed, what_is_odd_is_borne)
