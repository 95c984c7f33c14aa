#!/usr/bin/python3
"""The way of a transaction through four organisations, the logs that tell of
it, and that neither tells a secret."""
import base64
import hashlib
import json
import os
import signal

import net
from test_network import Network

try:
    from apart import SERVICES, Apart
except ImportError:  # no zmq module
    Apart = None

LOGS = ["--log_format=json", "--log_level=debug"]


def ask_trace(rpc, tx_hash):
    return rpc.call("trace", hash=base64.b64encode(bytes.fromhex(tx_hash)).decode())


def steps(rpc, tx_hash):
    """{(service, step)} as a node tells them."""
    return {(s["service"], s["step"]) for s in ask_trace(rpc, tx_hash)["steps"]}


def lines(text):
    """The objects of a log; a line that is none fails."""
    out, bad = [], []
    for line in text.splitlines():
        try:
            out.append(json.loads(line))
        except ValueError:
            bad.append(line)
    net.check_eq(bad[:3], [], "every line is whole")
    return out


def who_tells(node, request):
    return {l["service"] for l in lines(node.log()) if l.get("request") == request}


# ---- secrets ----

def private_keys(home):
    """{name: bytes} of every key in a home."""
    found = {}
    for where in ("config/node_key.json", "config/priv_validator_key.json"):
        with open(os.path.join(home, where)) as f:
            found[where] = base64.b64decode(json.load(f)["priv_key"]["value"])[:32]
    account = os.path.join(home, "keys", "admin.json")
    if os.path.exists(account):
        with open(account) as f:
            text = json.load(f)["priv_key"]
        found["keys/admin.json"] = (bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text))[:32]
    return found


def spellings(key):
    """Texts, in lower case, one of which is in whatever prints the key or half of it."""
    out = set()
    for part in (key[:16], key[16:32]):
        out |= {part, part.hex().encode(), repr(part)[2:-1].lower().encode()}
        for shift in range(3):  # where it may stand in something longer
            text = base64.b64encode(bytes(shift) + part)
            out.add(text[4 if shift else 0:20].lower())
    return out


def check_secrets(keys, texts, what):
    """keys: {name: bytes or text}; texts: {name: bytes}."""
    planted = b"".join(k if isinstance(k, bytes) else k.encode() for k in keys.values())
    for where, text in {**texts, "planted": planted}.items():
        low = text.lower()
        told = [name for name, key in keys.items()
                if any(s in low or s in text for s in (spellings(key) if isinstance(key, bytes) else {key.lower().encode()}))]
        if where == "planted":
            net.check_eq(len(told), len(keys), f"{what}: each secret would be found")
        else:
            net.check_eq(told, [], f"{what}: no secret in {where} ({len(text)} bytes)")


# ---- the tests ----

def start(n, *flags):
    for i, o in enumerate(n.orgs):
        o.prom = net.free_ports(1)[0]
        o.process = net.Process([net.WARREN, "start", "--home", o.home, "--proxy_app=ledger", "--consensus.timeout_commit=100ms",
                                 "--instrumentation.prometheus=true", f"--instrumentation.prometheus_listen_addr=127.0.0.1:{o.prom}",
                                 *LOGS, *flags], os.path.join(o.home, "log"), env={"CMT_WARREN_ORG": f"org{i}"})
    for o in n.orgs:
        net.check(o.wait_height(2, 60), "it commits")


def cli_trace(node, tx_hash, *more):
    return net.warren("trace", tx_hash, f"--node=http://127.0.0.1:{node.rpc.port}", *more, home=node.home, check_code=False)


def follow(n, tx_hash):
    """Every organisation tells its part."""
    first, others = n.orgs[0], n.orgs[1:]
    block = {("consensus", s) for s in ("proposed", "complete", "prevoted", "decided", "executed", "committed")}
    block |= {("store", "indexed"), ("ledger", "committed"), ("mempool", "in a block"), ("mempool", "checked")}
    want = block | {("api", "received"), ("api", "answered"), ("mempool", "received"), ("mempool", "to peer")}
    net.check(net.wait_until(lambda: steps(first.rpc, tx_hash) >= want, 20, 0.2), f"missing: {want - steps(first.rpc, tx_hash)}")
    ids = {o.rpc.call("status")["node_info"]["id"] for o in n.orgs}
    for o in others:
        want = block | {("mempool", "from peer")}
        net.check(net.wait_until(lambda: steps(o.rpc, tx_hash) >= want, 20, 0.2), f"missing: {want - steps(o.rpc, tx_hash)}")
        got = ask_trace(o.rpc, tx_hash)
        peers = {s["peer"] for s in got["steps"] if s["step"] == "from peer"}
        net.check(peers and peers <= ids, f"they came from peers that are there: {peers}")
        net.check_eq({s["service"] for s in got["services"] if s["answers"]}, {"api", "store", "mempool", "consensus", "ledger"}, "who answers")
        times = [s["time"] for s in got["steps"]]
        net.check(("api", "received") not in steps(o.rpc, tx_hash), "its own view")
        net.check_eq(len(times) > 5, True, "steps have times")
    code, out, _ = cli_trace(first, tx_hash)
    net.check(code == 0 and tx_hash.upper() in out and "indexed" in out and "0.000  api        received" in out, f"the table: {out}")
    net.check("knows nothing" not in out and "does not answer" not in out, f"it is whole: {out}")
    code, out, _ = cli_trace(others[0], "0x" + tx_hash.lower(), "--output=json")
    net.check_eq((code, json.loads(out)["hash"]), (0, tx_hash.upper()), "the same for programs")


def requests(node):
    """Ids of requests: given, from a trace, made; in the answer and in the logs."""
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_sync", "params": {"tx": base64.b64encode(b"nonsense").decode()}})
    told = node.rpc.raw("POST", "/", call, {"X-Request-Id": "order-7.a"})[1]
    net.check_eq(told.get("X-Request-Id"), "order-7.a", "the client's id is answered")
    net.check(net.wait_until(lambda: {"api", "mempool"} <= who_tells(node, "order-7.a"), 10, 0.2), f"who handled it says so: {who_tells(node, 'order-7.a')}")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    told = node.rpc.raw("GET", "/block?height=1", None, {"Traceparent": f"00-{trace}-00f067aa0ba902b7-01"})[1]
    net.check_eq(told.get("X-Request-Id"), trace, "the trace's id is answered")
    net.check(net.wait_until(lambda: {"api", "store"} <= who_tells(node, trace), 10, 0.2), "and told")
    made = set()
    for given in ({}, {"X-Request-Id": "not one"}, {"X-Request-Id": "x" * 65}, {"Traceparent": "00-" + "0" * 32 + "-00f067aa0ba902b7-01"}):
        made.add(node.rpc.raw("GET", "/health", None, given)[1].get("X-Request-Id"))
    net.check(len(made) == 4 and all(m and len(m) == 32 and m.isalnum() for m in made), f"else a new one each: {made}")
    refused = hashlib.sha256(b"nonsense").hexdigest()
    codes = [s.get("code", 0) for s in ask_trace(node.rpc, refused)["steps"] if s["step"] == "checked"]
    net.check(codes and codes[0] != 0, f"why it was refused: {codes}")


def what_is_forgotten(node, tx_hash):
    node.kill("mempool")
    net.check(net.wait_until(lambda: node.rpc.raw("GET", "/readyz")[0] == 200 and
                             any(s["service"] == "mempool" and s["answers"] for s in ask_trace(node.rpc, tx_hash)["services"]), 20, 0.2), "it is back")
    code, out, _ = cli_trace(node, tx_hash)
    net.check(code == 0 and "mempool knows nothing of before" in out and "it started then" in out, f"what is not known is said: {out}")
    code, out, err = cli_trace(node, "00" * 32)
    net.check(code == 13 and "nothing is known" in err, f"a transaction that nobody knows: {code} {out} {err}")


def a_transaction_through_four_organisations():
    n = Network(4)
    start(n)
    first = n.orgs[0]
    _, out, _ = net.warren("tx", "put", "records", "s1", "on its way", "--from=admin", f"--node=http://127.0.0.1:{first.rpc.port}",
                           "--output=json", home=first.home)
    tx_hash = json.loads(out)["tx"]
    follow(n, tx_hash)
    requests(first)
    what_is_forgotten(first, tx_hash)
    first.kill("consensus")
    first.kill("signer")
    h = max(o.height() for o in n.orgs)
    net.check(first.wait_height(h + 3, 60), "it goes on")
    texts = {}
    for i, o in enumerate(n.orgs):
        texts[f"the metrics of org{i}"] = net.Rpc(o.prom).raw("GET", "/metrics")[2]
        texts[f"the trace of org{i}"] = json.dumps(ask_trace(o.rpc, tx_hash)).encode()
        net.check_eq(o.process.stop(), 0, "it stops")
        texts[f"the log of org{i}"] = o.log().encode()
        net.check_eq({l["org"] for l in lines(o.log())}, {f"org{i}"}, "every line says whose it is")
    keys = {f"org{i}/{name}": key for i, o in enumerate(n.orgs) for name, key in private_keys(o.home).items()}
    net.check_eq(len(keys), 12, "three keys each")
    check_secrets(keys, texts, "four organisations")


def services_apart_keep_their_keys():
    if not Apart:
        net.skip("no zmq module for Python: CURVE keys are not looked for")
        return
    node = Apart()
    node.flags += LOGS
    node.start_all()
    tx = b"secret=none"
    node.rpc.commit_tx(tx)
    for service in ("mempool", "store", "signer", "p2p"):
        node.running[service].stop(signal.SIGKILL)
        node.run(service)
    h = node.rpc.height()
    net.check(node.wait_height(h + 2), "it goes on")
    tx_hash = hashlib.sha256(tx).hexdigest()
    net.check(net.wait_until(lambda: ("consensus", "executed") in steps(node.rpc, tx_hash), 20, 0.2), "services apart are traced too")
    texts = {f"the trace": json.dumps(ask_trace(node.rpc, tx_hash)).encode()}
    for s in SERVICES:
        node.running[s].stop()
        texts[f"the log of {s}"] = b"".join(open(os.path.join(node.dir, s), "rb").read() for _ in range(1))
        lines(node.running[s].text())
    keys = private_keys(node.home)
    import zmq.utils.z85
    for s in SERVICES:
        keys[f"curve {s}, as text"] = node.key[s][1]
        keys[f"curve {s}"] = zmq.utils.z85.decode(node.key[s][1])
    check_secrets(keys, texts, "services apart")


net.run(a_transaction_through_four_organisations, services_apart_keep_their_keys)
