#!/usr/bin/env python3
"""The same requests to a real CometBFT and to Warren: status, headers, errors
and the shape of every answer are equal."""
import hashlib
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import net  # noqa: E402
import test_cometbft as peers  # noqa: E402

J = {"Content-Type": "application/json"}


def rpc(method, params=None, id=1, **more):
    body = {"jsonrpc": "2.0", "id": id, "method": method, **more}
    if params is not None:
        body["params"] = params
    return "POST", "/", json.dumps(body)


def requests(tx_hash_hex, tx_hash_b64, block_hash_hex, block_hash_b64):
    """Each is asked of both nodes."""
    gets = ["/health", "/status", "/net_info", "/genesis", "/genesis_chunked", "/genesis_chunked?chunk=1", "/abci_info", "/block?height=1",
            '/block?height="1"', "/block?height=0", "/block?height=-1", "/block?height=1000000", "/block?height=0x1", "/block?height=abc",
            "/block?height=", "/block?height=01", "/block_results?height=1", "/block_results?height=0", "/commit?height=1", "/header?height=1", "/header",
            "/validators", "/validators?height=1", "/validators?page=1&per_page=1", "/validators?page=0", "/validators?page=2",
            "/validators?per_page=0", "/validators?per_page=1000", "/consensus_params", "/consensus_params?height=1", "/blockchain",
            "/blockchain?minHeight=1&maxHeight=1", "/blockchain?minHeight=3&maxHeight=1", "/blockchain?minHeight=-1", "/unconfirmed_txs",
            "/unconfirmed_txs?limit=1", "/num_unconfirmed_txs", "/abci_query", '/abci_query?path="/x"&data=0x61', '/abci_query?data="a"',
            "/abci_query?data=abc", "/abci_query?path=abc", '/abci_query?data="a"&prove=true', '/abci_query?data="a"&prove="true"', "/abci_query?height=1",
            f"/tx?hash=0x{tx_hash_hex}", f"/tx?hash=0x{tx_hash_hex}&prove=true", f"/tx?hash=0x{tx_hash_hex.lower()}", '/tx?hash="abc"', "/tx?hash=abc",
            "/tx?hash=0x00", "/tx", "/tx?hash=0xzz", f"/block_by_hash?hash=0x{block_hash_hex}", "/block_by_hash?hash=0x00", f"/header_by_hash?hash=0x{block_hash_hex}",
            "/header_by_hash?hash=0x00", '/check_tx?tx="k=v"', '/check_tx?tx="bad"', "/broadcast_tx_sync?tx=abc", '/broadcast_tx_sync?tx="bad"',
            '/broadcast_tx_async?tx="bad2"', '/broadcast_tx_commit?tx="bad3"', "/broadcast_tx_sync", "/subscribe", "/unsubscribe", "/unsubscribe_all",
            "/nothing", "/health/", "//health", "/", "/unsafe_flush_mempool"]
    for g in gets:
        yield "GET", g, None
    for verb in ("PUT", "DELETE", "OPTIONS", "HEAD"):
        yield verb, "/health", None
    for m in ("health", "status", "net_info", "abci_info", "genesis", "num_unconfirmed_txs"):
        yield rpc(m)
        yield rpc(m, {})
        yield rpc(m, [])
    for p in ({"height": "1"}, {"height": 1}, {"height": " 1"}, {"height": "01"}, {"height": "+1"}, {"height": "1.0"}, {"height": ""}, {"height": None},
              {"height": "abc"}, {"height": "99999999999999999999"}, {"height": "0"}, {"height": True}, {"height": ["1"]}, {"Height": "1"}, {"x": 1},
              ["1"], [None], [], ["1", "2"], "1", 5, None):
        for m in ("block", "validators"):
            if not (m == "validators" and p in (["1"], [None], ["1", "2"])):
                yield rpc(m, p) if p is not None else rpc(m)
    for m in ("block", "block_results", "commit", "header", "consensus_params"):
        yield rpc(m, {"height": "1"})
        yield rpc(m, {"height": "100000"})
    yield rpc("tx", {"hash": tx_hash_b64, "prove": True})
    yield rpc("tx", {"hash": "!"})
    yield rpc("tx", {"hash": "YQ"})
    yield rpc("tx", {"hash": 5})
    yield rpc("block_by_hash", {"hash": block_hash_b64})
    yield rpc("header_by_hash", {"hash": block_hash_hex})
    yield rpc("header_by_hash", {"hash": "xyz"})
    yield rpc("header_by_hash", {"hash": "abc"})
    yield rpc("header_by_hash", {"hash": 5})
    yield rpc("abci_query", {"path": "", "data": "61", "height": "0", "prove": False})
    yield rpc("abci_query", {"data": "zz"})
    yield rpc("abci_query", {"path": 5})
    yield rpc("abci_query", {"prove": "yes"})
    yield rpc("check_tx", {"tx": "az12"})
    yield rpc("broadcast_tx_sync", {"tx": "YmFk"})
    yield rpc("subscribe", {"query": "tm.event='Tx'"})
    yield rpc("nothing")
    yield rpc("health", id="text")
    yield rpc("health", id="")
    yield rpc("health", id=1.9)
    yield rpc("health", id="<&>")
    for body in ("", "{}", "null", "[]", "[{}]", '[{"method":"health"}]', "x", "5", '"x"', "{", "[", '{"id":true,"method":"health"}',
                 '{"id":[],"method":"health"}', '{"id":1,"method":5}', '{"id":1,"method":"health"} x', '{"ID":1,"METHOD":"health"}',
                 '{"id":null,"method":"health"}', '{"id":1}', '[{"id":1,"method":"health"}]', '[{"id":1,"method":"health"},{"id":2,"method":"health"}]',
                 '[{"id":1,"method":"health"},{"method":"health"},{"id":"b","method":"nothing"}]', '[{"id":1,"method":"block"},{"id":2,"method":"health"}]',
                 "[" + ",".join(['{"id":1,"method":"health"}'] * 11) + "]", "[" + ",".join(['{"id":1,"method":"health"}'] * 10) + "]", "x" * 1000001):
        yield "POST", "/", body
    yield "POST", "/block", "height=1"
    yield "POST", "/health", '{"id":1,"method":"status"}'


def shape(v, path=""):
    """Types and keys of an answer, and the values that do not depend on a run."""
    if isinstance(v, dict):
        return {k: shape(x, k) for k, x in v.items()}
    if isinstance(v, list):
        return [shape(v[0], path)] if v else []
    if v is None or isinstance(v, bool):
        return v
    if isinstance(v, str):
        if re.fullmatch(r"-?[0-9]+", v):
            return "number text"
        if re.fullmatch(r"[0-9]{4}-.*Z", v):
            return "time"
        if path in ("data", "message", "error", "log", "info", "codespace", "jsonrpc", "type"):
            return re.sub(r"\d+", "N", v)
        return "text" if v else ""
    return type(v).__name__


def compare(a, b, what):
    (sa, ha, ba), (sb, hb, bb) = a, b
    net.check_eq(sa, sb, f"{what}: status")
    for h in ("Content-Type", "Cache-Control", "Location"):
        net.check_eq(ha.get(h), hb.get(h), f"{what}: {h}")
    net.check_eq("X-Server-Time" in ha, "X-Server-Time" in hb, f"{what}: X-Server-Time")
    try:
        ja, jb = json.loads(ba), json.loads(bb)
    except ValueError:
        if b"<html>" not in ba or b"<html>" not in bb:
            net.check_eq(ba, bb, f"{what}: body")
        return
    net.check_eq(shape(ja), shape(jb), f"{what}: shape")


def answers_are_alike():
    if not peers.need(peers.COMETBFT):
        return
    ours = net.Node(app="kvstore")
    comet = peers.Comet(peers.comet_home(like=ours.home), "kvstore").start()
    ours.start()
    args = []
    for node in (ours, comet):
        r = node.rpc.commit_tx(b"a=1")
        net.wait_until(lambda n=node: n.rpc.height() >= int(r["height"]) + 2)
        b = node.rpc.call("block", height=r["height"])["block_id"]["hash"]
        b64 = lambda h: net.base64.b64encode(bytes.fromhex(h)).decode()  # noqa: E731
        args.append((r["hash"], b64(r["hash"]), b, b64(b)))
    for mine, theirs in zip(requests(*args[0]), requests(*args[1])):
        verb, path, body = mine
        what = f"{verb} {path} {(body or '')[:120]}"
        try:
            a = ours.rpc.raw(verb, path, body, J if body is not None else {})
            b = comet.rpc.raw(*theirs, J if body is not None else {})
        except OSError as e:
            net.check(False, f"{what}: {e}")
            continue
        compare(a, b, what)
    r = b'{"jsonrpc":"2.0","id":1,"method":"health"}'
    net.check_eq(ours.rpc.raw("POST", "/", r)[2], b'{"jsonrpc":"2.0","id":1,"result":{}}', "health, byte for byte")


def what_waits_is_alike():
    """Byte for byte, with more transactions in the pool than a page holds."""
    if not peers.need(peers.COMETBFT):
        return
    ours = net.Node(app="kvstore", fast=False)
    net.edit_config(ours.home, "consensus", "timeout_commit", '"15s"')
    home = peers.comet_home(like=ours.home)
    net.edit_config(home, "consensus", "timeout_commit", '"15s"')
    comet = peers.Comet(home, "kvstore").start()
    ours.start()
    for node in (ours, comet):
        net.wait_until(lambda n=node: n.rpc.height() >= 1)
        net.check_eq(node.rpc.call("num_unconfirmed_txs")["total"], "0", "nothing waits yet")
    sends = [f"k{i}=v".encode() for i in range(110)] + [b"k0=v", b"no", b"", b"x" * 1048577]
    for tx in sends:
        path = "/broadcast_tx_sync?tx=0x" + tx.hex() if len(tx) < 1000 else None
        body = None if path else json.dumps({"jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_sync", "params": {"tx": net.base64.b64encode(tx).decode()}})
        a, b = (n.rpc.raw("GET" if path else "POST", path or "/", body, J if body else {})[2] for n in (ours, comet))
        net.check_eq(a[:2000], b[:2000], f"broadcast_tx_sync of {tx[:20]!r}")
    for q in ("", "?limit=1", "?limit=5", "?limit=100", "?limit=101", "?limit=0", "?limit=-1", "?limit=109"):
        path = "/unconfirmed_txs" + q
        net.check_eq(ours.rpc.raw("GET", path)[2], comet.rpc.raw("GET", path)[2], path)
    net.check_eq(ours.rpc.raw("GET", "/num_unconfirmed_txs")[2], comet.rpc.raw("GET", "/num_unconfirmed_txs")[2], "num_unconfirmed_txs")


def many_validators(home, n=45):
    """One that decides alone, and many that are never there."""
    path = os.path.join(home, "config", "genesis.json")
    with open(path) as f:
        genesis = json.load(f)
    genesis["validators"][0]["power"] = "1000000"
    for i in range(n):
        key = hashlib.sha256(b"%d" % i).digest()
        genesis["validators"].append({"address": hashlib.sha256(key).digest()[:20].hex().upper(), "name": f"v{i}", "power": str(1 + i % 7),
                                      "pub_key": {"type": "tendermint/PubKeyEd25519", "value": net.base64.b64encode(key).decode()}})
    with open(path, "w") as f:
        json.dump(genesis, f)


def pages_are_alike():
    """Byte for byte where the chain's own times and hashes do not show."""
    if not peers.need(peers.COMETBFT):
        return
    ours = net.Node(app="kvstore")
    many_validators(ours.home)
    comet = peers.Comet(peers.comet_home(like=ours.home), "kvstore").start()
    ours.start()
    key = net.base64.b64encode(hashlib.sha256(b"new").digest()).decode()
    heights = []
    for node in (ours, comet):
        net.wait_until(lambda n=node: n.rpc.height() >= 4)
        updated = int(node.rpc.commit_tx(f"val:{key}!9".encode())["height"])
        heights.append([1, 2, updated, updated + 2, int(node.rpc.commit_tx(b"a=1")["height"]), 31])
        net.wait_until(lambda n=node: n.rpc.height() >= 40)
    for q in ("height=1", "height=1&per_page=10", "height=1&per_page=100", "height=1&per_page=1000", "height=1&page=2", "height=1&page=2&per_page=30",
              "height=1&page=3", "height=1&page=0", "height=1&page=-1", "height=1&page=5&per_page=10", "height=1&per_page=0", "height=1&per_page=-4",
              "height=2&page=2", "height=1&page=x", "page=9999999999999999999", "height=1&page=46&per_page=1"):
        path = "/validators?" + q
        net.check_eq(ours.rpc.raw("GET", path)[2], comet.rpc.raw("GET", path)[2], path)
    for q in ("", "?minHeight=1", "?maxHeight=5", "?minHeight=2&maxHeight=30", "?minHeight=1&maxHeight=21", "?minHeight=0&maxHeight=0",
              "?minHeight=30&maxHeight=10000", "?minHeight=-3&maxHeight=5", "?maxHeight=-1", "?minHeight=10000&maxHeight=20000"):
        compare(ours.rpc.raw("GET", "/blockchain" + q), comet.rpc.raw("GET", "/blockchain" + q), "/blockchain" + q)
    for q in ("/block_results?height=", "/consensus_params?height=", "/commit?height=", "/header?height=", "/block?height="):
        for a, b in zip(*heights):
            compare(ours.rpc.raw("GET", f"{q}{a}"), comet.rpc.raw("GET", f"{q}{b}"), f"{q}{a}, {b}")


if __name__ == "__main__":
    net.run(answers_are_alike, what_waits_is_alike, pages_are_alike)
