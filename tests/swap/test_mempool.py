#!/usr/bin/env python3
"""docs/swap.md and proto/ are enough: a mempool in Python takes the place of
the real one, keeps what it accepted over kill -9, tells peers and hears them,
and bears garbage."""
import hashlib
import os

from parts import Parts, generated, lacks, net

import test_attack_bus as garbage
from test_network import Network


def whole(p):
    net.check(net.wait_until(lambda: os.path.exists(os.path.join(p.run, "mempool.sock"))), "the mempool listens: " + p.foreign["mempool"].text())
    net.check(p.node.wait_height(2), "blocks come: " + p.foreign["mempool"].text())


def it_takes_its_place():
    p = Parts(net.Node(app="kvstore"), generated(), without=("mempool",))
    mempool, rpc = p.python_mempool(), p.node.rpc
    whole(p)
    for i in range(20):
        done = rpc.commit_tx(b"key%d=value%d" % (i, i))
        net.check(int(done["height"]) > 0 and done["check_tx"]["code"] == 0, f"transaction {i}: {done}")
    net.check_eq(rpc.call("abci_query", path="", data=b"key7".hex())["response"]["value"], "dmFsdWU3", "the application has executed it")
    net.check(rpc.send_tx(b"nonsense")["code"] != 0, "the application's refusal comes through")
    refused = ""
    try:
        rpc.send_tx(b"key1=value1")
    except net.RpcError as e:
        refused = str(e)
    net.check("already exists in cache" in refused, f"what a block has is known: {refused}")
    net.check_eq(rpc.call("num_unconfirmed_txs")["n_txs"], "0", "what blocks took is gone")
    net.check(net.wait_until(lambda: rpc.raw("GET", "/readyz")[0] == 200, 10), f"ready: {rpc.raw('GET', '/readyz')[2]}")
    p.all_live("throughout")
    net.check_eq(mempool.stop(), 0, "ends on SIGTERM")


def is_accepted(rpc, tx):
    """Or was, when an answer came too late: consensus that is killed between
    Lock and Update holds the mempool until it counts as gone."""
    try:
        return rpc.send_tx(tx)["code"] == 0
    except net.RpcError as e:
        return "already exists in cache" in str(e)


def nothing_accepted_is_lost():
    p = Parts(net.Node(app="kvstore"), generated(), without=("mempool",))
    mempool = p.python_mempool()
    whole(p)
    for turn in range(3):
        p.own["consensus"].stop(net.signal.SIGKILL)  # so that all of it waits
        sent = [b"kept%d.%d=1" % (turn, i) for i in range(20)]
        for tx in sent:
            net.check(net.wait_until(lambda: is_accepted(p.node.rpc, tx), 30, 0.2), f"{tx} is accepted")
        mempool.stop(net.signal.SIGKILL)
        mempool = p.python_mempool()
        p.start("consensus")
        for tx in sent:
            key = tx.split(b"=")[0].hex()
            there = net.wait_until(lambda: p.node.rpc.call("abci_query", path="", data=key)["response"]["value"] == "MQ==", 30)
            if not net.check(there, f"{tx} was accepted, and is lost: {mempool.text()[-1500:]}"):
                break
    p.all_live("kills")
    blocks = [t for h in range(1, p.node.rpc.height() + 1) for t in p.node.rpc.call("block", height=str(h))["block"]["data"]["txs"]]
    net.check_eq(len(blocks), len(set(blocks)), "nothing is in two blocks")


class AsNode:
    def __init__(self, org, d):
        self.home, self.rpc, self.dir = org.home, org.rpc, d
        self.flags = ["--proxy_app=kvstore", "--consensus.timeout_commit=50ms"]

    def wait_height(self, h):
        return net.wait_until(lambda: self.rpc.height() >= h, 30)


def it_tells_and_hears_peers():
    n = Network(1, 1)
    messages = generated()
    for foreign, other, what in ((1, 0, "tells"), (0, 1, "hears")):
        p = Parts(AsNode(n.orgs[foreign], net.tempdir()), messages, without=("mempool",))
        mempool = p.python_mempool()
        n.orgs[other].start()
        whole(p)
        net.check(net.wait_until(lambda: "channels=30\n" in p.own["p2p"].text()), f"{what}: p2p knows it")
        # The validator is orgs[0]: what reaches a block from orgs[1] went by way of gossip.
        sent = [b"%s%d=%s" % (what.encode(), i, b"x" * (10 if i % 5 else 100000)) for i in range(40)]
        for tx in sent:
            net.check_eq(n.orgs[1].rpc.send_tx(tx)["code"], 0, f"{what}: accepted")
        for tx in sent:
            name = hashlib.sha256(tx).digest()
            query = {"path": "", "data": tx.split(b"=")[0].hex()}
            net.check(net.wait_until(lambda: n.orgs[0].rpc.call("abci_query", **query)["response"]["value"], 30),
                      f"it {what} peers: {name.hex()[:8]} arrives {mempool.text()[-1000:]}")
        net.check_eq(int(n.orgs[1].rpc.call("net_info")["n_peers"]), 1, f"{what}: nobody was disconnected")
        p.all_live(what)
        p.stop()
        n.orgs[other].process.stop()


def it_bears_garbage():
    p = Parts(net.Node(app="kvstore"), generated(), without=("mempool",))
    mempool = p.python_mempool()
    whole(p)
    choose = garbage.choices()
    path = os.path.join(p.run, "mempool.sock")
    for _ in range(10):
        with garbage.connect(path) as s:
            s.sendall(choose.randbytes(choose.randrange(1, 3000)))
    with garbage.Dealer(path) as d:
        h, H, R, P = garbage.header, garbage.HELLO, garbage.REQUEST, garbage.PUSH
        for frames in ([b""], [b"\xff" * 50], [b"\xff" * 50, b"x"], [h(H)], [b"a"] * 300, [h(99), b""], [h(R, 99), b"x"], [h(H, service=b"s" * 5000), b""],
                       [h(H, boot=0), b""], [h(R, status=2**32 - 1, text=b"t" * 100000), b""], [garbage.nested(3000), garbage.nested(3000)]):
            d.send(*frames)
        d.send(h(H, service=b"rude"), b"")
        for lane in (1, 2):
            for n in range(1, 30):
                for value in (b"", b"\xff" * 30, garbage.nested(200), b"\x08\x00" * 5000, 7):
                    d.send(h(R, lane, n), garbage.pb((100 + n, value)))
                    d.send(h(P, lane, n), garbage.pb((100 + n, value)))
        for n in range(300):
            d.send(h(choose.choice([R, P]), choose.choice([1, 2]), n + 1), choose.randbytes(choose.randrange(60)))
    net.check(mempool.alive(), f"garbage ends it: {mempool.text()[-1500:]}")
    net.check(int(p.node.rpc.commit_tx(b"after=garbage")["height"]) > 0, "and it works on")
    p.own["kvstore"].stop(net.signal.SIGKILL)
    p.start("kvstore")
    net.check(net.wait_until(lambda: int(p.node.rpc.commit_tx(b"after=restart")["height"]) > 0, 30), "and after the application was killed")
    p.all_live("garbage")


if __name__ == "__main__":
    missing = lacks()
    if missing:
        net.skip(f"a service in Python needs {missing}, which is not here")
        net.finish()
    net.run(it_takes_its_place, nothing_accepted_is_lost, it_tells_and_hears_peers, it_bears_garbage)
