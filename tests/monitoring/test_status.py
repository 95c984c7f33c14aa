#!/usr/bin/env python3
"""Each service by itself, with a status port: probes, metrics, `warren health`."""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import net  # noqa: E402

SERVICES = ("store", "kvstore", "signer", "consensus", "mempool", "p2p", "api")


class Apart:
    """One node whose services are started one by one."""

    def __init__(self):
        self.node = net.Node()
        self.home = self.node.home
        self.port = dict(zip(SERVICES, net.free_ports(len(SERVICES))))
        self.process = {}

    def start(self, service):
        self.process[service] = net.Process(
            [net.WARREN, "start", service, "--home", self.home, *self.node.flags, self.flag(service)],
            os.path.join(self.node.dir, service))

    def flag(self, service):
        return f"--warren.status_laddr=tcp://127.0.0.1:{self.port[service]}"

    def get(self, service, path):
        status, _, body = net.Rpc(self.port[service]).raw("GET", path)
        return status, body.decode()

    def health(self, service, *flags):
        code, out, err = net.warren("health", self.flag(service), *flags, home=self.home, check_code=False)
        return code, out + err


def status_ports():
    n = Apart()
    for s in SERVICES:
        n.start(s)
    for s in SERVICES:
        net.check(net.wait_until(lambda: n.get(s, "/readyz")[0] == 200), f"{s} becomes ready")
        net.check_eq(n.get(s, "/livez"), (200, '{"live":true}\n'), f"{s} is live")
        status, text = n.get(s, "/metrics")
        net.check(status == 200 and f'service="{s}"' in text, f"{s} has metrics of its own")
        net.check_eq(n.health(s)[0], 0, f"warren health finds {s} alive")
        net.check_eq(n.health(s, "--ready")[0], 0, f"and ready")
    net.check(n.node.wait_height(2), "and together they make blocks")
    status, text = n.get("consensus", "/signer/metrics")
    net.check(status == 200 and 'service="signer"' in text, "consensus's port has the signer's metrics")
    net.check_eq(n.get("consensus", "/signer/readyz")[0], 200, "and its readiness")
    net.check_eq(n.get("store", "/signer/metrics")[0], 404, "no other's has")
    net.check_eq(net.warren("health", f"--rpc.laddr=tcp://127.0.0.1:{n.node.rpc_port}", "--ready", home=n.home,
                            check_code=False)[:2], (0, f"{'ready':18} yes\n"), "without a status port the node is asked")
    n.process["signer"].stop(signal.SIGKILL)
    n.process["store"].stop(signal.SIGKILL)
    net.check(net.wait_until(lambda: n.get("consensus", "/readyz")[0] == 503), "consensus misses them")
    reasons = json.loads(n.get("consensus", "/readyz")[1])["reasons"]
    net.check({"signer: ", "store: "} <= {r["reason"].split(" ")[0] + " " for r in reasons}, f"and says so: {reasons}")
    net.check_eq(n.health("consensus")[0], 0, "it is still alive")
    code, text = n.health("consensus", "--ready")
    net.check(code == 1 and "not ready" in text and "store" in text, f"not ready is 1 with the reason: {text}")
    net.check_eq(n.get("consensus", "/signer/readyz")[0], 503, "the signer is not ready")
    net.check_eq(n.get("consensus", "/signer/metrics")[0], 503, "and has no metrics")
    code, text = n.health("signer")
    net.check(code == 1 and "does it run" in text, f"who is gone is not alive: {text}")


def one_address_cannot_serve_all():
    n = Apart()
    code, _, err = net.warren("start", n.flag("api"), *n.node.flags, home=n.home, check_code=False)
    net.check_eq(code, 3, "a configuration error")
    net.check("warren.status_laddr" in err and "warren start SERVICE" in err, f"that says what to do: {err}")


net.run(status_ports, one_address_cannot_serve_all)
