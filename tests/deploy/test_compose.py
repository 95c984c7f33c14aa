#!/usr/bin/python3
"""Four organisations in containers: what each may see, write and reach; and
every fault under load, with a count of what was acknowledged.

WARREN_DEPLOY sets how often each fault is done (1; `make deploy-campaign`
takes 5; with 0 it only looks), WARREN_ORGS how many organisations there are.
"""
import asyncio
import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import net  # noqa: E402
from deployment import KINDS, ORGS, Clock, Deployment, make_images, next_image  # noqa: E402
from engine import Engine, lacking  # noqa: E402
from test_kill import LedgerLoad, all_txs  # noqa: E402

SIGN = os.path.join(net.BUILD, "tests", "bench", "sign")
ROUNDS = int(os.environ.get("WARREN_DEPLOY", "1"))
# How long docker waits for a service that was told to stop.
GRACE = 10
GUARD = 5555
VOLUME = {"consensus", "mempool", "p2p", "store", "ledger", "signer"}
# Ports without keys, and whose business they are.
PRIVATE = {("ledger", 26658): {"consensus", "mempool", "api"}, ("consensus", 26659): {"signer"}}
OWN_KEYS = {"signer": ["validator_key"], "p2p": ["node_key"]}


class OrgLoad(LedgerLoad):
    """One organisation's records, by way of its ingress."""

    PAUSE = 0.05

    def __init__(self, org, number, chain):
        r = subprocess.run([SIGN, os.path.join(org.home, "keys", "admin.json"), chain, str(6000 * ROUNDS), "20", str(number)],
                           capture_output=True, text=True, check=True)
        self.signed = [base64.b64decode(line) for line in r.stdout.split()]
        super(LedgerLoad, self).__init__(org)

    def try_once(self, tx, to_the_end):
        """That it exists already is no promise here: the ingress may have
        asked twice, and the first try may come to nothing."""
        time.sleep(self.PAUSE)
        seen = self.total()
        return super().try_once(tx, to_the_end) and (self.total() > seen or self.is_known(tx))

    def total(self):
        return len(self.acked) + len(self.committed)

    def goes_on(self, what, by=5, seconds=60):
        seen = self.total()
        return net.check(net.wait_until(lambda: self.total() >= seen + by, seconds, 0.05), f"{what}: {self.node.name} acknowledges more than {seen}")


# ---- what is written down ----

def the_file(d):
    """What the compose file promises of each service."""
    config = d.config()
    net.check(d.engine.run("docker-compose", "-f", os.path.join(net.ROOT, "compose", "docker-compose.yml"), "config", "-q",
                           check=False).returncode == 0, "docker-compose takes the file as it is")
    for name, s in config["services"].items():
        if not name.startswith("org"):
            continue
        net.check("depends_on" not in s, f"{name} waits for nobody")
        net.check(s.get("restart") == "unless-stopped", f"{name} is started again")
        net.check(bool(s.get("mem_limit")) and bool(s.get("pids_limit")), f"{name} has limits")
        kind = name.split("-", 1)[1]
        ports = [str(p) for p in s.get("ports", [])]
        net.check_eq(bool(ports), kind in ("ingress", "p2p"), f"{name} is published: {ports}")
    services = {f"{o.name}-{k}" for o in d.orgs for k in KINDS}
    net.check_eq(sorted(services - set(config["services"])), [], "services that are missing")


def all_secrets(d):
    """{org-name: its key's forms in hex}"""
    out = {}
    for o in d.orgs:
        for name in sorted(os.listdir(os.path.join(o.home, "secrets"))):
            out[f"{o.name}-{name}"] = [k.hex() for k in o.key(os.path.join("secrets", name))]
        out[f"{o.name}-admin"] = [k.hex() for k in o.key(os.path.join("keys", "admin.json"))]
    return out


def service_of(container):
    """(organisation, kind)"""
    return container["Config"]["Labels"]["com.docker.compose.service"].split("-", 1)


def rights(d):
    """What is inside each container, seen from inside; the ports it opens."""
    secrets, images, ports = all_secrets(d), set(), {}
    for name, c in d.inspect().items():
        org, kind = service_of(c)
        seen = d.inside(name, {"secrets": secrets, "image": c["Image"] not in images}, c["State"]["Pid"])
        images.add(c["Image"])
        ports[name] = seen["listening"]
        own = {f"{org}-{k}" for k in OWN_KEYS.get(kind, []) + ([f"curve-{kind}"] if kind != "ingress" else [])}
        net.check_eq(set(seen["secrets"]), own, f"{name}: keys in its files {seen['secrets']}")
        net.check_eq(seen["environment"], [], f"{name}: keys in its environment")
        net.check_eq(seen["writable"], ["/warren/data"] if kind in VOLUME else [], f"{name}: what it may write")
        net.check("0" not in seen["uid"] + seen["gid"] + seen["groups"], f"{name}: not root: {seen['uid']} {seen['gid']} {seen['groups']}")
        net.check(all(int(v, 16) == 0 for v in seen["capabilities"].values()), f"{name}: no capabilities: {seen['capabilities']}")
        net.check(not seen["new_privileges"] and seen["seccomp"] == "2", f"{name}: gains no privileges")
        net.check(c["HostConfig"]["ReadonlyRootfs"] and not c["HostConfig"]["Privileged"], f"{name}: read-only root")
    ways(d, ports)


def ways(d, ports):
    """Who reaches whom: by trying, from everything of one organisation and
    from the most exposed of another."""
    all_of_them = d.inspect()
    targets = {(network["IPAddress"], p): n for n, c in all_of_them.items()
               for network in c["NetworkSettings"]["Networks"].values() for p in ports[n]}
    targets.update({(g, GUARD): "the machine" for g in gateways(d)})
    with socket.socket() as guard:  # a program of this machine, for all to see
        guard.bind(("0.0.0.0", GUARD))
        guard.listen(100)
        for n, c in all_of_them.items():
            org, kind = service_of(c)
            if org == "org1" or f"{org}-{kind}" in ("org2-p2p", "org3-ingress", "org4-signer"):
                reached = d.inside(n, {"connect": [list(t) for t in targets if targets[t] != n]}, c["State"]["Pid"])
                by_name = {}
                for ip, port in reached:
                    by_name.setdefault(targets[(ip, port)], set()).add(port)
                check_ways(n, org, kind, {t: sorted(p) for t, p in by_name.items()}, all_of_them)


def gateways(d):
    """This machine's addresses on the networks of the containers."""
    nets = json.loads(d.engine.docker("network", "inspect", *d.engine.docker("network", "ls", "-q", "--filter", "driver=bridge").split()))
    return {pool.get("Gateway", pool["Subnet"].rsplit(".", 1)[0] + ".1").split("/")[0] for n in nets for pool in n["IPAM"]["Config"]}


def check_ways(name, org, kind, reached, containers):
    print(f"  {name}: " + ", ".join(f"{t.replace('warrentest_', '')} {p}" for t, p in sorted(reached.items())), flush=True)
    where = {t: service_of(containers[t]) for t in reached if t in containers}
    foreign = {k for o, k in where.values() if o != org}
    mine = {k for o, k in where.values() if o == org}
    net.check_eq(foreign, {"p2p"} if kind == "p2p" else set(), f"{name} reaches of other organisations")
    if kind == "p2p":
        net.check_eq([reached[t] for t, (o, _) in where.items() if o != org], [[26656]] * (len(ORGS) - 1), f"{name} reaches of each of the others")
    for t, (_, what) in where.items():
        for port in reached[t]:
            net.check(kind in PRIVATE.get((what, port), {kind}), f"{name} does not reach port {port} of {t}")
    if kind in ("signer", "ingress"):
        net.check_eq(mine, {"signer": {"consensus"}, "ingress": {"api"}}[kind], f"{name} reaches")
    net.check("signer" not in mine or kind == "consensus", f"{name} does not reach the signer")
    # Only who must get out has a way to the machine below.
    net.check("the machine" not in reached or kind in ("p2p", "ingress"), f"{name} does not reach the machine it runs on")


def ports(d):
    """What can be reached from outside."""
    for n, c in d.inspect().items():
        _, kind = service_of(c)
        bound = {port: {b["HostIp"] for b in bindings} for port, bindings in c["NetworkSettings"]["Ports"].items() if bindings}
        want = {"ingress": {"26657/tcp": {"127.0.0.1"}}, "p2p": {"26656/tcp": {"0.0.0.0"}}}.get(kind, {})
        for addresses in bound.values():
            addresses.discard("::")
        net.check_eq(bound, want, f"{n}: published")


def watched(d):
    """Prometheus finds every service of every organisation, each replica too."""
    d.compose("--profile", "prometheus", "up", "-d", "--no-build", "prometheus")
    prometheus = net.Rpc(9090)
    wanted = {f"{o.name} {s}": 2 if s == "api" else 1 for o in d.orgs for s in KINDS if s != "ingress"}
    seen = {}

    def all_up():
        try:
            _, _, body = prometheus.raw("GET", "/api/v1/query?query=sum%20by%20(org,service)%20(up)")
        except OSError:
            return False
        result = json.loads(body)["data"]["result"]
        seen.update({f"{r['metric']['org']} {r['metric']['service']}": int(r["value"][1]) for r in result})
        return seen == wanted

    net.check(net.wait_until(all_up, 60, 0.5), f"targets that are up: {seen}")
    [name] = d.names("prometheus")
    c = d.inspect(name)[name]
    inside = d.inside(name, {"secrets": all_secrets(d), "image": False}, c["State"]["Pid"])
    net.check_eq((inside["secrets"], inside["environment"], inside["writable"]), ({}, [], ["/prometheus"]), f"{name}: keys, and what it may write")
    net.check("0" not in inside["uid"] + inside["gid"] and all(int(v, 16) == 0 for v in inside["capabilities"].values()), f"{name}: not root")
    d.compose("--profile", "prometheus", "rm", "-s", "-f", "-v", "prometheus")


# ---- faults ----

def others(d, org):
    return [o for o in d.orgs if o is not org]


def signs(org, seen_by):
    """Is the organisation's signature in the last block?"""
    with open(os.path.join(org.home, "secrets", "validator_key")) as f:
        address = json.load(f)["address"]
    commit = seen_by.rpc.call("commit")["signed_header"]["commit"]
    return any(s["validator_address"] == address and s["block_id_flag"] == 2 for s in commit["signatures"])


def each(d, turn):
    """(organisation, kind, container), another organisation for each."""
    for i, kind in enumerate(KINDS):
        org = d.orgs[(i + turn) % len(d.orgs)]
        yield org, kind, d.names(f"{org.name}-{kind}")[0]


def killed(d, loads, turn):
    """docker kill, and a while without it."""
    for org, kind, name in each(d, turn):
        with d.only(f"docker kill {name}", name):
            d.engine.docker("kill", name)
            net.check(others(d, org)[0].moves(), f"the others commit without {name}")
            if kind in ("consensus", "signer"):
                net.check(net.wait_until(lambda: not signs(org, others(d, org)[0])), f"they do so without {org.name}'s signature")
            if kind == "api":
                loads[org.name].goes_on(f"{name} is gone")
            d.engine.docker("start", name)
            d.whole(f"{name} was killed")
            loads[org.name].goes_on(f"{name} was killed")


def of_one(d, turn):
    """(organisation, {its container: kind})"""
    org = d.orgs[turn % len(d.orgs)]
    return org, {n: k for k in KINDS for n in d.names(f"{org.name}-{k}")}


def crashed(d, loads, turn):
    """Every process of an organisation ends by itself: the engine starts each
    again, once."""
    org, names = of_one(d, turn + 1)
    before = {n: c["RestartCount"] for n, c in d.inspect(*names).items()}
    with d.only(f"crashes at {org.name}", *names):
        for n in names:
            d.kill_process(n)
        net.check(net.wait_until(lambda: all(c["RestartCount"] > before[n] for n, c in d.inspect(*names).items()), 30, 0.2), "all are started again")
        d.whole(f"crashes at {org.name}")
        loads[org.name].goes_on(f"crashes at {org.name}")
    again = {n: c["RestartCount"] - before[n] for n, c in d.inspect(*names).items()}
    net.check_eq({n: k for n, k in again.items() if k != 1}, {}, "started more than once")


def stopped(d, loads, turn):
    """SIGTERM to each service of an organisation: it ends, and all is well."""
    org, names = of_one(d, turn + 2)
    began = time.time()
    with d.only(f"{org.name} is stopped", *names):
        for n, kind in names.items():
            d.engine.docker("stop", "-t", str(GRACE), n)
            # Ours end by themselves; HAProxy may say that a signal ended it.
            code = d.inspect(n)[n]["State"]["ExitCode"]
            net.check(code == 0 or (code == 143 and kind == "ingress"), f"{n}: ends with {code} after SIGTERM: {d.logs(n, 3)}")
        took = {names[n]: seconds for n, seconds in d.dying(began).items() if n in names}
        d.engine.docker("start", *names)
        d.whole(f"{org.name} was stopped")
        loads[org.name].goes_on(f"{org.name} was stopped")
    print("  seconds from SIGTERM to the end: " + ", ".join(f"{k} {t:.2f}" for k, t in took.items()), flush=True)


def servers_up(d, org):
    """Replicas of api that the ingress sends requests to."""
    name = f"{org.name}-ingress"
    _, text = d.inside(d.names(name)[0], {"get": [26660, "/metrics"]})
    return sum(line.startswith("haproxy_server_status{") and 'proxy="api"' in line and 'state="UP"' in line and line.endswith(" 1") for line in text.splitlines())


class Followers:
    """Clients that are told of every block, and come again when their
    connection ends: somebody else's WebSocket library."""

    def __init__(self, org, count):
        self.port, self.heights, self.opened = org.port, [0] * count, [0] * count
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.tasks = [self.loop.create_task(self.follow(i)) for i in range(len(self.heights))]
        with contextlib.suppress(asyncio.CancelledError):
            self.loop.run_until_complete(asyncio.gather(*self.tasks))
        self.loop.run_until_complete(asyncio.gather(*self.tasks, return_exceptions=True))
        self.loop.close()

    async def follow(self, i):
        import websockets  # lacking() has seen to it
        while True:
            with contextlib.suppress(OSError, asyncio.TimeoutError, websockets.WebSocketException):
                async with websockets.connect(f"ws://127.0.0.1:{self.port}/websocket", open_timeout=5) as c:
                    self.opened[i] += 1
                    await c.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {"query": "tm.event='NewBlockHeader'"}}))
                    async for text in c:
                        data = json.loads(text)["result"].get("data")
                        if data:
                            self.heights[i] = int(data["value"]["header"]["height"])
            await asyncio.sleep(0.2)

    def hear(self, what, above):
        """All are told of a block above a height."""
        net.check(net.wait_until(lambda: min(self.heights) > above, 60), f"{what}: who subscribed hears of blocks above {above}: {self.heights}")

    def end(self):
        for t in self.tasks:
            self.loop.call_soon_threadsafe(t.cancel)
        self.thread.join()


def scaled(d, loads, turn):
    """A third api: the ingress finds it, and lets go of one that is dead, with
    those who subscribed there."""
    org = d.orgs[turn % len(d.orgs)]
    service = f"{org.name}-api"
    with d.only(f"scaling {service}", *d.names(service)):
        d.up("--no-deps", "--no-recreate", "--scale", f"{service}=3", service)
        net.check_eq(len(d.names(service)), 3, "replicas")
        net.check(net.wait_until(lambda: servers_up(d, org) == 3, 60, 0.3), f"the ingress has {servers_up(d, org)} of 3 replicas")
        clients = Followers(org, 6)
        clients.hear("three replicas", 0)
        for victim in d.names(service)[:2]:
            d.engine.docker("kill", victim)
            loads[org.name].goes_on(f"{victim} of three is gone", by=10)
            clients.hear(f"{victim} of three is gone", max(clients.heights) + 1)
        clients.end()
        net.check(sum(clients.opened) > 6, f"those of the dead came again: {clients.opened}")
        net.check(net.wait_until(lambda: servers_up(d, org) == 1, 60, 0.3), f"the ingress has {servers_up(d, org)} replicas, and one is alive")
        d.up("--no-deps", "--no-recreate", "--scale", f"{service}=2", service)
        net.check(net.wait_until(lambda: servers_up(d, org) == 2, 60, 0.3), "two again")


def rolled(d, loads, turn):
    """An upgrade, one service after the other: of one organisation with a look
    at each; in the campaign then of the others."""
    first = d.orgs[turn % len(d.orgs)]
    old, d.image = d.image, f"{d.image.split(':')[0]}:{turn + 2}"
    next_image(d.engine, old, d.image)
    for kind in KINDS:
        service = f"{first.name}-{kind}"
        with d.only(f"an upgrade of {service}", *d.names(service)):
            d.up("--no-deps", service)
            net.check(all(c["Config"]["Image"].startswith(d.image) for c in d.inspect(*d.names(service)).values()), f"{service} runs the new image")
            d.whole(f"{service} was upgraded")
            loads[first.name].goes_on(f"{service} was upgraded")
    for org in others(d, first) if ROUNDS > 1 else []:
        services = [f"{org.name}-{k}" for k in KINDS]
        with d.only(f"an upgrade of {org.name}", *d.names(*services)):
            for service in services:
                d.up("--no-deps", service)
            d.whole(f"{org.name} was upgraded")
            loads[org.name].goes_on(f"{org.name} was upgraded")


def parted(d, loads, turn):
    """One organisation is cut off, and comes back."""
    org = d.orgs[(turn + 3) % len(d.orgs)]
    [name], network = d.names(f"{org.name}-p2p"), next(n for n in d.engine.docker("network", "ls", "--format", "{{.Name}}").split() if n.endswith("_p2p"))
    with d.only(f"a partition of {org.name}"):
        d.engine.docker("network", "disconnect", network, name)
        stuck = []

        def stands_still():
            stuck.append(org.height())
            return len(stuck) > 30 and stuck[-1] == stuck[-30]

        net.check(net.wait_until(stands_still, 60, 0.1), f"{org.name} alone decides nothing: {stuck[-30:]}")
        net.check(others(d, org)[0].moves(5), "the others go on")
        net.check(not signs(org, others(d, org)[0]), f"without {org.name}")
        d.engine.docker("network", "connect", "--alias", f"{org.name}-p2p", network, name)
        d.whole(f"{org.name} was cut off")
        loads[org.name].goes_on(f"{org.name} was cut off")


def power_cut(d, loads, turn):
    """Everything at once, and everything again."""
    names = d.names()
    d.engine.docker("kill", *names)
    d.up("--no-recreate")
    net.check(d.wait_running(names), "all run again")
    d.whole("all were killed at once", 120)
    for load in loads.values():
        load.goes_on("all were killed at once", seconds=120)


# ---- the account ----

def account(d, loads):
    """Everything acknowledged is there once, and all agree."""
    for load in loads.values():
        load.end()
    seen_by = d.orgs[0]
    net.check(net.wait_until(lambda: all(int(o.rpc.call("num_unconfirmed_txs")["total"]) == 0 for o in d.orgs), 120, 0.2), "all that waited is in blocks")
    height = seen_by.height()
    seen = all_txs(seen_by.rpc, height)
    total = lost = 0
    for name, load in loads.items():
        missing = [t for t in load.acked + load.committed if t not in seen]
        net.check(load.total() > 50 * ROUNDS, f"{name}: acknowledged {load.total()}")
        net.check(load.total() < len(load.signed), f"{name}: writes to the end")
        net.check_eq(missing[:3], [], f"{name}: acknowledged but in no block ({len(missing)})")
        total, lost = total + load.total(), lost + len(missing)
    twice = [t for t, n in seen.items() if n > 1]
    net.check_eq(twice[:3], [], f"in two blocks ({len(twice)})")
    codes = [r["code"] for h in range(1, height + 1) for r in seen_by.rpc.call("block_results", height=str(h))["txs_results"] or []]
    net.check_eq(set(codes), {0}, "each was executed in the order of its sequence")
    print(f"height {height}; {total} acknowledged, of them {sum(len(lo.committed) for lo in loads.values())} told the block; "
          f"{lost} lost, {len(twice)} twice; {sum(seen.values())} in blocks", flush=True)
    blocks = set()
    for o in d.orgs:
        net.check(net.wait_until(lambda o=o: o.height() > height, 60), f"{o.name} goes on")
        block = o.rpc.call("block", height=str(height))
        blocks.add((block["block_id"]["hash"], o.rpc.call("block", height=str(height + 1))["block"]["header"]["app_hash"]))
    net.check_eq(len(blocks), 1, f"one block and one state at height {height}: {blocks}")


def logs(d):
    """No key was ever said."""
    forms = {name: [bytes.fromhex(h) for h in hs] for name, hs in all_secrets(d).items()}
    size = 0
    for top, _, files in os.walk(os.path.join(d.engine.dir, "data", "containers")):
        for f in files:
            if not f.endswith("-json.log") and "-json.log." not in f:
                continue
            with open(os.path.join(top, f), "rb") as log:
                text = log.read()
            size += len(text)
            net.check_eq([n for n, hs in forms.items() if any(h in text for h in hs)], [], f"keys in the log of {f}")
    print(f"  {size >> 10} KiB of logs", flush=True)


def nothing_stays(d):
    d.down()
    why = d.rest()
    net.check_eq(d.names(), [], "containers that stay")
    net.check_eq(d.engine.docker("volume", "ls", "-q").split(), [], "volumes that stay")
    left = [n for n in d.engine.docker("network", "ls", "--format", "{{.Name}}").split() if n not in ("bridge", "host", "none")]
    if left and all(n in why for n in left):
        net.skip(f"the engine counts containers that are gone: {why.strip()}")
    else:
        net.check_eq(left, [], "networks that stay")


FAULTS = (killed, crashed, stopped, scaled, rolled, parted, power_cut)


def step(clock, what, *args):
    """One step that fails does not hide the next."""
    try:
        what(*args)
    except Exception as e:  # noqa: BLE001
        import traceback
        traceback.print_exc()
        net.check(False, f"{what.__name__}: {e}")
    clock(what.__name__)


def under_load(clock, d):
    chain = d.orgs[0].rpc.call("status")["node_info"]["network"]
    loads = {o.name: OrgLoad(o, i, chain) for i, o in enumerate(d.orgs)}
    for turn in range(ROUNDS):
        for fault in FAULTS:
            step(clock, fault, d, loads, turn)
            print(f"           acknowledged {sum(lo.total() for lo in loads.values())}", flush=True)
    step(clock, account, d, loads)


def organisations_in_containers():
    clock, engine = Clock(), Engine()
    net.at_stop(engine.stop)
    why = engine.start()
    if why:
        net.skip(f"four organisations in containers: {why}")
        return
    engine.join()
    clock("an engine")
    make_images(engine, "warren-test:1")
    print(engine.docker("images", "--format", "  {{.Repository}}:{{.Tag}} {{.Size}}", "--filter", "reference=warren-test*"), end="", flush=True)
    clock("the images")
    d = Deployment(engine, "warren-test:1", "--consensus.timeout_commit=300ms")
    d.up()
    clock("up")
    if not net.check(net.wait_until(lambda: all(o.height() >= 2 for o in d.orgs), 180, 0.3), f"{len(ORGS)} organisations commit"):
        for n in d.names():
            print(n, d.logs(n, 5), flush=True)
        return
    clock("blocks")
    for what in (the_file, ports, rights, watched):
        step(clock, what, d)
    net.check(d.wait_healthy(), f"all are healthy: {[(n, c['State'].get('Health', {}).get('Status')) for n, c in d.inspect().items()]}")
    clock("healthy")
    if ROUNDS:
        under_load(clock, d)
    step(clock, logs, d)
    step(clock, nothing_stays, d)


if __name__ == "__main__":
    missing = lacking()
    if missing:
        net.skip(f"four organisations in containers: {missing}")
        net.finish()
    net.run(organisations_in_containers)
