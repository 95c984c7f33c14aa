#!/usr/bin/env python3
"""The same messages on a WebSocket to a real CometBFT and to Warren: answers,
errors and events are equal, byte for byte where a run leaves no trace."""
import json
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import net  # noqa: E402
import test_cometbft as peers  # noqa: E402
import ws  # noqa: E402


def sub(query, id='"s"', method="subscribe"):
    return '{"jsonrpc":"2.0","id":%s,"method":"%s","params":{"query":%s}}' % (id, method, json.dumps(query))


MESSAGES = [
    '{"jsonrpc":"2.0","id":1,"method":"health","params":{}}', '{"jsonrpc":"2.0","id":"x<&>","method":"health"}', '{"id":1.9,"method":"health"}',
    '{"ID":1,"METHOD":"health"}', '{"id":1,"method":"nothing"}', '{"id":1,"method":"block"}', '{"id":1,"method":"block","params":{"height":1}}',
    '{"id":1,"method":"block","params":{"height":"0"}}', '{"id":1,"method":"block","params":[]}', '{"id":1,"method":"genesis_chunked","params":null}',
    '{"id":1,"method":"tx","params":{"hash":"!"}}', '{"id":1,"method":"health"} trailing', '{"id":1,"method":"health"}{"id":2,"method":"health"}',
    '[{"id":1,"method":"health"}]', "[]", "", " ", "x", "{", '{"id":1', '{"id":1,', '"abc', "5", "5x", "true", '"x"', "tru", "nul", "[", "[1,", "-", '{"id":true,"method":"health"}',
    '{"id":[],"method":"health"}', '{"id":{},"method":"health"}', '{"id":1,"method":5}', '{"id":1,"method":"health"', '{"id":1 "method":1}', "\\", "{'id':1}",
    '{"id":1,"method":"subscribe"}', '{"id":1,"method":"subscribe","params":{}}', '{"id":1,"method":"subscribe","params":{"query":5}}',
    '{"id":1,"method":"subscribe","params":[]}', '{"id":1,"method":"subscribe","params":null}', '{"id":1,"method":"unsubscribe","params":{"query":"a"}}', '{"id":1,"method":"unsubscribe_all"}',
    '{"id":1,"method":"unsubscribe_all","params":{}}', '{"id":1,"method":"unsubscribe_all","params":["x"]}',
    sub("tm.event="), sub("tm.event='x' OR a=1"), sub("a CONTAINS 5"), sub("a=DATE 2026-13-45"), sub("\u00e4>'x'"), sub("<a"), sub("a" * 513), sub("a='" + "b" * 500 + "'"),
    sub("a  =  'x'"), sub("a = 'x'"), sub("a='x' AND b>5", "1"), sub("a='x'  AND  b>5", "2"), sub("c=1"), sub("d=1"), sub("e=1"), sub("f=1"), sub("a = 'x'"),
    sub("a='x'", method="unsubscribe"), sub("a='x'", method="unsubscribe"), sub("zz='x'", method="unsubscribe"), sub("zz=", method="unsubscribe"), sub("f=1"), sub("g=1"),
    '{"id":"all","method":"unsubscribe_all","params":null}', '{"id":"all","method":"unsubscribe_all"}', sub("q='1'"), '{"id":1,"method":"unsafe_flush_mempool"}',
    '{"id":1,"method":"tx","params":{"hash":"AA=="}}', '{"id":1,"method":"tx","params":{"hash":""}}', '{"id":"\\ud800","method":"health"}',
    '{"id":1,"method":"genesis_chunked","params":{"chunk":"5"}}', '{"id":1,"method":"broadcast_tx_sync","params":{"tx":"YmFk"}}', '{"id":1,"method":"broadcast_tx_commit","params":{"tx":"YmFkMg=="}}',
]
SILENT = ["null", "{}", '{"method":"health"}', '{"id":null,"method":"health"}', '{"id":null,"method":5}']


def pair():
    ours = net.Node(app="kvstore")
    path = os.path.join(ours.home, "config", "genesis.json")
    with open(path) as f:
        genesis = json.load(f)
    genesis["consensus_params"]["validator"]["pub_key_types"] = ["ed25519", "secp256k1"]
    with open(path, "w") as f:
        json.dump(genesis, f)
    comet = peers.Comet(peers.comet_home(like=ours.home), "kvstore").start()
    ours.start()
    return ours, comet


def answers_are_alike():
    if not peers.need(peers.COMETBFT):
        return
    nodes = pair()
    clients = [ws.Client(n.rpc_port) for n in nodes]
    net.check_eq(*(sorted(l.split(b":")[0] for l in c.head.split(b"\r\n")) for c in clients), "the handshake's headers")
    for m in MESSAGES:
        net.check_eq(*(c.call_raw(m) for c in clients), f"answer to {m[:100]}")
    for m in SILENT:
        for c in clients:
            c.send(m)
        net.check_eq(*(c.call_raw(MESSAGES[0]) for c in clients), f"{m} is passed over")
    for what, data in (("binary", ws.frame(MESSAGES[0].encode(), ws.BINARY)),
                       ("fragments", ws.frame(b'{"id":1,"met', fin=False) + ws.frame(b'', 0, fin=False) + ws.frame(b'hod":"health"}', 0)),
                       ("a ping between fragments", ws.frame(b'{"id":1,"met', fin=False) + ws.frame(b"p", ws.PING) + ws.frame(b'hod":"health"}', 0)),
                       ("not UTF-8", ws.frame(b'{"id":"\xff\xfe","method":"health"}'))):
        got = []
        for c in clients:
            c.send_raw(data)
            got.append(sorted(c.recv_frame() for _ in range(2 if "ping" in what else 1)))
        net.check_eq(*got, what)
    for c in clients:
        c.close()


BROKEN = [
    ("no mask", ws.frame(b"{}", mask=False)), ("RSV1", ws.frame(b"{}", rsv=4)), ("RSV2 and 3", ws.frame(b"{}", rsv=3)), ("opcode 3", ws.frame(b"{}", 3)), ("opcode 11", ws.frame(b"{}", 11)),
    ("continuation of nothing", ws.frame(b"{}", 0)), ("a message within another", ws.frame(b"{", fin=False) + ws.frame(b"}")), ("1009", ws.frame(b" " * 1000001)),
    ("1009 in parts", ws.frame(b" " * 600000, fin=False) + ws.frame(b" " * 600000, 0)), ("close", ws.frame(b"\x03\xe8", ws.CLOSE)), ("close without code", ws.frame(b"", ws.CLOSE)),
    ("close with a reason", ws.frame(b"\x03\xe9bye", ws.CLOSE)), ("close 1005", ws.frame(b"\x03\xed", ws.CLOSE)), ("close 5000", ws.frame(b"\x13\x88", ws.CLOSE)), ("close 3000", ws.frame(b"\x0b\xb8", ws.CLOSE)),
    ("close, bad reason", ws.frame(b"\x03\xe8\xff", ws.CLOSE)),
]


def ends_are_alike():
    if not peers.need(peers.COMETBFT):
        return
    nodes = pair()
    for what, data in BROKEN:
        got = []
        for n in nodes:
            with ws.Client(n.rpc_port, 10) as c:
                try:
                    c.send_raw(data)
                    got.append(c.recv())
                except ws.Closed as e:
                    got.append(e.args)
                except OSError:
                    got.append("reset")
        net.check_eq(*got, what)
    for what, headers in (("version", ["Sec-WebSocket-Version: 12"]), ("no upgrade", []), ("key", ["Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: abc"]),
                          ("version 12", ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 12", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="])):
        got = []
        for n in nodes:
            s, h, b = n.rpc.raw("GET", "/websocket", headers=dict(x.split(": ") for x in headers))
            got.append((s, b, h.get("Sec-Websocket-Version"), h.get("Content-Type"), "X-Server-Time" in h))
        net.check_eq(*got, f"handshake: {what}")
    for verb in ("POST", "HEAD"):
        got = []
        for n in nodes:
            s, h, b = n.rpc.raw(verb, "/websocket", headers={"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="})
            got.append((s, b))
        net.check_eq(*got, f"handshake: {verb}")


def shape(v, key=""):
    """Members in their order, types, and values that do not depend on a run."""
    if isinstance(v, dict):
        items = sorted(v.items()) if key == "events" else v.items()
        return [(k, shape(x, k)) for k, x in items]
    if v == [] and key == "validator_updates":
        return None  # CometBFT's own kvstore is in its process, where an empty list is no nil
    if isinstance(v, list):
        return [shape(x, key) for x in v] if key in ("events", "attributes") or len(v) < 3 else [shape(v[0], key), len(v)]
    if not isinstance(v, str):
        return v if v is None or isinstance(v, bool) or key in ("type", "round") else type(v).__name__
    if re.fullmatch(r"-?[0-9]+", v):
        return "number text"
    if re.fullmatch(r"[0-9]{4}-.*Z", v):
        return "time"
    return v if key in ("type", "query", "step", "tx", "key", "value", "tm.event") or v == "" else "text"


def listen(client, names, wanted, seconds=30):
    """{name: first event, or the first that wanted(name, event) takes}."""
    got, end = {}, time.monotonic() + seconds
    while len(got) < len(names) and time.monotonic() < end:
        e = client.event()
        name = e["events"]["tm.event"][-1]
        if name in names and name not in got and wanted(name, e):
            got[name] = e
    return got


def with_abc(name, e):
    text = json.dumps(e["data"])
    return name not in ("NewBlock", "Tx") or "YWJjPTE=" in text


def differ(a, b, at=""):
    """The first places where two shapes are not the same."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b)) for d in differ(x, y, f"{at}/{x[0] if isinstance(x, tuple) else i}")][:3]
    return [] if a == b else [f"{at}: {a!r:.200}, not {b!r:.200}"]


def events_are_alike():
    if not peers.need(peers.COMETBFT):
        return
    nodes = pair()
    # An ed25519 key ends in "=", which the kvstore takes for its own.
    key = net.base64.b64encode(bytes.fromhex("0279BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798")).decode()
    got = []
    for n in nodes:
        c, d = ws.Client(n.rpc_port), ws.Client(n.rpc_port)
        names = ["NewBlock", "NewBlockHeader", "NewBlockEvents", "Tx", "ValidatorSetUpdates"]
        for name in names:
            c.subscribe(f"tm.event='{name}'")
        d.subscribe("tm.event = 'Tx' AND app.key CONTAINS 'ab' AND tx.height>0")
        d.subscribe("app EXISTS AND tx.hash EXISTS")
        plain = listen(c, names[:3], lambda _, e: True)
        net.check(int(n.rpc.commit_tx(f"val=secp256k1!{key}!1".encode())["height"]) > 0, "the set changes")
        changed = listen(c, names[4:], lambda _, e: True)
        n.rpc.commit_tx(b"abc=1")
        full = listen(c, names[:4], with_abc)
        seen = sorted((e["query"], e["data"]["value"]["TxResult"]["tx"]) for e in (d.event() for _ in range(3)))
        got.append([plain, changed, full, seen])
        c.close()
        d.close()
    for i, what in enumerate(("of an empty block", "of new validators", "with a transaction")):
        net.check_eq(sorted(got[0][i]), sorted(got[1][i]), f"events {what}")
        for name in got[0][i]:
            a, b = (shape(g[i].get(name)) for g in got)
            net.check_eq(differ(a, b), [], f"{name} {what}")
    net.check_eq(got[0][3], got[1][3], "events that several conditions choose")


if __name__ == "__main__":
    net.run(answers_are_alike, ends_are_alike, events_are_alike)
