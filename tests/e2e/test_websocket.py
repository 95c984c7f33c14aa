#!/usr/bin/env python3
"""Clients on WebSockets: every event of every height, in order, once; clients
that are slow, rude or many disturb nobody; a replica that stops says so."""
import json
import os
import re
import signal
import threading
import time

import net
import ws


def height_of(event):
    value = event["data"]["value"]
    return int(value["block"]["header"]["height"] if "block" in value else value["header"]["height"] if "header" in value
               else value["TxResult"]["height"] if "TxResult" in value else value["height"])


def every_event_once():
    """Also while the store dies and comes back, and blocks are many."""
    node = net.Node(app="kvstore").start()
    with ws.Client(node.rpc_port) as c, ws.Client(node.rpc_port) as late:
        c.subscribe("tm.event='NewBlock'")
        c.subscribe("tm.event='NewBlockHeader'")
        sent = {f"e{i}=1".encode() for i in range(40)}
        c.subscribe("tm.event='Tx'")
        for tx in sent:
            node.rpc.send_tx(tx)
        node.rpc.commit_tx(b"last=1")
        node.kill("store")
        net.check(net.wait_until(lambda: int(node.rpc.commit_tx(b"after=1")["height"]) > 0, 60), "the chain goes on without its store's old process")
        late.subscribe("tm.event='NewBlock'")
        seen, txs = {"NewBlock": [], "NewBlockHeader": []}, []
        while b"after=1" not in txs:
            e = c.event()
            name = e["events"]["tm.event"][0]
            if name == "Tx":
                txs.append(net.base64.b64decode(e["data"]["value"]["TxResult"]["tx"]))
            else:
                seen[name].append(height_of(e))
        for name, heights in seen.items():
            net.check_eq(heights, list(range(heights[0], heights[0] + len(heights))), f"{name}: each height once, in order")
        net.check_eq(sorted(txs), sorted([*sent, b"last=1", b"after=1"]), "each transaction once")
        now = node.rpc.height()
        heights = [height_of(late.event()) for _ in range(5)]
        net.check(heights[0] > now - 30 and heights == list(range(heights[0], heights[0] + 5)), f"who comes later hears of later heights: {heights}, now {now}")


def requests_in_order():
    node = net.Node(app="kvstore").start()
    with ws.Client(node.rpc_port) as c:
        ids = [c.ask("broadcast_tx_sync", tx=net.base64.b64encode(f"p{i}=1".encode()).decode()) if i % 10 else c.ask("block", height="1") for i in range(300)]
        got = [json.loads(c.recv()) for _ in ids]
        net.check_eq([m["id"] for m in got], ids, "300 requests at once: answers in order")
        net.check(all("result" in m for m in got), "all of them good")
        c.subscribe("tm.event='Tx' AND tx.height > 0")
        try:
            c.subscribe("tm.event = 'Tx'  AND tx.height>0")
            net.check(False, "the same query with other blanks")
        except net.RpcError as e:
            net.check_eq(e.args[0]["data"], "already subscribed", "the same query with other blanks")
        c.call("unsubscribe", query="tm.event='Tx' AND tx.height>0")
        node.rpc.commit_tx(b"quiet=1")
        net.check_eq(c.call("health"), {}, "still there")
        net.check_eq(c.events, [], "nothing comes of what was unsubscribed")


def counted(node, *names):
    """The api's metrics of these names."""
    _, _, body = net.Rpc(node.prom_port).raw("GET", "/metrics")
    found = dict(re.findall(r"^warren_api_(\w+)\{[^}]*\} (\d+)$", body.decode(), re.M))
    return [int(found[n]) for n in names]


def limits_hold():
    node = net.Node(app="kvstore").start("--rpc.max_subscription_clients=3", "--rpc.max_subscriptions_per_client=2")

    def refused(c, query):
        try:
            c.subscribe(query)
        except net.RpcError as e:
            return e.args[0]["data"]
        return None

    clients = [ws.Client(node.rpc_port) for _ in range(4)]
    net.check_eq([refused(clients[0], f"a={i}") for i in range(3)], [None, None, "max_subscriptions_per_client 2 reached"], "subscriptions of one")
    net.check_eq([refused(c, "a=1") for c in clients[1:]], [None, None, "max_subscription_clients 3 reached"], "clients")
    clients[1].close()
    net.check(net.wait_until(lambda: refused(clients[3], "a=1") is None), "who leaves makes room")
    clients[0].call("unsubscribe_all")
    net.check(refused(clients[0], "b=1") is None, "so does who unsubscribes")
    for c in clients:
        c.close()


def the_slow_are_dropped():
    """They hold a bounded amount; a fast one beside them loses nothing."""
    node = net.Node(app="kvstore").start()
    api = node.services()["api"]
    slow = [ws.Client(node.rpc_port, rcvbuf=4096) for _ in range(5)]
    for c in slow:
        c.subscribe("tm.event='NewBlock'")
        c.subscribe("tm.event='Tx'")
    with ws.Client(node.rpc_port) as fast:
        fast.subscribe("tm.event='Tx'")
        got = []
        reader = threading.Thread(target=lambda: [got.append(fast.event()["events"]["tx.hash"][0]) for _ in range(25)])
        reader.start()
        sent = [node.rpc.send_tx(f"big{i}=".encode() + b"x" * 200000)["hash"] for i in range(25)]
        reader.join(60)
        net.check_eq(sorted(got), sorted(sent), "the fast one hears of all")
    with open(f"/proc/{api}/status") as f:
        rss = next(int(l.split()[1]) for l in f if l.startswith("VmRSS:"))
    net.check(rss < 400 * 1024, f"api: {rss} KiB")

    def is_gone(c):
        try:
            while True:
                c.s.settimeout(0.2)
                if not c.s.recv(1 << 20):
                    return True
        except TimeoutError:
            return False
        except OSError:
            return True

    time.sleep(11)  # a message must be taken within ten seconds
    net.check(all(is_gone(c) for c in slow), "who takes nothing for ten seconds is gone")
    net.check_eq(node.services()["api"], api, "the api lives")


def too_many_events():
    """Who reads too slowly for its buffers is told so, loses the subscription and
    keeps the connection."""
    node = net.Node(app="kvstore")
    node.start("--instrumentation.prometheus=true", f"--instrumentation.prometheus_listen_addr=127.0.0.1:{node.prom_port}")
    with ws.Client(node.rpc_port, rcvbuf=4096) as c, ws.Client(node.rpc_port) as sender:
        c.subscribe("tm.event='Tx'")
        net.check_eq(counted(node, "websockets", "subscriptions"), [2, 1], "clients and subscriptions are counted")
        sent = [sender.ask("broadcast_tx_async", tx=net.base64.b64encode(f"k{i}=".encode() + b"x" * 20000).decode()) for i in range(600)]
        net.check(all("result" in json.loads(sender.recv()) for _ in sent), "600 transactions are taken")
        want = [2, 0, 1]
        net.check(net.wait_until(lambda: counted(node, "websockets", "subscriptions", "subscriptions_dropped_total") == want, 30), "the subscription is dropped, its client is not")
        try:
            while c.event():
                pass
        except net.RpcError as e:
            net.check("out of capacity" in e.args[0]["data"], f"it is told why: {e.args[0]}")
        net.check_eq(c.call("health"), {}, "and is served")
    net.check(net.wait_until(lambda: counted(node, "websockets") == [0], 10), "who leaves is not counted")


def a_replica_says_goodbye():
    """SIGTERM: not ready, 1001 to clients, answers that are due still come."""
    node = net.Node(app="kvstore").start()
    api = node.services()["api"]
    c = ws.Client(node.rpc_port)
    c.subscribe("tm.event='NewBlock'")
    idle = node.rpc.connection(5)
    idle.connect()
    results = []
    waiting = threading.Thread(target=lambda: results.append(node.rpc.commit_tx(b"due=1")))
    waiting.start()
    net.wait_until(lambda: int(node.rpc.call("num_unconfirmed_txs")["n_txs"]) >= 0, 5)
    os.kill(api, signal.SIGTERM)
    began = time.monotonic()
    try:
        while time.monotonic() < began + 10:
            c.recv(10)
    except ws.Closed as e:
        net.check_eq(e.args[0], 1001, "clients are told that the server goes away")
    waiting.join(10)
    net.check(bool(results) and int(results[0]["height"]) > 0, "an answer that is due still comes")
    net.check(net.wait_until(lambda: node.services().get("api", api) != api, 20), "another api takes its place")
    net.check(net.wait_until(lambda: node.rpc.height() > 0, 20), "and answers")
    with ws.Client(node.rpc_port) as again:
        again.subscribe("tm.event='NewBlock'")
        net.check(height_of(again.event()) > 0, "clients that come again are served")


if __name__ == "__main__":
    net.run(every_event_once, requests_in_order, limits_hold, the_slow_are_dropped, too_many_events, a_replica_says_goodbye)
