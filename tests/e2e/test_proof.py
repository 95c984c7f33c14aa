#!/usr/bin/env python3
"""warren verify: proofs recorded from a chain hold, and no changed copy does."""
import copy
import hashlib
import json
import os
import shutil

import net

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "proof")
GENESIS, VERIFY, USAGE = 4, 15, 2


def load(name):
    with open(os.path.join(HERE, name)) as f:
        return json.load(f)


class Place:
    """A home that has nothing but a genesis, and a file to verify."""

    def __init__(self):
        self.dir = net.tempdir()
        self.home = os.path.join(self.dir, "home")
        os.makedirs(os.path.join(self.home, "config"))
        shutil.copy(os.path.join(HERE, "genesis.json"), os.path.join(self.home, "config"))

    def verify(self, doc, *flags, home=True):
        path = os.path.join(self.dir, "proof.json")
        with open(path, "w") as f:
            f.write(doc if isinstance(doc, str) else json.dumps(doc))
        return net.warren("verify", path, *flags, home=self.home if home else os.path.join(self.dir, "empty"), check_code=False)


def they_hold():
    p = Place()
    code, out, err = p.verify(load("present.json"), "--output", "json")
    net.check_eq(code, 0, f"present: {err}")
    r = json.loads(out)
    net.check_eq((r["verified"], r["exists"], r["value"], r["version"]), (True, True, "hello", 2), "what it says")
    code, out, err = p.verify(load("absent.json"), "--output", "json")
    net.check_eq(code, 0, f"absent: {err}")
    net.check_eq(json.loads(out)["exists"], False, "absence")


def other_trust():
    p = Place()
    doc = load("present.json")
    header = doc["signed_header"]["header"]
    bare = {k: v for k, v in doc.items() if k not in ("signed_header", "validators")}
    block_hash = doc["signed_header"]["commit"]["block_id"]["hash"]
    net.check_eq(p.verify(doc, "--trusted-hash", block_hash, home=False)[0], 0, "by hash, without a home")
    net.check_eq(p.verify(doc, "--trusted-hash", "00" * 32)[0], VERIFY, "by another hash")
    net.check_eq(p.verify(doc, "--trusted-hash", "xyz")[0], USAGE, "by no hash")
    net.check_eq(p.verify(bare, "--app-hash", header["app_hash"], home=False)[0], 0, "by app hash")
    net.check_eq(p.verify(bare, "--app-hash", "00" * 32, home=False)[0], VERIFY, "by another app hash")
    net.check_eq(p.verify(bare, "--trusted-hash", block_hash)[0], VERIFY, "by hash, but there is no header")
    net.check_eq(p.verify(bare)[0], VERIFY, "by the genesis, but there is no header")
    net.check_eq(p.verify(doc, home=False)[0], GENESIS, "nothing to trust")
    path = os.path.join(p.dir, "header.json")
    for shape in (header, {"header": header}, {"result": {"header": header}}, {"jsonrpc": "2.0", "id": 1, "result": {"signed_header": doc["signed_header"], "canonical": True}},
                  {"result": {"block": {"header": header, "data": {"txs": []}}}}):
        with open(path, "w") as f:
            json.dump(shape, f)
        net.check_eq(p.verify(bare, "--header", path, home=False)[0], 0, f"by a header in {list(shape)}")
    for key, value in (("height", "4"), ("chain_id", "other"), ("app_hash", "11" * 32)):
        with open(path, "w") as f:
            json.dump({**header, key: value}, f)
        net.check_eq(p.verify(bare, "--header", path, home=False)[0], VERIFY, f"by a header with another {key}")
    with open(path, "w") as f:
        f.write("{}")
    net.check_eq(p.verify(bare, "--header", path, home=False)[0], USAGE, "by no header")
    g = load("genesis.json")
    g["chain_id"] = "another"
    with open(os.path.join(p.home, "config/genesis.json"), "w") as f:
        json.dump(g, f)
    net.check_eq(p.verify(doc)[0], VERIFY, "by the genesis of another chain")


def leaves(v, path=()):
    if isinstance(v, dict):
        for k in v:
            yield from leaves(v[k], path + (k,))
    elif isinstance(v, list):
        for i, x in enumerate(v):
            yield from leaves(x, path + (i,))
    else:
        yield path, v


def changed(v):
    """Another value of the same kind."""
    if v is None:
        return "something"
    if isinstance(v, bool):
        return not v
    if isinstance(v, int):
        return v + 1
    if v.isdigit() and len(v) < 20:
        return str(int(v) + 1)
    if not v:
        return "00"
    at = len(v) // 2
    c = v[at]
    return v[:at] + ("1" if c == "0" else "0" if c.isdigit() else "b" if c == "a" else "B" if c == "A" else "a" if c.islower() else "A") + v[at + 1:]


# Not part of what anything is derived from.
FREE = {("validators", 0, "address"), ("validators", 0, "proposer_priority")}


def no_change_passes():
    p = Place()
    for name in ("present.json", "absent.json"):
        doc = load(name)
        for path, value in leaves(doc):
            bad = copy.deepcopy(doc)
            at = bad
            for k in path[:-1]:
                at = at[k]
            at[path[-1]] = changed(value)
            code, out, err = p.verify(bad)
            if path in FREE:
                net.check_eq(code, 0, f"{name} {path} is free")
            else:
                net.check(code == VERIFY, f"{name} {path} {value!r} -> {at[path[-1]]!r}: exit {code} {err.strip()}")
        for path, _ in list(leaves(doc)):
            bad = copy.deepcopy(doc)
            at = bad
            for k in path[:-1]:
                at = at[k]
            del at[path[-1]]
            if path not in FREE and path != ("signed_header", "header", "version", "app"):
                net.check_eq(p.verify(bad)[0], VERIFY, f"{name} without {path}")


def odd_files():
    p = Place()
    doc = load("present.json")
    text = json.dumps(doc)
    for i in range(0, len(text), 97):
        net.check_eq(p.verify(text[:i])[0], VERIFY, f"cut at {i}")
    net.check_eq(p.verify(text.replace('"version": 2', '"version": 2, "version": 2', 1))[0], VERIFY, "a member twice")
    deep = "[" * 100000 + "]" * 100000
    net.check_eq(p.verify(deep)[0], VERIFY, "deeply nested")
    both = copy.deepcopy(doc)
    both["value"] = None
    net.check_eq(p.verify(both)[0], VERIFY, "present, shown as absent")
    other = load("absent.json")
    other["value"] = "hello"
    net.check_eq(p.verify(other)[0], VERIFY, "absent, shown as present")
    mixed = copy.deepcopy(doc)
    mixed["proof"] = load("absent.json")["proof"]
    mixed["value"] = None
    net.check_eq(p.verify(mixed)[0], VERIFY, "the absence at another height")
    none = copy.deepcopy(doc)
    none["proof"]["ops"] = []
    net.check_eq(p.verify(none)[0], VERIFY, "no operators")
    stranger = copy.deepcopy(doc)
    stranger["validators"][0]["pub_key"]["value"] = "gDcZnYNaj9NDkOmPjrkK3/b1FjPtgOAnsUCSNKkaX5M="
    net.check_eq(p.verify(stranger)[0], VERIFY, "signed by somebody else")


if __name__ == "__main__":
    net.run(they_hold, other_trust, no_change_passes, odd_files)
