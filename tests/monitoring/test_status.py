#!/usr/bin/env python3
"""Each service by itself, with a status port: probes, metrics, `warren health`."""
import json
import re
import shutil
import signal
import subprocess

from apart import Apart, net


def new_node():
    node = net.Node()
    return Apart(node.home, node.flags[1:]), node


def health(n, service, *flags):
    code, out, err = net.warren("health", n.flag(service), *flags, home=n.home, check_code=False)
    return code, out + err


def helps(text, service):
    """Every metric says what it is, and its unit; every series has the chain's id."""
    names = set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, words = line[7:].split(" ", 1)
            names.add(name)
            unit = re.search(r"\. Unit: ([^.]+)\.$", words)
            net.check(unit and len(words.split(" Unit: ")[0]) > 8, f"{service}: {line}")
            for end, its in (("_seconds", "seconds"), ("_seconds_total", "seconds"), ("_bytes", "bytes"), ("_bytes_total", "bytes")):
                if name.endswith(end) and name != "cometbft_p2p_peer_pending_send_bytes":
                    net.check(unit and unit[1].startswith(its), f"{service}: {name} is in {its}: {line}")
        elif not line.startswith("#"):
            name = re.sub(r"_(bucket|sum|count)$", "", line.split("{")[0])
            net.check({name, line.split("{")[0]} & names, f"{service}: a help text before {line}")
            net.check(re.search(r'\{chain_id="[^"]+"', line), f"{service}: the chain's id: {line}")


def lint(text, service):
    """promtool's rules for names; CometBFT's are what they are."""
    if shutil.which("promtool"):
        r = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        ours = [line for line in (r.stdout + r.stderr).splitlines() if not line.startswith("cometbft_")]
        net.check_eq(ours, [], f"{service}: promtool check metrics")


def status_ports():
    n, node = new_node()
    n.start()
    for s in n.services:
        net.check(net.wait_until(lambda: n.get(s, "/readyz")[0] == 200), f"{s} becomes ready")
        net.check_eq(n.get(s, "/livez"), (200, '{"live":true}\n'), f"{s} is live")
        net.check_eq(health(n, s)[0], 0, f"warren health finds {s} alive")
        net.check_eq(health(n, s, "--ready")[0], 0, "and ready")
    net.check(node.wait_height(2), "and together they make blocks")
    for s in n.services:
        status, text = n.get(s, "/metrics")
        net.check(status == 200 and f'service="{s}"' in text, f"{s} has metrics of its own")
        helps(text, s)
        lint(text, s)
    status, text = n.get("consensus", "/signer/metrics")
    net.check(status == 200 and 'service="signer"' in text, "consensus's port has the signer's metrics")
    net.check_eq(n.get("consensus", "/signer/readyz")[0], 200, "and its readiness")
    net.check_eq(n.get("store", "/signer/metrics")[0], 404, "no other's has")
    net.check_eq(net.warren("health", f"--rpc.laddr=tcp://127.0.0.1:{node.rpc_port}", "--ready", home=n.home,
                            check_code=False)[:2], (0, f"{'ready':18} yes\n"), "without a status port the node is asked")
    n.process["signer"].stop(signal.SIGKILL)
    n.process["store"].stop(signal.SIGKILL)
    net.check(net.wait_until(lambda: {"signer", "store"} <= {
        r["reason"].split(":")[0] for r in json.loads(n.get("consensus", "/readyz")[1])["reasons"]}), "consensus misses them and says so")
    net.check_eq(health(n, "consensus")[0], 0, "it is still alive")
    code, text = health(n, "consensus", "--ready")
    net.check(code == 1 and "not ready" in text and "store" in text, f"not ready is 1 with the reason: {text}")
    net.check_eq(n.get("consensus", "/signer/readyz")[0], 503, "the signer is not ready")
    net.check_eq(n.get("consensus", "/signer/metrics")[0], 503, "and has no metrics")
    code, text = health(n, "signer")
    net.check(code == 1 and "does it run" in text, f"who is gone is not alive: {text}")


def one_address_cannot_serve_all():
    n, _ = new_node()
    code, _, err = net.warren("start", n.flag("api"), *n.flags, home=n.home, check_code=False)
    net.check_eq(code, 3, "a configuration error")
    net.check("warren.status_laddr" in err and "warren start SERVICE" in err, f"that says what to do: {err}")


def restarts_are_counted():
    node = net.Node()
    node.start("--instrumentation.prometheus=true", f"--instrumentation.prometheus_listen_addr=127.0.0.1:{node.prom_port}")
    page = lambda: net.Rpc(node.prom_port).raw("GET", "/metrics")[2].decode()  # noqa: E731
    count = lambda s: re.search(rf'warren_process_restarts_total{{[^}}]*service="{s}"}} (\d+)', page())  # noqa: E731
    net.check_eq(count("mempool")[1], "0", "no restarts yet")
    node.kill("mempool")
    net.check(net.wait_until(lambda: count("mempool") and count("mempool")[1] == "1"), "one that was killed counts one")
    net.check_eq(count("store")[1], "0", "the others none")
    helps(page(), "the page of all")
    lint(page(), "the page of all")
    net.check("warren_process_resident_memory_bytes" in page() and 'service="api"' in page(), "the api is on it too")


if not shutil.which("promtool"):
    net.skip("promtool is not installed (Debian: prometheus): names were not checked")
net.run(status_ports, one_address_cannot_serve_all, restarts_are_counted)
