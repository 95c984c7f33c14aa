#!/usr/bin/env python3
"""A store and a mempool that lie: garbage, other heights, old answers, too
much, late, twice.  No process ends, no block of it is wrong, and when the truth
is told again the node goes on.  (WARREN_ATTACKS=long for all of them.)"""
import os
import time

from parts import Parts, generated, lacks, net

from attack import LONG

LIES = ["done", "garbage", "bits flipped", "an error", "too much", "an old answer", "another height"]
if LONG:
    LIES += ["twice", "late", "nothing", "bare", "cut", "an unknown status", "forgetful"]


REFUSED = (7, 8)  # exit codes: of another chain, corrupt; when it starts


def advances(rpc):
    h = rpc.height()
    time.sleep(0.5)
    return rpc.height() > h


def chain_is_whole(rpc, what):
    """Every block that RPC shows follows the one before."""
    last = None
    for h in range(1, rpc.height() + 1):
        b = rpc.call("block", height=str(h))
        header = b["block"]["header"]
        if int(header["height"]) != h or (last and header["last_block_id"]["hash"] != last):
            net.check(False, f"{what}: block {h} does not follow {last}: {header}")
            return
        last = b["block_id"]["hash"]
    net.check(True, what)


def lies_of(name):
    p = Parts(net.Node(app="kvstore"), generated(), without=(name,))
    real, told = os.path.join(p.node.dir, "real"), os.path.join(p.node.dir, "lie")
    os.mkdir(real, 0o700)
    for link in ("app.sock", "p2p.sock"):
        os.symlink(os.path.join(p.run, link), os.path.join(real, link))
    p.start(name, f"--warren.run_dir={real}")
    liar = p.python("liar", "liar.py", name, p.run, real, told)
    rpc = p.node.rpc
    net.check(net.wait_until(lambda: rpc.height() >= 2, 30), f"blocks by way of {name}'s neighbour: {liar.text()[-800:]}")

    def tell(what):
        with open(told + ".new", "w") as f:
            f.write(what)
        os.replace(told + ".new", told)
    sent = 0
    for lie in LIES:
        tell(lie)
        for asked in ("status", "block", "num_unconfirmed_txs", "validators", "block_results"):
            try:
                rpc.call(asked, timeout=1)
            except (OSError, ValueError, net.RpcError, net.http.client.HTTPException):
                pass
        time.sleep(0.7)
        p.all_live(f"{name}: {lie}")
        for s in ("consensus", "api"):  # and those that begin among lies
            p.own[s].stop(net.signal.SIGKILL)
            p.start(s)
        time.sleep(0.7)
        tell("")
        for s, q in p.own.items():
            net.check(q.alive() or q.p.returncode in REFUSED, f"{name}: {lie}: {s} ended with {q.p.returncode}: {q.text()[-1500:] if not q.alive() else ''}")
        if not liar.alive():
            net.check(False, f"the liar itself ended: {liar.text()[-1500:]}")
            return
        for s in [s for s, q in p.own.items() if not q.alive()]:
            p.start(s)
        if not net.wait_until(lambda: advances(rpc), 6, 0.1):  # who began among lies may refuse to decide, and says so
            net.check("restart" in p.own["consensus"].text()[-3000:] or "halted" in p.own["consensus"].text()[-3000:],
                      f"{name}: {lie}: consensus says why it stands: {p.own['consensus'].text()[-1500:]}")
            p.own["consensus"].stop(net.signal.SIGKILL)
            p.start("consensus")
        sent += 1
        try:
            ok = net.wait_until(lambda: int(rpc.commit_tx(b"%s%d=%d" % (name.encode(), sent, int(time.monotonic() * 1000)))["height"]) > 0, 40, 0.3)
        except Exception as e:  # noqa: BLE001
            ok = e
        if not net.check(ok is True, f"{name}: after {lie} the node goes on: {ok} {p.own['consensus'].text()[-1500:]}"):
            return
    chain_is_whole(rpc, f"{name}: what was committed")
    text = "".join(q.text() for q in p.own.values())
    net.check("\nforged line" not in text, f"{name}: a text stays in its line")
    net.check(" bug " not in text, f"{name}: nobody calls it a bug: {[l for l in text.splitlines() if ' bug ' in l][:3]}")


def a_store_that_lies():
    lies_of("store")


def a_mempool_that_lies():
    lies_of("mempool")


if __name__ == "__main__":
    missing = lacks()
    if missing:
        net.skip(f"a service in Python needs {missing}, which is not here")
        net.finish()
    net.run(a_store_that_lies, a_mempool_that_lies)
