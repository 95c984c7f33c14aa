"""A node whose services are started one by one and meet by TCP, as they do on
hosts of their own: a key for each, and each lets in only whom
proto/topology.def links to it."""
import os
import random
import re
import socket

import net

PYTHON = "/usr/bin/python3"  # where Debian puts its packages
SERVICES = ("store", "kvstore", "signer", "consensus", "mempool", "p2p", "api")
# The application has no [warren] address: it is reached by ABCI.
ON_BUS = tuple(s for s in SERVICES if s != "kvstore")


def pairs(n):
    """n ports whose next one is free as well."""
    out = []
    while len(out) < n:
        first = random.randrange(12000, 31000, 2)
        try:
            for port in (first, first + 1):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            if first not in out:
                out.append(first)
        except OSError:
            pass
    return out


def callers():
    """{service: who connects to it}"""
    out = {s: {"api"} for s in SERVICES}  # which asks all for their health
    with open(os.path.join(net.ROOT, "proto", "topology.def")) as f:
        links = re.findall(r"^LINK\((\w+), (\w+), (\w+)", f.read(), re.M)
    for one, other, pattern in links:
        if pattern in ("REQUEST", "ADMIN") and other in out:
            out[other].add(one)
        elif pattern == "HINT":  # who listens dials
            out[one].add(other)
    return out


class Apart(net.Node):
    """Start it with start_all; each service is a process of this test."""

    def __init__(self, app="kvstore"):
        import zmq
        super().__init__(app=app)
        self.port = dict(zip(ON_BUS, pairs(len(ON_BUS))))
        self.key = {s: tuple(k.decode() for k in zmq.curve_keypair()) for s in (*SERVICES, "stranger")}
        self.callers = callers()
        self.running = {}
        for s, port in self.port.items():
            net.edit_config(self.home, "warren", s, f'"tcp://127.0.0.1:{port}"')
        for s in SERVICES:
            with open(self.key_file(s), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                f.write(self.key[s][1])
        servers = ", ".join(f'"{s}={self.key[s][0]}"' for s in ON_BUS)
        net.edit_config(self.home, "warren", "curve_servers", f"[{servers}]")

    def key_file(self, service):
        return os.path.join(self.home, "config", f"curve-{service}.key")

    def own_flags(self, service):
        allowed = ",".join(self.key[c][0] for c in sorted(self.callers[service]))
        return [f"--warren.curve_key_file={self.key_file(service)}", f"--warren.curve_allow={allowed}"]

    def run(self, service, *more, name=None, inside=()):
        """Start one service; more flags win over the node's."""
        name = name or service
        p = net.Process([*inside, net.WARREN, "start", service, "--home", self.home, *self.flags, *self.own_flags(service), *more],
                        os.path.join(self.dir, name))
        self.running[name] = p
        return p

    def start_all(self):
        for s in SERVICES:
            self.run(s)
        if not net.wait_until(lambda: self.rpc.height() >= 1, 60):
            raise RuntimeError("no first block:\n" + "".join(p.text()[-1500:] for p in self.running.values()))
        return self
