#!/usr/bin/env python3
"""What cannot be trusted is refused at start: an exit code of its own, one
clear line that names the thing, and nothing damaged."""
import hashlib
import json
import os
import shutil
import subprocess

import net

USAGE, CONFIG, GENESIS, KEY, SIGNSTATE, CHAIN, CORRUPT, DISK = 2, 3, 4, 5, 6, 7, 8, 9


def digest(home):
    """Hash of every file below home, to see that nothing was changed."""
    h = hashlib.sha256()
    for d, dirs, files in sorted(os.walk(home)):
        dirs.sort()
        if os.path.basename(d) == "run":
            continue
        for f in sorted(files):
            if f.endswith("lock.mdb") or f == "lock":
                continue
            with open(os.path.join(d, f), "rb") as x:
                h.update(f.encode() + x.read())
    return h.hexdigest()


def refused(node, code, words, what, args=(), others_run=False):
    before = digest(node.home)
    p = net.Process([net.WARREN, "start", "--home", node.home, *node.flags, *args], os.path.join(node.dir, "log"))
    try:
        p.p.wait(20)
    except subprocess.TimeoutExpired:
        net.check(False, f"{what}: started all the same")
        p.stop()
        return
    got = p.p.returncode
    text = p.text()
    p.stop()
    net.check_eq(got, code, f"{what}: exit code ({text.strip()[-400:]})")
    for w in words:
        net.check(w in text, f"{what}: says {w!r}: {text.strip()[-600:]}")
    if not others_run:
        net.check_eq(digest(node.home), before, f"{what}: nothing was changed")


def with_config(table, key, value):
    n = net.Node()
    net.edit_config(n.home, table, key, value)
    return n


def config():
    n = net.Node()
    path = os.path.join(n.home, "config", "config.toml")
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace("[mempool]\n", "[mempool]\nsizee = 5\n", 1))
    refused(n, CONFIG, ["config.toml:", "sizee", "size"], "an unknown key")
    refused(with_config("consensus", "timeout_propose", '"3 apples"'), CONFIG, ["timeout_propose", "3 apples"], "a bad duration")
    refused(with_config("mempool", "size", "-1"), CONFIG, ["size"], "a size below zero")
    refused(net.Node(), CONFIG, ["laddr", "[p2p]", "tcp://127.0.0.1:0"], "no address for peers", ["--p2p.laddr="])
    n = net.Node()
    refused(n, USAGE, ["rpc.ladr", "rpc.laddr"], "an unknown flag", ["--rpc.ladr=tcp://127.0.0.1:1"])


def keys_without_effect():
    """Taken as CometBFT takes them, and each said once to do nothing."""
    keys = {"filter_peers": "true", "storage.discard_abci_responses": "true", "mempool.wal_dir": "wal", "rpc.pprof_laddr": "127.0.0.1:1",
            "rpc.grpc_laddr": "tcp://127.0.0.1:1"}
    n = net.Node().start(*(f"--{k}={v}" for k, v in keys.items()))
    lines = n.log().splitlines()
    with open(os.path.join(net.ROOT, "docs", "config.md")) as f:
        manual = {line.split("`")[1]: line for line in f if line.startswith("| `")}
    for k in keys:
        net.check_eq(sum(f"{k} has no effect: " in line for line in lines), 1, f"lines that warn of {k}")
        net.check("No effect here" in manual[k], f"the manual says so of {k}")
    net.check_eq({k for k, line in manual.items() if "No effect here" in line}, set(keys), "keys without effect in the manual")
    n.stop()


def edit_json(node, name, fn):
    path = os.path.join(node.home, name)
    with open(path) as f:
        doc = json.load(f)
    doc = fn(doc) or doc
    mode = os.stat(path).st_mode
    with open(path, "w") as f:
        json.dump(doc, f, indent=2)
    os.chmod(path, mode & 0o777)


def genesis():
    g = "config/genesis.json"
    n = net.Node()
    edit_json(n, g, lambda d: d.update(chain_id="x" * 51))
    refused(n, GENESIS, ["genesis.json", "chain_id"], "a chain id of 51 characters")
    n = net.Node()
    edit_json(n, g, lambda d: d["validators"][0].update(power="-5"))
    refused(n, GENESIS, ["genesis.json", "power"], "a negative power")
    n = net.Node()
    edit_json(n, g, lambda d: d["validators"][0].update(power=str(2**62)))
    refused(n, GENESIS, ["genesis.json", "power"], "an overflowing power")
    n = net.Node()
    edit_json(n, g, lambda d: d["validators"].append(dict(d["validators"][0])))
    refused(n, GENESIS, ["genesis.json", "validator"], "a validator twice")
    n = net.Node()
    path = os.path.join(n.home, g)
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace('"chain_id"', '"chain_id": "other",\n  "chain_id"', 1))
    refused(n, GENESIS, ["genesis.json", "chain_id"], "a key twice")
    n = net.Node()
    os.unlink(os.path.join(n.home, g))
    refused(n, GENESIS, ["genesis.json", "init"], "no genesis")


def keys():
    key = "config/priv_validator_key.json"
    n = net.Node()
    os.chmod(os.path.join(n.home, key), 0o644)
    refused(n, KEY, ["priv_validator_key.json", "600"], "a validator key that others can read")
    n = net.Node()
    os.chmod(os.path.join(n.home, "config/node_key.json"), 0o644)
    refused(n, KEY, ["node_key.json", "600"], "a node key that others can read")
    n, m = net.Node(), net.Node()
    with open(os.path.join(m.home, key)) as f:
        other = json.load(f)
    edit_json(n, key, lambda d: d.update(pub_key=other["pub_key"]))
    refused(n, KEY, ["priv_validator_key.json"], "halves that do not match")


def signing_state():
    st = "data/priv_validator_state.json"
    n = net.Node()
    os.unlink(os.path.join(n.home, st))
    refused(n, SIGNSTATE, ["priv_validator_state.json"], "no signing state")
    n = net.Node()
    with open(os.path.join(n.home, st), "w") as f:
        f.write("{")
    refused(n, SIGNSTATE, ["priv_validator_state.json"], "a malformed signing state")


def ran_for(blocks):
    n = net.Node(app="kvstore").start()
    n.rpc.commit_tx(b"a=1")
    n.wait_height(blocks)
    net.check_eq(n.stop(), 0, "stops")
    return n


def stale_signing_state():
    """A state restored from before: the store knows that the key has signed."""
    n = ran_for(8)
    stale = {"height": "2", "round": 0, "step": 3}
    edit_json(n, "data/priv_validator_state.json", lambda d: stale)
    # Only the signer, asking the store, can know; meanwhile others have started.
    refused(n, SIGNSTATE, ["priv_validator_state.json", "height"], "a stale signing state", others_run=True)
    with open(os.path.join(n.home, "data/priv_validator_state.json")) as f:
        net.check_eq(json.load(f), stale, "nothing was signed")


def another_chain():
    n = ran_for(4)
    edit_json(n, "config/genesis.json", lambda d: d.update(chain_id="another-chain"))
    refused(n, CHAIN, ["other chain", "test-chain"], "a database of another chain")


def wal_damage():
    n = ran_for(6)
    wal = os.path.join(n.home, "data", "cs.wal", "wal")
    size = os.path.getsize(wal)
    with open(wal, "rb") as f:
        data = f.read()
    used = len(data.rstrip(b"\0"))
    with open(wal, "r+b") as f:
        f.seek(used // 2)
        b = f.read(1)
        f.seek(used // 2)
        f.write(bytes([b[0] ^ 0x40]))
    refused(n, CORRUPT, ["wal", "byte"], "damage in the middle of the WAL")
    with open(wal, "wb") as f:
        f.write(data[:used] + data[:20])  # a record that was being written
    n.start()
    net.check(n.wait_height(8), f"a torn tail is cut and the node goes on (size {size}): {n.log()[-1500:]}")
    net.check("torn" in n.log() or "cut" in n.log(), "and the log notes it")
    n.stop()


def flipped_block():
    n = ran_for(6)
    path = os.path.join(n.home, "data", "store", "data.mdb")
    if not os.path.exists(path):
        found = [os.path.join(d, f) for d, _, fs in os.walk(os.path.join(n.home, "data")) for f in fs if f == "data.mdb" and "kvstore" not in d]
        path = found[0]
    with open(path, "rb") as f:
        data = f.read()
    at = data.rfind(b"test-chain")
    if at < 0:
        at = len(data) // 2
    places = []
    i = data.find(b"test-chain")
    while i >= 0:
        places.append(i)
        i = data.find(b"test-chain", i + 1)
    with open(path, "r+b") as f:
        for at in places:
            f.seek(at)
            f.write(bytes([data[at] ^ 1]))
    refused(n, CORRUPT, ["block"], "a flipped bit in stored blocks")


def full_disk():
    if os.geteuid() != 0:
        net.skip("not root: no small file system to fill")
        return
    n = ran_for(3)
    small = os.path.join(n.dir, "small")
    os.mkdir(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", small]).returncode != 0:
        net.skip("no tmpfs can be mounted here")
        return
    try:
        home = os.path.join(small, "home")
        shutil.copytree(n.home, home, ignore=shutil.ignore_patterns("run", "data"))
        os.mkdir(os.path.join(home, "data"))
        shutil.copy(os.path.join(n.home, "data", "priv_validator_state.json"), os.path.join(home, "data"))
        filler = os.open(os.path.join(small, "filler"), os.O_CREAT | os.O_WRONLY)
        try:
            while True:
                os.write(filler, b"x" * 4096)
        except OSError:
            os.close(filler)
        m = net.Node(home=home, init=False)
        refused(m, DISK, ["space"], "a full disk")
    finally:
        subprocess.run(["umount", small])


def surroundings():
    """One line, not one of each service."""
    n = net.Node()
    refused(n, DISK, ["config/genesis.json: cannot be written"], "a data directory that is none", ["--db_dir=config/genesis.json"])
    warnings = 0
    for args in (["--db_dir=config/genesis.json"], []):
        p = subprocess.run(["sh", "-c", f"ulimit -n {64 if not args else 1024}; exec {net.WARREN} start --home {n.home} \"$@\"", "sh", *n.flags, *args],
                           capture_output=True, text=True, timeout=20)
        lines = [x for x in (p.stdout + p.stderr).splitlines() if x]
        warnings += len(lines)
        net.check_eq(p.returncode, DISK if args else CONFIG, f"exit code: {lines}")
    net.check_eq(warnings, 2, "lines in all")
    net.check("only 64 files" in lines[-1] and "ulimit" in lines[-1], f"says what to do: {lines[-1]}")
    refused(n, CONFIG, ["consensus.wal_file: longer"], "a path without end", [f"--consensus.wal_file={'w' * 5000}"], others_run=True)


def second_start():
    n = net.Node(app="kvstore").start()
    p = net.Process([net.WARREN, "start", "--home", n.home, *n.flags], os.path.join(n.dir, "second"))
    try:
        p.p.wait(10)
    except subprocess.TimeoutExpired:
        pass
    net.check(not p.alive() and p.p.returncode != 0, "a second start on one home is refused")
    net.check("running" in p.text() or "in use" in p.text(), f"and says why: {p.text()[-300:]}")
    p.stop()
    h = n.rpc.height()
    net.check(n.wait_height(h + 2), "the first is not disturbed")


if __name__ == "__main__":
    net.run(config, keys_without_effect, genesis, keys, signing_state, stale_signing_state, another_chain, wal_damage, flipped_block, full_disk, surroundings, second_start)
