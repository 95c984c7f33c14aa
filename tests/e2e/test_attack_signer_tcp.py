#!/usr/bin/env python3
"""The TCP port that signers dial: strangers, garbage, floods, half handshakes
and a signer with another key, while the right one is there and while it is
away.  None ends consensus, and none keeps the right signer out."""
import os
import shutil
import threading
import time

import net
from attack import LONG, choices, pb, tcp, uv, watch

EPHEMERAL = bytes([34]) + pb((1, bytes(range(32))))  # the first message of a handshake
LOW_ORDER = bytes([34]) + pb((1, bytes(32)))


def signer_of(node, laddr, log):
    return net.Process([net.WARREN, "start", "signer", "--home", node.home, f"--priv_validator_laddr={laddr}"], os.path.join(node.dir, log))


def knock(port, data, wait=0.05):
    try:
        with tcp(port, 5) as s:
            s.sendall(data)
            s.settimeout(wait)
            s.recv(4096)
    except OSError:
        pass


class Strangers:
    """Connect, say a piece of a handshake or nothing, hold on; again and again."""

    def __init__(self, port, pace):
        self.port, self.pace, self.ends, self.held, self.count = port, pace, False, [], 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        says = [b"", EPHEMERAL, EPHEMERAL[:7], os.urandom(100)]
        while not self.ends:
            try:
                s = tcp(self.port, 2)
                s.sendall(says[self.count % len(says)])
                self.held.append(s)
                self.count += 1
            except OSError:
                pass
            while len(self.held) > 100:
                self.held.pop(0).close()
            time.sleep(self.pace)

    def stop(self):
        self.ends = True
        self.thread.join()
        for s in self.held:
            s.close()


def the_signers_tcp_port():
    choose = choices()
    node, other = net.Node(app="kvstore"), net.Node(app="kvstore")
    shutil.copy(os.path.join(node.home, "config", "genesis.json"), os.path.join(other.home, "config", "genesis.json"))  # of this chain, with another key
    port, = net.free_ports(1)
    laddr = f"tcp://127.0.0.1:{port}"
    node.start(f"--priv_validator_laddr={laddr}", wait=False)
    signer = signer_of(node, laddr, "signer")
    net.check(node.wait_height(2), f"blocks with a signer over TCP: {signer.text()[-800:]}")
    w = watch(node)
    for what, data in (("nothing", b""), ("garbage", choose.randbytes(3000)), ("a huge length", uv(2**40)), ("an endless length", b"\xff" * 20),
                       ("half a handshake", EPHEMERAL), ("a point of low order", LOW_ORDER), ("half, then garbage", EPHEMERAL + choose.randbytes(2000)),
                       ("a privval answer in clear", uv(6) + pb((2, pb((1, b"xx")))))):
        for _ in range(20 if LONG else 5):
            knock(port, data)
        w.whole(f"signer's port: {what}")
    strangers = Strangers(port, 0.005)
    net.check(net.wait_until(lambda: strangers.count > 300, 30), "a flood of strangers")
    w.whole("signer's port: a flood")
    net.check_eq(signer.text().count("connected"), 1, "the right signer was never displaced")
    strangers.stop()

    wrong = signer_of(other, laddr, "wrong")
    net.check(net.wait_until(lambda: "a second signer is turned away" in node.log(), 30), "another's signer is turned away")
    w.whole("signer's port: a second signer")
    strangers = Strangers(port, 0.2)
    for turn in range(3):
        signer.stop(net.signal.SIGKILL)
        time.sleep(2)  # strangers, and the wrong one, have the port for themselves
        h = node.rpc.height()
        signer = signer_of(node, laddr, f"signer{turn}")
        net.check(node.wait_height(h + 2, 60), f"the right signer gets in again, turn {turn}: {node.log()[-1500:]}")
    strangers.stop()
    net.check("with another key is turned away" in node.log(), "another's key was seen and not taken")
    wrong.stop()
    w.whole("signer's port: afterwards")
    vals = node.rpc.call("validators")["validators"]
    net.check_eq(len(vals), 1, "one validator")
    for h in range(2, node.rpc.height() + 1):
        commit = node.rpc.call("commit", height=str(h))["signed_header"]["commit"]
        if commit["signatures"][0]["validator_address"] != vals[0]["address"]:
            net.check(False, f"height {h} is signed by somebody else")


if __name__ == "__main__":
    net.run(the_signers_tcp_port)
