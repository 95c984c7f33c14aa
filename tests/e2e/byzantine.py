"""A validator that signs twice: its key in a test's hands, and the evidence
that this makes, as CometBFT's messages."""
import base64
import calendar
import hashlib
import json
import os
import time

from attack import RudePeer, fixed64, parse, pb

STATE, VOTE, EVIDENCE = 0x20, 0x22, 0x38
PREVOTE, PRECOMMIT = 1, 2


def nanoseconds(text):
    """Of an RFC 3339 time in UTC."""
    whole, _, part = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int((part or "0").ljust(9, "0"))


def stamp(ns):
    return pb(*((n, v) for n, v in ((1, ns // 10**9), (2, ns % 10**9)) if v))


def block_id(char):
    h = bytes([ord(char)]) * 32
    return pb((1, h), (2, pb((1, 1), (2, h))))


def step(h, r=0, s=1):
    last = -1 if h == 1 else 0
    return pb((1, pb((1, h), *([(2, r)] if r else []), (3, s), *([(5, last)] if last else []))))


class Liar:
    """The key of a validator, and a hand that writes."""

    def __init__(self, home, chain):
        with open(os.path.join(home, "config", "priv_validator_key.json")) as f:
            key = json.load(f)
        self.seed = base64.b64decode(key["priv_key"]["value"])[:32]
        self.address = bytes.fromhex(key["address"])
        self.chain = chain

    def vote(self, peer, h, index, block, kind=PREVOTE, r=0, ns=None):
        """A vote that is signed, for block "a", "b" ... """
        at = stamp(time.time_ns() if ns is None else ns)
        canonical = pb((1, kind)) + fixed64(2, h) + (fixed64(3, r) if r else b"") + pb((4, block_id(block)), (5, at),
                                                                                       (6, self.chain.encode()))
        signature = peer.sign(self.seed, pb((0, canonical))[1:])
        return pb((1, kind), (2, h), *([(3, r)] if r else []), (4, block_id(block)), (5, at), (6, self.address),
                  *([(7, index)] if index else []), (8, signature))


def index_of(rpc, address, h):
    """(index, power, total) in the set of a height."""
    vals = rpc.call("validators", height=str(h), per_page="100")["validators"]
    powers = [int(v["voting_power"]) for v in vals]
    i = [v["address"] for v in vals].index(address.hex().upper())
    return i, powers[i], sum(powers)


def lie(peer, rpc, liar, kind=PREVOTE, blocks="ab"):
    """Two votes for the height that is being decided; the height."""
    h = rpc.height() + 1
    i = index_of(rpc, liar.address, h)[0]
    for b in blocks:
        peer.send(VOTE, pb((6, pb((1, liar.vote(peer, h, i, b, kind))))))
    return h


def duplicate(a, b, power, total, ns):
    """tendermint.types.Evidence of two votes in their order."""
    return pb((1, pb((1, a), (2, b), *([(3, total)] if total else []), *([(4, power)] if power else []), (5, stamp(ns)))))


def evidence_list(*items):
    return pb(*((1, i) for i in items))


def evidence_hash(evidence):
    """Of two votes: SHA-256 of the bare message."""
    return hashlib.sha256(parse(evidence)[0][1]).digest()


def made(peer, rpc, liar, h, **wrong):
    """What an honest node would make of two prevotes of this height; wrong
    names what is not as it would be."""
    i, power, total = index_of(rpc, liar.address, h)
    ns = nanoseconds(rpc.call("block", height=str(h))["block"]["header"]["time"])
    votes = [liar.vote(peer, h, i, b, ns=ns) for b in wrong.get("blocks", "cd")]
    return duplicate(*votes, wrong.get("power", power), wrong.get("total", total), wrong.get("ns", ns))


# ---- an attack on light clients ----

def merkle(leaves):
    """RFC 6962, as CometBFT has it."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + merkle(leaves[:k]) + merkle(leaves[k:])).digest()


def header_fields(h):
    """A header of the RPC as [(number, bytes or number)] of its message."""
    last, b = h["last_block_id"], bytes.fromhex
    return [(1, pb((1, int(h["version"]["block"])), *([(2, int(h["version"]["app"]))] if "app" in h["version"] else []))),
            (2, h["chain_id"].encode()), (3, int(h["height"])), (4, stamp(nanoseconds(h["time"]))),
            (5, pb((1, b(last["hash"])), (2, pb((1, last["parts"]["total"]), (2, b(last["parts"]["hash"])))))),
            *((6 + i, b(h[k])) for i, k in enumerate((
                "last_commit_hash", "data_hash", "validators_hash", "next_validators_hash", "consensus_hash", "app_hash",
                "last_results_hash", "evidence_hash", "proposer_address")))]


def header_hash(fields):
    """Of header_fields: version, time and last block as they are, the rest each in a message of its own."""
    return merkle([v if n in (1, 4, 5) else pb((1, v)) if v else b"" for n, v in fields])


def lunatic(peer, rpc, liar, common, conflicting, **wrong):
    """A block that never was, signed by the liar alone, who had more than a
    third of the power at the common height."""
    vals = rpc.call("validators", height=str(common), per_page="100")["validators"]
    me = [v for v in vals if v["address"] == liar.address.hex().upper()][0]
    key, power = pb((1, base64.b64decode(me["pub_key"]["value"]))), int(me["voting_power"])
    validator = pb((1, liar.address), (2, key), (3, power))
    f = dict(header_fields(rpc.call("block", height=str(conflicting))["block"]["header"]))
    f.update({8: merkle([pb((1, key), (2, power))]), 11: b"\xaa" * 8})
    block = pb((1, header_hash(sorted(f.items()))), (2, pb((1, 1), (2, b"\xbb" * 32))))
    at = stamp(nanoseconds(rpc.call("block", height=str(conflicting))["block"]["header"]["time"]) + 1)
    canonical = pb((1, PRECOMMIT)) + fixed64(2, conflicting) + pb((4, block), (5, at), (6, liar.chain.encode()))
    signature = wrong.get("signature") or peer.sign(liar.seed, pb((0, canonical))[1:])
    commit = pb((1, conflicting), (3, block), (4, pb((1, 2), (2, liar.address), (3, at), (4, signature))))
    accused = pb((1, liar.address), (2, wrong.get("key", key)), (3, wrong.get("power", power)))
    ns = nanoseconds(rpc.call("block", height=str(common))["block"]["header"]["time"])
    return pb((2, pb((1, pb((1, pb((1, pb(*sorted(f.items()))), (2, commit))), (2, pb((1, validator), (2, validator))))),
                     (2, common), *([(3, accused)] if wrong.get("accused", True) else []),
                     (4, wrong.get("total", sum(int(v["voting_power"]) for v in vals))), (5, stamp(wrong.get("ns", ns))))))


def rfc3339(ns):
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9))
    part = f".{ns % 10**9:09}".rstrip("0") if ns % 10**9 else ""
    return f"{whole}{part}Z"


def as_json(evidence):
    """Two votes as the RPC takes and prints them."""
    def text_of(at):
        f = dict(parse(at))
        return rfc3339(f.get(1, 0) * 10**9 + f.get(2, 0))

    def vote_of(v):
        f = dict(parse(v))
        block = dict(parse(f[4]))
        parts = dict(parse(block[2]))
        return {"type": f[1], "height": str(f[2]), "round": f.get(3, 0),
                "block_id": {"hash": block[1].hex().upper(),
                             "parts": {"total": parts[1], "hash": parts[2].hex().upper()}},
                "timestamp": text_of(f[5]), "validator_address": f[6].hex().upper(), "validator_index": f.get(7, 0),
                "signature": base64.b64encode(f[8]).decode(), "extension": None, "extension_signature": None}

    f = dict(parse(parse(evidence)[0][1]))
    return {"type": "tendermint/DuplicateVoteEvidence",
            "value": {"vote_a": vote_of(f[1]), "vote_b": vote_of(f[2]), "TotalVotingPower": str(f.get(3, 0)),
                      "ValidatorPower": str(f.get(4, 0)), "Timestamp": text_of(f[5])}}


def punished(rpc, first, last):
    """[(height, evidence)] that the blocks hold."""
    out = []
    for h in range(first, last + 1):
        block = rpc.call("block", height=str(h))["block"]
        out += [(h, e) for e in block["evidence"]["evidence"]]
    return out


__all__ = ["RudePeer", "STATE", "VOTE", "EVIDENCE", "PREVOTE", "PRECOMMIT"]
