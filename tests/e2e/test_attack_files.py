#!/usr/bin/env python3
"""Damaged files: a start either works or refuses with one clear line and an
exit code of its own; nothing crashes, nothing is signed twice."""
import json
import os
import re
import shutil
import signal
import time

import net
from attack import ASAN, LONG, choices

CRASHES = [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE]
CRASHED = re.compile(r"killed by signal (%s)\b|AddressSanitizer|runtime error" % "|".join(str(int(s)) for s in CRASHES))


def a_home():
    """A stopped node with blocks, transactions and a journal."""
    node = net.Node(app="kvstore").start()
    for i in range(20):
        node.rpc.send_tx(b"f%d=" % i + b"x" * 300)
    node.rpc.commit_tx(b"last=1")
    node.wait_height(6)
    pids = list(node.services().values())
    node.process.p.kill()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    node.process.stop()
    return node


def files_of(home):
    """Every file below data/ that a flipped bit could hit."""
    out = []
    for d, _, names in os.walk(os.path.join(home, "data")):
        for n in names:
            path = os.path.join(d, n)
            if not n.endswith("lock.mdb") and os.path.getsize(path) > 0:
                out.append(path)
    return sorted(out)


def used(path):
    """Bytes of a file up to its last that is not zero."""
    with open(path, "rb") as f:
        return max(1, len(f.read().rstrip(b"\0")))


def damage(choose, path):
    n = used(path)
    kind = choose.choice(["flip", "flip", "burst", "cut", "zero"])
    with open(path, "r+b") as f:
        at = choose.randrange(n)
        if kind == "cut":
            f.truncate(at)
        else:
            f.seek(at)
            old = f.read(1 if kind == "flip" else choose.randrange(1, 5000))
            f.seek(at)
            if kind == "flip":
                f.write(bytes([old[0] ^ 1 << choose.randrange(8)]))
            else:
                f.write(bytes(len(old)) if kind == "zero" else choose.randbytes(len(old)))
    return f"{kind} at {at} of {n}"


def signed(home):
    with open(os.path.join(home, "data", "priv_validator_state.json")) as f:
        try:
            d = json.load(f)
            return int(d["height"]), int(d.get("round", 0)), int(d["step"]), d.get("signbytes")
        except (ValueError, KeyError):
            return None


def try_start(node, what):
    """'works', or the exit code of a refusal."""
    log = os.path.join(node.dir, "log")
    open(log, "w").close()
    before = signed(node.home)
    node.start(wait=False)
    outcome = None

    def decided():
        nonlocal outcome
        if not node.process.alive():
            outcome = node.process.p.returncode
            return True
        if "is halted" in node.log() or "nothing is decided until" in node.log():
            outcome = "halted"
            return True
        if CRASHED.search(node.log()):
            return True
        if node.rpc.height() > h0:
            outcome = "works"
            return True
        return False

    h0 = before[0] if before else 0
    net.wait_until(decided, 40 if ASAN else 20)
    if outcome == "works":
        read_everything(node)
    text = node.log()
    node.process.stop(seconds=10)
    crash = CRASHED.search(text)
    net.check(not crash, f"{what}: crashed: {text[-3000:] if crash else ''}")
    if outcome not in ("works", "halted"):
        net.check(isinstance(outcome, int) and 3 <= outcome <= 11, f"{what}: neither works nor refuses (exit {outcome}): {text[-1500:]}")
        net.check(re.search(r"Z (warn|bug) ", text), f"{what}: refuses with a line")
    after = signed(node.home)
    if before and after:
        net.check(after[:3] > before[:3] or after == before, f"{what}: signing state went from {before} to {after}")
    return outcome


def read_everything(node):
    """What is damaged may be met only when it is read."""
    try:
        for h in range(1, min(node.rpc.height(), 12)):
            for m in ("block", "block_results", "commit", "validators"):
                node.rpc.call(m, height=str(h), timeout=5)
        node.rpc.call("tx_search", query="tx.height > 0", timeout=5)
        for i in range(20):
            node.rpc.call("abci_query", path="", data=(b"f%d" % i).hex(), timeout=5)
        node.rpc.commit_tx(b"after=damage", timeout=5)
    except (net.RpcError, OSError, ValueError, net.http.client.HTTPException):
        pass


def every_file_is_damaged():
    choose = choices()
    node = a_home()
    kept = os.path.join(node.dir, "kept")
    shutil.copytree(node.home, kept, ignore=shutil.ignore_patterns("run"))
    names = [os.path.relpath(p, node.home) for p in files_of(node.home)]
    print(names, flush=True)
    outcomes = {}
    end = time.monotonic() + (600 if LONG else 20)
    rounds = 0
    while time.monotonic() < end and rounds < (500 if LONG else 12):
        name = names[rounds % len(names)]
        rounds += 1
        shutil.rmtree(node.home)
        shutil.copytree(kept, node.home)
        what = f"{name}: {damage(choose, os.path.join(node.home, name))}"
        outcome = try_start(node, what)
        outcomes.setdefault(name, []).append(outcome)
    for name, got in outcomes.items():
        print(f"{name}: {got}", flush=True)


if __name__ == "__main__":
    net.run(every_file_is_damaged)
