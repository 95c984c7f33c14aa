#!/usr/bin/env python3
"""The RPC port under attack: slow, huge, deep, wrong and many."""
import base64
import json
import resource
import socket
import threading
import time

import net
import ws
from attack import LONG, choices, tcp, until_closed, watch


def raw(port, data, seconds=30):
    """What comes back until the other side closes or says no more."""
    with tcp(port, seconds) as s:
        try:
            s.sendall(data)
        except OSError:
            pass
        return until_closed(s, seconds)


def post(body, *headers):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    return head + b"".join(h + b"\r\n" for h in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def call(method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def answers(node, data, what):
    got = raw(node.rpc_port, data)
    return net.check(got is not None and got.startswith(b"HTTP/1.1 "), f"{what}: answered: {got and got[:80]!r}")


BODIES = [
    ("deep lists", b"[" * 500000),
    ("deep objects", b'{"a":' * 200000),
    ("closed deep lists", b"[" * 100000 + b"]" * 100000),
    ("deep params", b'{"jsonrpc":"2.0","id":1,"method":"block","params":' + b"[" * 100000 + b"]" * 100000 + b"}"),
    ("invalid UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"st\xff\xfeatus"}'),
    ("a NUL", b'{"jsonrpc":"2.0","id":1,"method":"status\x00x"}'),
    ("half a surrogate", b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}'),
    ("a number of 100000 digits", b'{"jsonrpc":"2.0","id":' + b"9" * 100000 + b',"method":"status"}'),
    ("1e999999", b'{"jsonrpc":"2.0","id":1e999999,"method":"status"}'),
    ("an id that is a list", b'{"jsonrpc":"2.0","id":[],"method":"status"}'),
    ("a batch of 10000", b"[" + b",".join([b'{"jsonrpc":"2.0","id":1,"method":"health"}'] * 10000) + b"]"),
    ("a batch of nothings", b"[" + b"0," * 100000 + b"0]"),
    ("an empty batch", b"[]"),
    ("half an object", b'{"jsonrpc":"2.0","id":1,"me'),
    ("100000 members", b"{" + b",".join(b'"k%d":1' % i for i in range(50000)) + b"}"),
    ("a long method", b'{"jsonrpc":"2.0","id":1,"method":"' + b"m" * 500000 + b'"}'),
    ("a long string of escapes", b'{"jsonrpc":"2.0","id":"' + b"\\u0000" * 100000 + b'","method":"health"}'),
]

CALLS = [
    *(("block", {"height": h}) for h in ("9223372036854775807", "-1", "0", "99999999999999999999", "1.5", "", "0x10", [], {})),
    *(("validators", {"height": "1", "page": p, "per_page": q}) for p, q in (("9223372036854775807", "100"), ("-5", "-5"), ("0", "0"), ("1", "2147483648"))),
    ("blockchain", {"minHeight": "-9223372036854775808", "maxHeight": "9223372036854775807"}),
    ("blockchain", {"minHeight": "9223372036854775807", "maxHeight": "-9223372036854775808"}),
    ("abci_query", {"path": "/" * 100000, "data": "00" * 100000, "height": "-9223372036854775808", "prove": True}),
    ("abci_query", {"path": "\u0000\ud800", "data": "0", "height": "1"}),
    ("tx", {"hash": "AA==", "prove": True}),
    ("tx", {"hash": "A" * 100000}),
    ("tx_search", {"query": "tx.height > 0" + " AND a.b = 'c'" * 20000, "page": "1", "per_page": "100"}),
    ("tx_search", {"query": "(" * 10000, "page": "1", "per_page": "100"}),
    ("tx_search", {"query": "tx.height > 9999999999999999999999999999", "per_page": "-1"}),
    ("block_search", {"query": "block.height = " + "9" * 1000}),
    ("block_by_hash", {"hash": "zz"}),
    ("broadcast_tx_sync", {"tx": "!!!"}),
    ("broadcast_tx_sync", {"tx": "QUFB" * 300000}),
    ("broadcast_evidence", {"evidence": {"type": "tendermint/DuplicateVoteEvidence", "value": {}}}),
    ("broadcast_evidence", {"evidence": None}),
    ("check_tx", {"tx": ""}),
    ("unconfirmed_txs", {"limit": "-9223372036854775808"}),
    ("genesis_chunked", {"chunk": "9223372036854775807"}),
    ("consensus_params", {"height": "9223372036854775807"}),
    ("dump_consensus_state", {}), ("consensus_state", {}), ("net_info", {}),
    ("dial_peers", {"peers": ["x"]}), ("unsafe_flush_mempool", {}),
    ("subscribe", {"query": "tm.event='NewBlock'"}),
]

LINES = [
    b"GET /../../../../etc/passwd HTTP/1.1", b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1", b"GET /" + b"a" * 60000 + b" HTTP/1.1",
    b"GET //////////status HTTP/1.1", b"GET /block?height=%ZZ HTTP/1.1", b"GET /block?height=%00 HTTP/1.1",
    b"GET /block?" + b"height=1&" * 5000 + b" HTTP/1.1", b"GET /status HTTP/9.9", b"GET http://[::1/x HTTP/1.1", b"GET",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0", b"BREW /status HTTP/1.1", b"GET /block?hash=0x" + b"f" * 40001 + b" HTTP/1.1",
    b"GET /abci_query?data=0x1&path=%22%00 HTTP/1.1", b"GET /tx?hash=0xzz&prove=maybe HTTP/1.1", b"OPTIONS * HTTP/1.1",
    b"CONNECT a:1 HTTP/1.1", b"GET /block?height=\"1\"; HTTP/1.1",
]

HEADERS = [
    ("a huge header", b"X: " + b"h" * 3000000), ("many headers", b"\r\n".join(b"X%d: y" % i for i in range(30000))),
    ("no name", b": x"), ("two lengths", b"Content-Length: 5\r\nContent-Length: 50"), ("negative length", b"Content-Length: -1"),
    ("a length of 2^64", b"Content-Length: 18446744073709551616"), ("a length of 2^40", b"Content-Length: 1099511627776"),
    ("length and chunks", b"Content-Length: 5\r\nTransfer-Encoding: chunked"), ("upgrade", b"Upgrade: websocket\r\nConnection: Upgrade"),
    ("a folded header", b"X: a\r\n b"), ("NUL in a header", b"X: a\x00b"), ("100-continue", b"Expect: 100-continue\r\nContent-Length: 3"),
    ("unknown coding", b"Transfer-Encoding: gzip, chunked"), ("gzip body", b"Content-Encoding: gzip\r\nContent-Length: 3"),
]


def wrong_requests():
    node = net.Node(app="kvstore").start()
    w = watch(node)
    for what, body in BODIES:
        answers(node, post(body), what)
    w.whole("bodies")
    for method, params in CALLS:
        answers(node, post(call(method, **params)), f"{method} {str(params)[:60]}")
    w.whole("parameters")
    for line in LINES:
        raw(node.rpc_port, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n", 2)
    for what, header in HEADERS:
        raw(node.rpc_port, b"POST / HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n{}", 0.3)
    for chunks in (b"ffffffffffffffff\r\nx", b"-1\r\nx\r\n", b"5\r\nab\r\n0\r\n\r\n", b"1;" + b"e" * 100000 + b"\r\nx\r\n0\r\n\r\n", b"1\r\n{\r\n" * 100000 + b"0\r\n\r\n"):
        raw(node.rpc_port, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, 0.3)
    raw(node.rpc_port, post(b" " * 1000001), 5)
    raw(node.rpc_port, post(b" " * 50000000), 5)
    w.whole("lines, headers and chunks")
    got = raw(node.rpc_port, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 500 + b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") or b""
    net.check_eq(got.count(b"HTTP/1.1 200"), 501, "pipelined requests are answered")
    w.whole("pipelining")
    garbage(node, w)


def garbage(node, w):
    """Honest requests with bytes changed."""
    choose = choices()
    honest = [post(call("block", height="1")), post(b'[{"jsonrpc":"2.0","id":"a","method":"status"},{"jsonrpc":"2.0","id":2,"method":"validators","params":["1"]}]'),
              b'GET /abci_query?path="/x"&data=0x616263&height=1&prove=true HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n']
    for _ in range(5000 if LONG else 200):
        data = bytearray(choose.choice(honest))
        for _ in range(choose.randrange(1, 6)):
            at = choose.randrange(len(data))
            kind = choose.randrange(3)
            if kind == 0:
                data[at] = choose.randrange(256)
            elif kind == 1:
                del data[at:at + choose.randrange(1, 8)]
            else:
                data[at:at] = choose.randbytes(choose.randrange(1, 8))
            if not data:
                data = bytearray(b"x")
        with tcp(node.rpc_port) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                until_closed(s, 0.5)
            except OSError:
                pass
    w.whole("changed requests")


def many_and_slow():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    node = net.Node(app="kvstore").start()
    w = watch(node)
    conns = []
    for i in range(5000 if LONG else 1500):
        try:
            s = tcp(node.rpc_port, 3)
            s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{" if i % 2 else b"GET /st")
            conns.append(s)
        except OSError:
            break
    print(f"{len(conns)} slow connections", flush=True)
    end = time.monotonic() + (60 if LONG else 0)
    while time.monotonic() < end:
        for s in conns[:200]:
            try:
                s.sendall(b"a")
            except OSError:
                pass
        time.sleep(1)
    if LONG:
        net.check(all(until_closed(s, 1) is not None for s in conns[:50]), "those that trickle are closed in time")
    for s in conns:
        s.close()
    w.whole("slow connections")
    floods(node, w)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def floods(node, w):
    """broadcast_tx_commit by many at once; those who hang up leave nothing."""
    ok = []

    def one(i):
        try:
            r = node.rpc.commit_tx(b"flood%d=1" % i, timeout=30)
            ok.append(int(r["height"]) > 0)
        except Exception:  # noqa: BLE001 - busy is an answer
            pass

    threads = [threading.Thread(target=one, args=(i,)) for i in range(1000 if LONG else 200)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    net.check(len(ok) >= len(threads) // 2 and all(ok), f"{len(ok)} of {len(threads)} commits at once")
    for i in range(2000 if LONG else 300):
        with tcp(node.rpc_port) as s:
            s.sendall(post(call("broadcast_tx_commit", tx=base64.b64encode(b"gone%d=1" % i).decode())))
    big = []
    for _ in range(30):
        s = tcp(node.rpc_port)
        s.sendall(b"GET /genesis HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
        big.append(s)
    time.sleep(0.5)
    w.whole("those who ask and do not listen")
    for s in big:
        s.close()
    net.check(net.wait_until(lambda: int(node.rpc.call("num_unconfirmed_txs")["n_txs"]) == 0, 30), "the pool empties")
    w.whole("floods")


FRAMES = [
    ("2^63-1 bytes", ws.frame(b"x", length=2**63 - 1)), ("2^64-1 bytes", ws.frame(b"x", length=2**64 - 1)), ("a gigabyte to come", ws.frame(b"x" * 100, length=2**30)),
    ("just over the bound", ws.frame(b" " * 1000001)), ("200000 empty frames", ws.frame(b"", fin=False) + ws.frame(b"", 0, fin=False) * 200000),
    ("a message of 1-byte frames", ws.frame(b"{", fin=False) + ws.frame(b" ", 0, fin=False) * 100000), ("a long ping", ws.frame(b"p" * 126, ws.PING)),
    ("pings and no end", ws.frame(b"ping" * 30, ws.PING) * 20000), ("pongs nobody asked for", ws.frame(b"x", ws.PONG) * 20000), ("a ping in parts", ws.frame(b"p", ws.PING, fin=False)),
    ("no mask", ws.frame(b"{}", mask=False)), ("opcode 15", ws.frame(b"", 15)), ("half a header", b"\x81"), ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), ("HTTP", b"GET / HTTP/1.1\r\n\r\n" * 100),
    ("deep lists", ws.frame(b"[" * 500000)), ("NUL bytes", ws.frame(bytes(900000))), ("not UTF-8", ws.frame(b"\xff\xfe" * 1000)), ("close and more", ws.frame(b"", ws.CLOSE) + ws.frame(b"{}") * 1000),
    ("10000 requests nobody reads", ws.frame(call("genesis")) * 10000), ("10000 subscriptions", b"".join(ws.frame(call("subscribe", query=f"a={i}")) for i in range(10000))),
]

QUERIES = ["a" * 512, "'" * 512, "a='" + "x" * 508 + "'", "a=" + "9" * 510, " AND ".join(["a=1"] * 64), "a=DATE 9999-99-99", "a=TIME " + "0" * 400, "\u0000", "\ud800", "\U0010ffff EXISTS", "a CONTAINS ''" + " AND b>1" * 60]


def websockets():
    """Frames of every wrong kind, queries, and many who take nothing."""
    node = net.Node(app="kvstore").start("--rpc.max_subscription_clients=300")
    w = watch(node)
    for what, data in FRAMES:
        with ws.Client(node.rpc_port) as c:
            try:
                c.s.settimeout(0.5)
                c.send_raw(data)
            except OSError:
                pass
    w.whole("frames")
    with ws.Client(node.rpc_port) as c:
        for q in QUERIES:
            answer = json.loads(c.call_raw(call("subscribe", query=q).decode()))
            net.check("result" in answer or "error" in answer, f"query {q[:30]!r} is answered")
            c.send(call("unsubscribe_all"))
            c.recv()
        for size, kind in ((4096, "result"), (4097, "error"), (900000, "error")):
            long_id = {"jsonrpc": "2.0", "id": "<" * size, "method": "subscribe", "params": {"query": f"a={size}"}}
            net.check(kind in json.loads(c.call_raw(json.dumps(long_id))), f"an id of {size} bytes: {kind}")
    idle = []
    for i in range(200):
        c = ws.Client(node.rpc_port, rcvbuf=2048)
        c.send(call("subscribe", query="tm.event='NewBlock'"))
        c.send(call("subscribe", query="tm.event='Tx'"))
        idle.append(c)
    for i in range(20):
        node.rpc.send_tx(b"w%d=" % i + b"x" * 100000)
    w.whole("200 who subscribe and do not read")
    for c in idle[::2]:
        c.send_raw(ws.frame(b"{", fin=False))
    for c in idle:
        c.close()
    choose = choices()
    for _ in range(3000 if LONG else 150):
        data = bytearray(ws.frame(call("block", height="1")) + ws.frame(call("subscribe", query="tm.event='NewBlock'"), ws.BINARY) + ws.frame(b"x", ws.PING))
        for _ in range(choose.randrange(1, 5)):
            data[choose.randrange(len(data))] = choose.randrange(256)
        with ws.Client(node.rpc_port) as c:
            try:
                c.send_raw(data)
            except OSError:
                pass
    w.whole("changed frames")


def without_limits():
    """Batches of any length, in long bodies."""
    node = net.Node(app="kvstore").start("--rpc.max_request_batch_size=0", "--rpc.max_body_bytes=4000000")
    w = watch(node)
    answers(node, post(b"[" + b"{}," * 1300000 + b"{}]"), "more requests than there is room for")
    w.whole("a batch without limits")


if __name__ == "__main__":
    net.run(wrong_requests, many_and_slow, websockets, without_limits)
