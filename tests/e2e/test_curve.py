#!/usr/bin/python3
"""Services on hosts of their own: TCP, CURVE, and nobody comes in whose key is
not listed."""
import os
import socket
import struct
import threading
import time

import net
from test_kill import all_txs

try:
    import zmq
    from apart import ON_BUS, SERVICES, Apart, pairs
except ImportError:
    zmq = None

HELLO, REQUEST = 1, 2


def memory(pid):
    """What a process holds, in KiB; the database that it maps does not count."""
    with open(f"/proc/{pid}/status") as f:
        return int(f.read().split("RssAnon:")[1].split()[0])


def uv(n):
    return bytes([n & 127 | 128]) + uv(n >> 7) if n > 127 else bytes([n])


def header(kind):
    return b"".join([b"\x08", uv(kind), b"\x10\x02\x18\x01\x20\x4d", b"\x2a\x03api"])


def dealer(context, port, kind, keys=None, server=None):
    s = context.socket(kind)
    s.setsockopt(zmq.LINGER, 0)
    s.setsockopt(zmq.RECONNECT_IVL, 20)
    if keys:
        s.curve_publickey, s.curve_secretkey, s.curve_serverkey = (k.encode() for k in (*keys, server))
    if kind == zmq.SUB:
        s.setsockopt(zmq.SUBSCRIBE, b"")
    s.connect(f"tcp://127.0.0.1:{port}")
    return s


def who_hears(clients):
    """The names of those of {name: socket} who hear something after greeting
    and asking."""
    heard, poller, end = set(), zmq.Poller(), time.monotonic() + 2
    for s in clients.values():
        poller.register(s, zmq.POLLIN)
    while time.monotonic() < end:
        for s in clients.values():
            for kind in (HELLO, REQUEST) if s.type == zmq.DEALER else ():
                try:
                    s.send_multipart([header(kind), b"\x0a\x00"], zmq.NOBLOCK)
                except zmq.ZMQError:
                    pass
        ready = dict(poller.poll(100))
        heard |= {name for name, s in clients.items() if s in ready}
    return heard


def commits(node, name):
    done = node.rpc.commit_tx(b"%s=1" % name.encode())
    net.check(int(done["height"]) > 0 and done["tx_result"]["code"] == 0, f"{name}: commits: {done}")


def strangers_get_nothing():
    node = Apart().start_all()
    commits(node, "first")
    net.check(net.wait_until(lambda: node.rpc.raw("GET", "/readyz")[0] == 200, 20), f"ready: {node.rpc.raw('GET', '/readyz')[2]}")
    context, clients, friends = zmq.Context(), {}, set()

    def client(name, service, kind, keys=None, server=None):
        clients[name] = dealer(context, node.port[service] + (kind == zmq.SUB), kind, keys, server)

    for s in ON_BUS:
        key, other, friend = node.key[s][0], node.key["stranger"], sorted(node.callers[s])[0]
        friends.add(f"{friend} at {s}")
        client(f"{friend} at {s}", s, zmq.DEALER, node.key[friend], key)
        client(f"a client without CURVE at {s}", s, zmq.DEALER)
        client(f"a key that is not listed at {s}", s, zmq.DEALER, other, key)
        client(f"{friend} with another server's key at {s}", s, zmq.DEALER, node.key[friend], other[0])
        for uninvited in sorted(set(ON_BUS) - node.callers[s] - {s}):
            client(f"{uninvited}, which has no link, at {s}", s, zmq.DEALER, node.key[uninvited], key)
    friends.add("hints for api")
    client("hints for api", "store", zmq.SUB, node.key["api"], node.key["store"][0])
    client("hints for a client without CURVE", "store", zmq.SUB)
    client("hints for a stranger", "store", zmq.SUB, node.key["stranger"], node.key["store"][0])
    time.sleep(0.5)
    commits(node, "heard")
    net.check_eq(who_hears(clients), friends, "who is answered")
    context.destroy(0)
    for name, p in node.running.items():
        net.check(p.alive(), f"{name} lives on")


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00"


def bad_starts():
    """What strangers may say before any handshake is done."""
    null = GREETING + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
    curve = GREETING + b"CURVE".ljust(20, b"\0") + b"\0" + bytes(31)
    big = b"\x06" + struct.pack(">Q", 1 << 40)
    return [b"", b"\xff" * 10, null, null + big + bytes(100000), curve, curve + big + bytes(100000), curve + b"\x04\xc8\x05HELLO" + bytes(194),
            curve + b"\x04\x05\x05HELL", bytes(100000), b"GET / HTTP/1.1\r\n\r\n"]


def storm(port, rounds, held):
    starts = bad_starts()
    for i in range(rounds):
        s = socket.socket()
        s.settimeout(2)
        try:
            s.connect(("127.0.0.1", port))
            s.sendall(starts[i % len(starts)])
        except OSError:
            pass
        if i % 3:
            s.close()
        else:
            held.append(s)


def strangers_cost_nothing():
    """Thousands of them, some of whom stay: the memory of a service and its
    room for others are what they were."""
    node = Apart()
    # Few files: the strangers want more than there are.
    for s in SERVICES:
        node.run(s, inside=("prlimit", "--nofile=300"))
    net.check(node.wait_height(1, 60), "blocks come")
    for s in ("store", "signer"):
        held, pid = [], node.running[s].pid
        for port in (node.port[s], node.port[s] + 1):
            storm(port, 200, held)
        before = memory(pid)
        for port in (node.port[s], node.port[s] + 1):
            storm(port, 800, held)
        context = zmq.Context()
        flood = [dealer(context, node.port[s], zmq.DEALER, keys=node.key["stranger"], server=node.key[s][0]) for _ in range(20)]
        for f in flood:
            for _ in range(50):
                try:
                    f.send(bytes(1 << 20), zmq.NOBLOCK)
                except zmq.ZMQError:
                    pass
        net.check(node.running[s].alive(), f"{s} lives on with {len(held)} strangers at the door: {node.running[s].text()[-500:]}")
        time.sleep(0.5)
        context.destroy(0)
        for h in held:
            h.close()
        after = memory(pid)
        net.check(after < before + 16 * 1024, f"{s} grew from {before} to {after} KiB")
        print(f"{s}: {before} -> {after} KiB", flush=True)
    net.check(net.wait_until(lambda: commits(node, "after") is None, 30), "it commits after all of them")


def a_wrong_key_of_a_server_is_refused():
    """Whoever listens in a service's place cannot read its callers."""
    node = Apart().start_all()
    wrong = ",".join(f"{s}={node.key['stranger' if s == 'store' else s][0]}" for s in ON_BUS)
    node.running["api"].stop()
    node.run("api", f"--warren.curve_servers={wrong}")
    net.check(net.wait_until(lambda: b"store" in node.rpc.raw("GET", "/readyz")[2], 20), "not ready, and says which one does not answer")
    net.check_eq(node.rpc.raw("GET", "/readyz")[0], 503, "not ready")
    node.running["api"].stop()
    node.run("api")
    net.check(net.wait_until(lambda: node.rpc.raw("GET", "/readyz")[0] == 200, 20), "ready with the right one")
    for flags, code, what in [(["--warren.curve_servers="], 3, "a server without a key"),
                              (["--warren.curve_key_file=" + os.path.join(node.dir, "none")], 5, "a key file that is not there")]:
        node.running["api"].stop()
        p = node.run("api", *flags)
        net.check(net.wait_until(lambda: not p.alive(), 10), f"{what}: refused at the start")
        net.check_eq(p.p.returncode, code, f"{what}: {p.text()[-300:]}")
    node.run("api")
    net.check(net.wait_until(lambda: commits(node, "again") is None), "and goes on with the right ones")


class Writer:
    """Keeps what was acknowledged, from whichever api answers."""

    def __init__(self, *rpcs):
        self.rpcs, self.acked, self.stop = rpcs, [], False
        self.thread = threading.Thread(target=self.write)
        self.thread.start()

    def write(self):
        n = 0
        while not self.stop:
            n += 1
            tx = b"w%d=%d" % (n, n)
            try:
                r = self.rpcs[n % len(self.rpcs)].commit_tx(tx, timeout=10)
                if int(r["height"]) > 0 and r["tx_result"]["code"] == 0:
                    self.acked.append((tx, int(r["height"])))
            except Exception:  # noqa: BLE001 - not acknowledged
                time.sleep(0.02)

    def end(self):
        self.stop = True
        self.thread.join()
        return self.acked


def each_comes_back():
    """kill -9 of every service: the others stay, and meet the new one."""
    node = Apart().start_all()
    load = Writer(node.rpc)
    for s in SERVICES:
        before = {n: p.pid for n, p in node.running.items() if n != s}
        node.running[s].stop(net.signal.SIGKILL)
        time.sleep(0.1)
        node.run(s)
        seen = len(load.acked)
        net.check(net.wait_until(lambda: len(load.acked) > seen + 3, 40), f"commits after {s} was killed: {node.running[s].text()[-800:]}")
        net.check(all(p.alive() and p.pid == before[n] for n, p in node.running.items() if n != s), f"the others outlive {s}")
    acked = load.end()
    check_once(node.rpc, acked)
    print(f"{len(acked)} committed", flush=True)


def check_once(rpc, acked):
    seen = all_txs(rpc, rpc.height())
    net.check(len(acked) > 10, f"{len(acked)} were acknowledged")
    net.check_eq([t for t, _ in acked if seen.get(t) != 1][:5], [], "acknowledged, and not in one block")
    net.check_eq([t for t, n in seen.items() if n > 1][:5], [], "in two blocks")


def two_of_api():
    """Replicas share nothing: each answers for all, and one may go."""
    node = Apart().start_all()
    [second], [mine] = net.free_ports(1), pairs(1)
    run = os.path.join(node.dir, "run2")
    other = node.run("api", f"--rpc.laddr=tcp://127.0.0.1:{second}", f"--warren.api=tcp://127.0.0.1:{mine}", f"--warren.run_dir={run}", name="api2")
    rpcs = [node.rpc, net.Rpc(second)]
    net.check(net.wait_until(lambda: rpcs[1].height() >= 1, 20), "the second answers: " + other.text()[-800:])
    load = Writer(*rpcs)
    net.check(net.wait_until(lambda: len(load.acked) > 20, 30), "both commit")
    h = int(rpcs[1].commit_tx(b"told=1")["height"])
    net.check(net.wait_until(lambda: rpcs[0].height() >= h, 10), "what one took the other has")
    node.running["api"].stop(net.signal.SIGKILL)
    seen = len(load.acked)
    net.check(net.wait_until(lambda: len(load.acked) > seen + 20, 30), "the second goes on alone")
    node.run("api")
    net.check(net.wait_until(lambda: rpcs[0].height() >= h, 20), "the first is back")
    other.stop(net.signal.SIGKILL)
    seen = len(load.acked)
    net.check(net.wait_until(lambda: len(load.acked) > seen + 20, 30), "the first goes on alone")
    check_once(node.rpc, load.end())


if __name__ == "__main__":
    if not zmq:
        net.skip("clients with CURVE need python3-zmq of Debian, which is not here")
        net.finish()
    net.run(strangers_get_nothing, strangers_cost_nothing, a_wrong_key_of_a_server_is_refused, each_comes_back, two_of_api)
