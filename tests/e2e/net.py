"""What the black-box tests stand on: nodes as real processes on loopback.

Every test program ends with "N passed, N failed, N skipped".  Ports are
claimed; processes are ended by the pids that were started here.
"""
import atexit
import base64
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WARREN_BUILD", os.path.join(ROOT, "build", "release"))
WARREN = os.path.join(BUILD, "bin", "warren")
PEERS = os.environ.get("WARREN_PEERS", os.path.expanduser("~/.cache/warren-peers"))

_counts = {"passed": 0, "failed": 0, "skipped": 0}
_live = []
_at_stop = []


def check(ok, what):
    _counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAIL {what}", flush=True)
    return ok


def check_eq(got, want, what):
    return check(got == want, f"{what}: got {got!r}, want {want!r}")


def skip(why):
    _counts["skipped"] += 1
    print(f"SKIP {why}", flush=True)


def finish():
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**_counts), flush=True)
    sys.exit(1 if _counts["failed"] else 0)


def run(*tests):
    """Run test functions; one that raises counts as failed."""
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of atexit: nothing stays
    for t in tests:
        if only not in t.__name__:
            continue
        try:
            t()
        except Exception as e:  # noqa: BLE001 - a test's failure, whatever it is
            import traceback
            traceback.print_exc()
            check(False, f"{t.__name__}: {type(e).__name__}: {e}")
        finally:
            stop_all()
    finish()


def peer(name):
    """Path of a real peer's program, or None."""
    for d in (os.path.join(PEERS, "bin"), os.path.expanduser("~/go/bin")):
        if os.access(os.path.join(d, name), os.X_OK):
            return os.path.join(d, name)
    return shutil.which(name)


_claims = []


def free_base(n):
    """The first of n free ports in a row, below those that the system gives
    out.  They are ours until we end: a name for each ten of them keeps other
    tests away, which may run at the same time."""
    for _ in range(1000):
        base, held = 10 * random.randrange(1000, 3200 - n // 10), []
        try:
            for ten in range(base, base + n, 10):
                held.append(socket.socket(socket.AF_UNIX))
                held[-1].bind(f"\0warren-test-{ten}")
            for port in range(base, base + n):
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as nodes do: past TIME_WAIT
                    s.bind(("127.0.0.1", port))
        except OSError:
            for s in held:
                s.close()
            continue
        _claims.extend(held)
        return base
    raise RuntimeError("no free ports")


def free_ports(n):
    base = free_base(n)
    return list(range(base, base + n))


def tempdir():
    d = tempfile.mkdtemp(prefix="warren-test-")
    atexit.register(shutil.rmtree, d, True)
    return d


def wait_until(fn, seconds=20, every=0.02):
    """True once fn() is true; exceptions count as not yet."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if fn():
                return True
        except (OSError, http.client.HTTPException, ValueError, KeyError, RpcError):
            pass
        time.sleep(every)
    return False


class RpcError(Exception):
    pass


class Rpc:
    def __init__(self, port):
        self.port = port

    def connection(self, timeout):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def raw(self, method, path, body=None, headers=None, timeout=30):
        c = self.connection(timeout)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, dict(r.getheaders()), r.read()
        finally:
            c.close()

    def call(self, method, timeout=30, **params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        _, _, text = self.raw("POST", "/", body, timeout=timeout)
        answer = json.loads(text)
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    def height(self):
        return int(self.call("status")["sync_info"]["latest_block_height"])

    def commit_tx(self, tx, timeout=30):
        return self.call("broadcast_tx_commit", timeout=timeout, tx=base64.b64encode(tx).decode())

    def send_tx(self, tx, timeout=30):
        return self.call("broadcast_tx_sync", timeout=timeout, tx=base64.b64encode(tx).decode())


def children_of(pid):
    """{service name: pid} of the processes that a supervisor runs."""
    out = {}
    for p in os.listdir("/proc"):
        if not p.isdigit():
            continue
        try:
            with open(f"/proc/{p}/stat") as f:
                stat = f.read()
            if int(stat.rsplit(")", 1)[1].split()[1]) != pid:
                continue
            if stat.rsplit(")", 1)[1].split()[0] == "Z":
                continue
            out[os.path.basename(os.readlink(f"/proc/{p}/exe"))] = int(p)
        except (OSError, IndexError, ValueError):
            continue
    return out


class Process:
    def __init__(self, args, log, env=None, cwd=None):
        self.log_path = log
        self.log = open(log, "ab")
        self.p = subprocess.Popen(args, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                  env={**os.environ, **(env or {})}, cwd=cwd)
        _live.append(self)

    @property
    def pid(self):
        return self.p.pid

    def alive(self):
        return self.p.poll() is None

    def stop(self, sig=signal.SIGTERM, seconds=20):
        if self.alive():
            self.p.send_signal(sig)
            try:
                self.p.wait(seconds)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
        self.log.close()
        if self in _live:
            _live.remove(self)
        return self.p.returncode

    def text(self):
        with open(self.log_path, "rb") as f:
            return f.read().decode("utf-8", "replace")


def at_stop(fn):
    """Call fn when a test has ended, after its processes."""
    _at_stop.append(fn)


def stop_all():
    for p in list(_live):
        p.stop(signal.SIGKILL if isinstance(p, Process) else None)
    while _at_stop:
        _at_stop.pop()()


atexit.register(stop_all)


def warren(*args, home=None, check_code=True, input_text=None, timeout=60):
    """Run the command line; returns (code, stdout, stderr)."""
    cmd = [WARREN, *args] + (["--home", home] if home else [])
    r = subprocess.run(cmd, capture_output=True, text=True, input=input_text, timeout=timeout)
    if check_code and r.returncode != 0:
        raise RuntimeError(f"warren {' '.join(args)}: exit {r.returncode}: {r.stdout}{r.stderr}")
    return r.returncode, r.stdout, r.stderr


class Node:
    """One node on loopback, supervised by `warren start`."""

    def __init__(self, app="kvstore", home=None, init=True, fast=True):
        self.dir = tempdir()
        self.home = home or os.path.join(self.dir, "home")
        self.p2p_port, self.rpc_port, self.prom_port = free_ports(3)
        self.rpc = Rpc(self.rpc_port)
        self.app = app
        self.process = None
        self.flags = [f"--proxy_app={app}", f"--rpc.laddr=tcp://127.0.0.1:{self.rpc_port}",
                      f"--p2p.laddr=tcp://127.0.0.1:{self.p2p_port}"]
        if fast:
            self.flags += ["--consensus.timeout_commit=20ms"]
        if init:
            warren("init", home=self.home)

    def start(self, *more, wait=True):
        self.process = Process([WARREN, "start", "--home", self.home, *self.flags, *more],
                               os.path.join(self.dir, "log"))
        if wait and not wait_until(lambda: self.rpc.height() >= 1, 30):
            raise RuntimeError("no first block:\n" + self.process.text()[-4000:])
        return self

    def services(self):
        return children_of(self.process.pid)

    def kill(self, service, sig=signal.SIGKILL):
        os.kill(self.services()[service], sig)

    def stop(self, sig=signal.SIGTERM):
        return self.process.stop(sig)

    def log(self):
        return self.process.text()

    def wait_height(self, h, seconds=30):
        return wait_until(lambda: self.rpc.height() >= h, seconds)


def edit_config(home, table, key, value):
    """Set one key of config.toml, which must be there."""
    path = os.path.join(home, "config", "config.toml")
    with open(path) as f:
        text = f.read()
    head, body = ("", text) if not table else text.split(f"\n[{table}]\n", 1)
    new, n = re.subn(rf"(?m)^{re.escape(key)} = .*$", lambda m: f"{key} = {value}", body, count=1)
    if n != 1:
        raise RuntimeError(f"config.toml has no {table}.{key}")
    with open(path, "w") as f:
        f.write(f"{head}\n[{table}]\n{new}" if table else new)
