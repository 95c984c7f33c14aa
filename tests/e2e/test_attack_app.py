#!/usr/bin/env python3
"""An application that answers wrongly: the node reconnects or stops at that
height with a clear line; it never dies and never commits what is wrong."""
import hashlib
import os
import re
import threading
import time

import net
from abci_app import EXCEPTION, App, answer, frame
from attack import LONG, pb, uv, watch


def finalize_with(app, *more):
    return lambda one, fields: app.finalize_block("finalize_block", one, fields, *more)


def update(key, power):
    return (3, pb((1, pb((1, key))), (2, power)))


KEY = hashlib.sha256(b"key").digest()


def never_ends(*_):
    return b"\x30\x0a"


# Nothing can be said of an answer that may still come.
SILENT = {never_ends}


def general(name):
    """Wrong answers that any method may get."""
    other = "echo" if name != "echo" else "info"
    return [
        ("wrong kind", lambda *_: answer(other, (1, b"x"))),
        ("exception", lambda *_: frame(pb((EXCEPTION, pb((1, b"no\nWRN forged=line \x1b[31m" + b"x" * 5000)))))),
        ("garbage", lambda *_: b"\x20" + os.urandom(32)),
        ("oversized length", lambda *_: uv(2**40) + b"x" * 100),
        ("endless length", lambda *_: b"\xff" * 20),
        ("short reply", never_ends),
        ("empty reply", lambda *_: b"\x00"),
        ("two replies", lambda *_: answer(name) * 2),
        ("closes", lambda *_: "close"),
    ]


def finalizing(app):
    big = 2**63 - 1
    return [
        ("one result too many", finalize_with(app, (2, b""))),
        ("ten thousand results", finalize_with(app, *[(2, b"")] * 10000)),
        ("negative power", finalize_with(app, update(KEY, -1))),
        ("duplicate updates", finalize_with(app, update(KEY, 1), update(KEY, 2))),
        ("total power overflows", finalize_with(app, update(KEY, big))),
        ("removes one who is not there", finalize_with(app, update(KEY, 0))),
        ("a short key", finalize_with(app, update(KEY[:7], 5))),
        ("no key", finalize_with(app, (3, pb((2, 5))))),
        ("a key of another kind", finalize_with(app, (3, pb((1, pb((2, b"\x02" + KEY))), (2, 5))))),
        ("max_bytes 0", finalize_with(app, (4, pb((1, pb((1, 0), (2, 5))))))),
        ("max_bytes 2^62", finalize_with(app, (4, pb((1, pb((1, 2**62), (2, -1))))))),
        ("max_gas -7", finalize_with(app, (4, pb((1, pb((1, 1000), (2, -7))))))),
        ("evidence age -1", finalize_with(app, (4, pb((2, pb((1, -1), (2, b""), (3, -1))))))),
        ("no key types", finalize_with(app, (4, pb((3, b""))))),
        ("extensions since height 1", finalize_with(app, (4, pb((5, pb((1, 1))))))),
    ]


def a_node(app):
    node = net.Node(app=f"tcp://127.0.0.1:{app.port}")
    node.start()
    return node


def try_one(app, node, name, what, fn):
    """Evil for a while, honest again: did it go on, or say why not?"""
    what = f"{name}: {what}"
    w = watch(node)
    before = len(node.log())
    app.used = 0
    app.evil = {name: fn}
    if name == "check_tx":
        send(node, b"a=%d" % time.time_ns())
    elif name == "query":
        send(node, None)
    elif name == "info":
        node.kill("consensus")
    seen = net.wait_until(lambda: app.used >= 1, 10)
    net.check(seen, f"{what}: was asked")
    time.sleep(0.3)
    app.evil = {}
    h = node.rpc.height()
    gone = {s for s, p in w.pids.items() if node.services().get(s) != p} - ({"consensus"} if name == "info" else set())
    net.check_eq(gone, set(), f"{what}: processes that ended")
    net.wait_until(lambda: node.rpc.height() > h + 1 or "is halted" in node.log()[before:], 6)
    went_on = node.rpc.height() > h + 1 or net.wait_until(lambda: node.rpc.height() > h + 1, 0.3)
    said = [l for l in node.log()[before:].splitlines() if re.match(r"\S+Z (warn|bug) ", l)]
    strange = [l[:80] for l in node.log()[before:].splitlines() if l and not re.match(r"\d{4}-\d\d-\d\dT", l)]
    net.check_eq(strange[:2], [], f"{what}: lines of the log that are none")
    if went_on:
        return "goes on", said
    if "is halted" in node.log()[before:]:
        tx = b"halted=%d" % time.time_ns()
        net.check_eq(node.rpc.send_tx(tx, timeout=10)["code"], 0, f"{what}: transactions are checked while consensus is halted")
    node.stop()
    node.start(wait=False)
    net.check(net.wait_until(lambda: node.rpc.height() > h, 20), f"{what}: goes on after a restart with an honest application")
    net.check(said or fn in SILENT, f"{what}: says why it stopped")
    return "stopped", said


def send(node, tx):
    def go():
        try:
            if tx is None:
                node.rpc.call("abci_query", path="", data="00", timeout=5)
            else:
                node.rpc.send_tx(tx, timeout=5)
        except Exception:  # noqa: BLE001 - whatever it answers
            pass
    threading.Thread(target=go, daemon=True).start()


def hashes_are_the_applications(app, node):
    top = node.rpc.height()
    wrong = []
    for h in range(2, top + 1):
        got = node.rpc.call("block", height=str(h))["block"]["header"]["app_hash"]
        if got.lower() != app.hash(h - 1).hex():
            wrong.append((h, got))
    net.check_eq(wrong[:3], [], "blocks whose app hash is not the application's")


def the_application_lies():
    app = App()
    node = a_node(app)
    methods = ["prepare_proposal", "process_proposal", "finalize_block", "commit", "check_tx", "query", "info"]
    for name in methods:
        cases = general(name)
        if not LONG:
            cases = cases[:4] if name in ("finalize_block", "check_tx") else cases[1:3]
        for what, fn in cases:
            if fn is never_ends and not LONG:
                continue
            outcome, said = try_one(app, node, name, what, fn)
            if LONG:
                print(f"{name}: {what}: {outcome}: {said[:1]}", flush=True)
    hashes_are_the_applications(app, node)


def a_block_is_finished_wrongly():
    app = App()
    node = a_node(app)
    for what, fn in finalizing(app) if LONG else finalizing(app)[::3]:
        outcome, said = try_one(app, node, "finalize_block", what, fn)
        net.check(said, f"{what}: is said")
        if LONG:
            print(f"finalize_block: {what}: {outcome}: {said[:1]}", flush=True)
    hashes_are_the_applications(app, node)


def proposals():
    app = App()
    node = a_node(app)
    lies = [
        ("a proposal too large", "prepare_proposal", lambda *_: answer("prepare_proposal", (1, b"t" * (23 << 20)))),
        ("empty txs", "prepare_proposal", lambda *_: frame(pb((17, b"\x0a\x00" * 10**4)))),
        ("rejects everything", "process_proposal", lambda *_: answer("process_proposal", (1, 2))),
        ("status 99", "process_proposal", lambda *_: answer("process_proposal", (1, 99))),
        ("status 0", "process_proposal", lambda *_: answer("process_proposal")),
        ("keeps from height 2^62", "commit", lambda *_: answer("commit", (3, 2**62))),
        ("keeps from height -1", "commit", lambda *_: answer("commit", (3, -1))),
        ("forgets everything", "info", lambda *_: answer("info")),
        ("is ahead", "info", lambda *_: answer("info", (4, 10**9), (5, b"h"))),
        ("has a negative height", "info", lambda *_: answer("info", (4, -5))),
    ]
    for what, name, fn in lies:
        outcome, said = try_one(app, node, name, what, fn)
        if LONG:
            print(f"{name}: {what}: {outcome}: {said[:1]}", flush=True)
    hashes_are_the_applications(app, node)


if __name__ == "__main__":
    net.run(the_application_lies, a_block_is_finished_wrongly, proposals)
