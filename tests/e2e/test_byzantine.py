#!/usr/bin/env python3
"""Seven validators, two of them Byzantine at once: one key on two nodes, which
vote and propose for different blocks, and a liar that proposes what is
invalid, rejects what is valid, and falls silent.  The other five go on and
agree on every block.

WARREN_LONG=1 (`make byzantine`) makes it a campaign.
"""
import base64
import json
import os
import random
import shutil
import signal
import socket
import threading
import time

import net
from attack import parse
from test_attack_app import answer, frame
from test_network import Network, address, all_equal, healthy

LONG = bool(os.environ.get("WARREN_LONG"))
HEIGHTS = 150 if LONG else 15
SEED = int(os.environ.get("SEED", "1"))
COMMIT = "1s"
PREPARED, PROCESSED = 17, 18
ACCEPT, REJECT = 1, 2


class Liar:
    """Stands between a node and its application, and changes answers."""

    def __init__(self, app_port):
        self.app_port, self.own, self.lies = app_port, False, 0
        self.dice = random.Random(SEED)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        net.at_stop(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                node, _ = self.listener.accept()
                app = socket.create_connection(("127.0.0.1", self.app_port))
                threading.Thread(target=self.pass_on, args=(node, app), daemon=True).start()
                threading.Thread(target=self.answers, args=(app, node), daemon=True).start()
        except OSError:
            pass

    @staticmethod
    def pass_on(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        finally:
            b.close()

    def answers(self, app, node):
        f = app.makefile("rb")
        try:
            while True:
                n = shift = 0
                while True:
                    byte = f.read(1)[0]
                    n |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                node.sendall(self.changed(f.read(n)))
        except (OSError, IndexError):
            node.close()

    def changed(self, body):
        (number, inner), = parse(body)
        if number == PREPARED and self.dice.random() < 0.7:
            self.own, self.lies = True, self.lies + 1
            return answer("prepare_proposal", *((1, v) for _, v in parse(inner)), (1, b"no transaction at all"))
        if number == PROCESSED:
            verdict = ACCEPT if self.own else self.dice.choice((ACCEPT, REJECT))
            self.own = False
            return answer("process_proposal", (1, verdict))
        return frame(body)


def make_liar(org):
    port, = net.free_ports(1)
    app = net.Process([os.path.join(net.BUILD, "libexec", "warren", "kvstore"), "--home", org.home,
                       f"--proxy_app=tcp://127.0.0.1:{port}"], os.path.join(org.home, "app.log"))
    net.check(net.wait_until(lambda: socket.create_connection(("127.0.0.1", port)).close() is None, 30), "its application")
    liar = Liar(port)
    org.flags = [f"--proxy_app=tcp://127.0.0.1:{liar.port}"]
    return app, liar


def make_twins(a, b):
    """Each proposes what the other has never heard of."""
    shutil.copy(os.path.join(a.home, "config", "priv_validator_key.json"), os.path.join(b.home, "config"))
    for o in (a, b):
        o.flags = ["--mempool.broadcast=false"]


def set_powers(orgs, power):
    """So much that the application, which takes a little for each offence,
    does not put anybody out of the set."""
    for o in orgs:
        path = os.path.join(o.home, "config", "genesis.json")
        with open(path) as f:
            genesis = json.load(f)
        for v in genesis["validators"]:
            v["power"] = str(power)
        with open(path, "w") as f:
            json.dump(genesis, f)


def feed(twins, stop):
    n = 0
    while not stop.is_set():
        for who, o in enumerate(twins):
            try:
                o.rpc.send_tx(b"twin%d.%d=x" % (who, n))
            except Exception:  # noqa: BLE001 - it may be down
                pass
        n += 1
        stop.wait(0.3)


def evidence_of(rpc, last):
    """{address: how often} in the blocks."""
    seen = {}
    for h in range(1, last + 1):
        for e in rpc.call("block", height=str(h))["block"]["evidence"]["evidence"]:
            who = e["value"]["vote_a"]["validator_address"]
            seen[who] = seen.get(who, 0) + 1
    return seen


def five_of_seven_go_on():
    n = Network(7, 1)
    honest, twins, liar_org = n.orgs[:5], [n.orgs[5], n.orgs[7]], n.orgs[6]
    set_powers(n.orgs, 1000)
    make_twins(*twins)
    _, liar = make_liar(liar_org)
    for o in n.orgs:
        o.start(commit=COMMIT)
    for i, o in enumerate(honest):
        net.check(o.wait_height(1, 180), f"node {i} starts: {o.log()[-2000:]}")
    stop = threading.Event()
    feeder = threading.Thread(target=feed, args=(twins, stop))
    feeder.start()
    t, first = time.monotonic(), honest[0].height()
    try:
        net.check(honest[0].wait_height(first + HEIGHTS, 60 * HEIGHTS), "five go on")
        for i, o in enumerate(honest):
            r = o.rpc.commit_tx(b"honest%d=yes" % i, timeout=180)
            net.check_eq(r["tx_result"]["code"], 0, f"node {i} commits a transaction")
        silent = net.children_of(liar_org.process.pid).get("consensus")
        if net.check(silent is not None, f"the liar lives: {liar_org.log()[-2000:]}"):
            os.kill(silent, signal.SIGSTOP)
        h = honest[0].height()
        net.check(honest[0].wait_height(h + HEIGHTS // 3, 60 * HEIGHTS), "and while the liar is silent")
        if silent:
            os.kill(silent, signal.SIGCONT)
        h = honest[0].height() + 3
        for i, o in enumerate(honest):
            net.check(o.wait_height(h, 180), f"node {i} at height {h}: {o.log()[-2000:]}")
    finally:
        stop.set()
        feeder.join()
    seconds = time.monotonic() - t
    all_equal([o.rpc for o in honest], 1, h, "five of seven")
    healthy(honest)
    rounds = [int(honest[0].rpc.call("commit", height=str(k))["signed_header"]["commit"]["round"]) for k in range(1, h)]
    seen = evidence_of(honest[0].rpc, h)
    quarrels = sum(o.log().count("our key signed a conflicting vote") for o in twins)
    print(f"{h} heights, {seconds / max(1, h - first):.1f} s each; {sum(r > 0 for r in rounds)} needed more than one round; {liar.lies} invalid "
          f"proposals; {quarrels} times a twin "
          f"heard the other contradict it; evidence against them {seen.get(address(twins[0]), 0)} times", flush=True)
    net.check(liar.lies > 0, "the liar has lied")
    net.check(quarrels > 0, "the twins have contradicted each other")
    net.check(seen.get(address(twins[0]), 0) > 0, "and are accused of it in blocks")
    powers = {v["address"]: int(v["voting_power"]) for v in honest[0].rpc.call("validators", height=str(h), per_page="100")["validators"]}
    net.check(powers[address(twins[0])] < 1000, f"and punished: {powers}")
    net.check_eq(set(seen) - {address(twins[0])}, set(), "nobody else is accused")
    txs = [base64.b64decode(tx) for k in range(1, h) for tx in honest[0].rpc.call("block", height=str(k))["block"]["data"]["txs"]]
    net.check(b"no transaction at all" not in txs, "nothing invalid was decided")
    net.check(all(txs.count(b"honest%d=yes" % i) == 1 for i in range(5)), "what honest nodes acknowledged is in, once")


if __name__ == "__main__":
    net.run(five_of_seven_go_on)
