#!/usr/bin/env python3
"""A real Prometheus scrapes a real network of four organisations under load:
every expression of every dashboard and alert finds data."""
import glob
import json
import math
import os
import re
import shutil
import threading
import time
import urllib.parse

from apart import Apart, net

MONITORING = os.path.join(net.ROOT, "compose", "monitoring")
SCRAPED_SECONDS = 20


def organisations():
    d = net.tempdir()
    _, out, _ = net.warren("testnet", "--v=4", f"--o={d}/net", f"--base-port={net.free_base(40)}", "--output=json")
    homes = json.loads(out)["homes"]
    return [Apart(h["home"], ["--consensus.timeout_commit=300ms"], "ledger") for h in homes], [
        net.Rpc(int(h["rpc"].rsplit(":", 1)[1])) for h in homes]


def configuration(orgs, path):
    """As compose/monitoring/prometheus.yml, with the addresses of here."""
    jobs = {"warren": ("/metrics", [s for s in orgs[0].services if s != "signer"]), "signer": ("/signer/metrics", ["signer"])}
    c = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "scrape_configs": []}
    for job, (page, services) in jobs.items():
        targets = [{"targets": [f"127.0.0.1:{o.port['consensus' if s == 'signer' else s]}"], "labels": {"org": f"org{i + 1}", "service": s}}
                   for i, o in enumerate(orgs) for s in services]
        c["scrape_configs"].append({"job_name": job, "honor_labels": True, "metrics_path": page, "static_configs": targets})
    with open(path, "w") as f:
        json.dump(c, f)  # which is YAML


def load(org, rpc, stop):
    """Transactions until stop is set, one at a time."""
    port = rpc.port
    for i in range(10000):
        if stop.is_set():
            return
        net.warren("tx", "put", "records", f"k{i}", str(i), "--node", f"http://127.0.0.1:{port}", home=org.home, check_code=False)


def query(prometheus, expression):
    _, _, body = prometheus.raw("GET", "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
    answer = json.loads(body)
    if answer["status"] != "success":
        return answer.get("error")
    return [r["value"][1] for r in answer["data"]["result"]]


def finds_data(prometheus, expression, what):
    values = query(prometheus, expression)
    net.check(isinstance(values, list) and any(not math.isnan(float(v)) for v in values), f"{what}: {expression}: {values}")


def dashboard_expressions():
    for path in sorted(glob.glob(os.path.join(MONITORING, "grafana", "dashboards", "*.json"))):
        with open(path) as f:
            board = json.load(f)
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"{board['title']}: {panel['title']}", re.sub(r"\$(org|service)\b", ".*", target["expr"])


def alert_metrics():
    """Each selector of each alert, without its comparison."""
    with open(os.path.join(MONITORING, "alerts.yml")) as f:
        text = f.read()
    for name, expression in re.findall(r"- alert: (\w+)\n +expr: (>-\n(?: {10}.*\n)+|.*\n)", text):
        for metric in re.findall(r"\b(up|(?:cometbft|warren)_\w+(?:\{[^}]*\})?)", expression):
            yield f"alert {name}", metric


def every_expression_finds_data():
    if not shutil.which("prometheus"):
        net.skip("prometheus is not installed (Debian: prometheus): no dashboard was checked")
        return
    orgs, rpcs = organisations()
    for o in orgs:
        o.start()
    net.check(net.wait_until(lambda: all(r.height() >= 2 for r in rpcs), 60), "four organisations make blocks")
    d = net.tempdir()
    configuration(orgs, os.path.join(d, "prometheus.yml"))
    port, = net.free_ports(1)
    prometheus = net.Rpc(port)
    net.Process(["prometheus", f"--config.file={d}/prometheus.yml", f"--storage.tsdb.path={d}/data", f"--web.listen-address=127.0.0.1:{port}",
                 "--log.level=warn"], os.path.join(d, "log"))
    stop = threading.Event()
    sender = threading.Thread(target=load, args=(orgs[0], rpcs[0], stop))
    sender.start()
    try:
        net.check(net.wait_until(lambda: len(query(prometheus, "up == 1")) == 28, 30), "Prometheus reaches all 28 services")
        time.sleep(SCRAPED_SECONDS)
    finally:
        stop.set()
        sender.join()
    for what, expression in list(dashboard_expressions()) + list(alert_metrics()):
        finds_data(prometheus, expression, what)
    for metric in ("cometbft_consensus_total_txs", "warren_consensus_signer_seconds_count", "warren_fsync_seconds_count"):
        net.check(any(float(v) > 0 for v in query(prometheus, metric)), f"{metric} counts")


net.run(every_expression_finds_data)
