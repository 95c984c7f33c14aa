#!/usr/bin/env python3
"""The units under a real systemd, process 1 of a container: a node started by
its target commits, each service killed comes back by itself, keys are seen by
their owners alone, and stopping is quick and orderly."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import net  # noqa: E402

SERVICES = ("store", "ledger", "signer", "consensus", "mempool", "p2p", "api")
IMAGE = "warren-test-systemd"
RECIPE = """FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends systemd dbus curl util-linux libzmq5 libprotobuf-c1 libsodium23 \\
    libsecp256k1-1 liblmdb0 libevent-core-2.1-7 libevent-extra-2.1-7 libjansson4 libssl3 libzstd1
"""
HOME = "/var/lib/warren/main"


def docker(*args, text=None):
    r = subprocess.run(["docker", *args], capture_output=True, text=True, input=text)
    return r.returncode, (r.stdout + r.stderr).strip()


def machine():
    """A name of a container with systemd running, or why there is none."""
    if not net.shutil.which("docker") or docker("info")[0]:
        return None, "no container engine answers (DOCKER_HOST?)"
    code, out = docker("build", "-q", "-t", IMAGE, "-", text=RECIPE)
    if code:
        return None, f"an image with systemd cannot be built: {out[-300:]}"
    root, name = net.tempdir(), f"warren-test-systemd-{os.getpid()}"
    subprocess.run(["make", "-s", "-C", net.ROOT, "install", "PREFIX=/usr", f"DESTDIR={root}"], check=True, capture_output=True)
    os.chmod(root, 0o755)
    net.at_stop(lambda: docker("rm", "-f", "-v", name))
    code, out = docker("run", "-d", "--name", name, "--network", "none", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE", "--cap-add", "NET_ADMIN",
                       "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--security-opt", "systempaths=unconfined",
                       "--cgroupns", "host", "-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs", "/run", "--tmpfs", "/run/lock", "-v", f"{root}:/package:ro",
                       "-e", "container=docker", IMAGE, "sh", "-c", "mount --make-rshared / && exec /lib/systemd/systemd")
    if code:
        return None, f"a container with the rights that systemd needs cannot be run: {out[-300:]}"
    up = ["exec", name, "systemctl", "is-system-running"]
    if not net.wait_until(lambda: docker(*up)[1] in ("running", "degraded"), 60, 0.5):
        return None, "systemd does not come up in a container here"
    return name, None


class Machine:
    def __init__(self, name):
        self.name = name

    def sh(self, script, user=None):
        return docker("exec", *(["-u", user] if user else []), self.name, "sh", "-c", script)

    def status(self):
        code, out = self.sh("curl -sf -m 5 localhost:26657/status")
        return json.loads(out)["result"]["sync_info"] if code == 0 else {}

    def height(self):
        return int(self.status().get("latest_block_height", 0))

    def commits(self, what):
        h = self.height()
        net.check(net.wait_until(lambda: self.height() >= h + 2, 60, 0.3), f"{what}: it commits\n{self.sh('journalctl -n 30 --no-pager')[1]}")

    def pid(self, service):
        return self.sh(f"systemctl show -p MainPID --value warren-{service}@main")[1]


def service_by_service(m):
    code, out = m.sh("systemctl start warren@main.target")
    net.check_eq(code, 0, f"the target starts: {out}")
    m.commits("started by the target")
    for s in SERVICES:
        before = m.pid(s)
        m.sh(f"systemctl kill -s KILL warren-{s}@main")
        net.check(net.wait_until(lambda: m.pid(s) not in ("0", before), 30, 0.2), f"{s} is started again")
        m.commits(f"{s} killed")
    net.check(net.wait_until(lambda: m.sh("curl -sf -m 5 localhost:26657/readyz")[0] == 0, 30, 0.3), "and is ready")
    for s in SERVICES:
        net.check_eq(m.sh(f"systemctl show -p StatusText --value warren-{s}@main")[1], "ready", f"what {s} says of itself")


def keys_are_their_owners(m):
    for s in SERVICES:
        for owner, key in (("signer", "priv_validator_key.json"), ("p2p", "node_key.json")):
            inside = f"nsenter -t {m.pid(s)} -m -- setpriv --reuid warren --regid warren --clear-groups"
            code, out = m.sh(f"{inside} cat {HOME}/config/{key} /run/credentials/*/{key}")
            net.check_eq("priv_key" in out, s == owner, f"{s} sees {key}: {code}")
        code, out = m.sh(f"{inside} touch /usr/x /etc/x {HOME}/config/genesis.json")
        net.check("Read-only file system" in out or "Permission denied" in out, f"{s} writes where it must not: {out}")
    m.sh(f"chown root:root {HOME}/config/*key.json")
    m.sh("systemctl restart warren-signer@main warren-p2p@main")
    m.commits("keys that belong to root alone")
    m.sh(f"chown warren:warren {HOME}/config/*key.json")


def hung_ones_are_ended(m):
    m.sh("mkdir -p /run/systemd/system/warren-mempool@.service.d && "
         "printf '[Service]\\nWatchdogSec=2s\\n' > /run/systemd/system/warren-mempool@.service.d/short.conf && systemctl daemon-reload && "
         "systemctl restart warren-mempool@main")
    before = m.pid("mempool")
    time.sleep(5)
    net.check_eq(m.pid("mempool"), before, "a watchdog of two seconds is fed")
    m.sh(f"kill -STOP {before}")
    net.check(net.wait_until(lambda: m.pid("mempool") not in ("0", before), 60, 0.3), "a process that hangs is ended and started again")
    m.commits("after a hung process")


def stops(m):
    began = time.monotonic()
    m.sh("systemctl stop warren@main.target")
    left = "systemctl --no-legend list-units --state=active,activating,deactivating 'warren-*'"
    net.check(net.wait_until(lambda: m.sh(left)[1] == "", 30, 0.2), f"stopping the target stops all: {m.sh(left)[1]}")
    print(f"the target stopped in {time.monotonic() - began:.1f} s", flush=True)
    for s in SERVICES:
        net.check_eq(m.sh(f"systemctl show -p ExecMainStatus --value warren-{s}@main")[1], "0", f"{s} ended on SIGTERM")


def one_tree(m):
    code, out = m.sh("systemctl start warren-node@main")
    net.check_eq(code, 0, f"the tree starts: {out}")
    m.commits("one tree")
    m.sh("systemctl kill -s KILL --kill-who=main warren-node@main")
    m.commits("its supervisor killed")
    m.sh("systemctl start warren@main.target")
    net.check(net.wait_until(lambda: m.sh("systemctl is-active warren-node@main")[1] == "inactive", 30, 0.3), "the target takes its place")
    m.commits("service by service again")
    m.sh("systemctl start warren-node@main")
    m.commits("and one tree again")
    m.sh("systemctl stop warren-node@main")
    ends = m.sh("journalctl --no-pager -o cat -u warren-node@main | tail -n 40")[1]
    order = [ends.rfind(f" {s} ") for s in ("api", "p2p", "mempool", "consensus", "signer", "store")]
    net.check(min(order) >= 0 and order == sorted(order), f"the tree stops in order: {ends[-1500:]}")


def under_systemd():
    name, why = machine()
    if not name:
        net.skip(f"no systemd to run the units under: {why}")
        return
    m = Machine(name)
    code, out = m.sh("cp -r /package/usr/. /usr/ && systemd-sysusers && systemd-tmpfiles --create warren.conf && systemctl daemon-reload && "
                     f"runuser -u warren -- warren init --home {HOME}")
    net.check_eq(code, 0, f"installed as docs/operations.md says: {out}")
    service_by_service(m)
    keys_are_their_owners(m)
    hung_ones_are_ended(m)
    stops(m)
    one_tree(m)


if __name__ == "__main__":
    net.run(under_systemd)
