"""A Docker engine of the tests' own.

It runs in namespaces of its own (network, mounts, processes), so that nothing
of another engine on this machine is touched, published ports are free, and all
of it ends with one process.  join() puts the caller on its network; where no
such engine can be started, lacking() says why.
"""
import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time

import net

CLONE_NEWNET = 0x40000000
PROGRAMS = ("dockerd", "docker", "docker-compose", "haproxy", "prometheus", "unshare")
_libc = ctypes.CDLL(None, use_errno=True)


def lacking():
    """Why there can be no engine here, or None."""
    if os.geteuid() != 0:
        return "a Docker engine of its own needs root"
    if not all(map(shutil.which, PROGRAMS)) or not importlib.util.find_spec("websockets"):
        r = subprocess.run([os.path.join(net.ROOT, "tools", "deps"), "deploy"], capture_output=True, text=True)
        if r.returncode:
            return f"docker.io, docker-compose, haproxy, prometheus and python3-websockets cannot be installed: {r.stderr.strip()[-300:]}"
    missing = [p for p in PROGRAMS if not shutil.which(p)]
    return f"no program {', '.join(missing)}" if missing else None


def child(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return int(f.read().split()[0])


class Engine:
    """One dockerd; stop() ends it and all that it runs."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="warren-engine-")
        self.socket = f"unix://{self.dir}/docker.sock"
        self.cgroup = f"/{os.path.basename(self.dir)}"
        self.log = open(os.path.join(self.dir, "log"), "ab")
        daemon = ["dockerd", "--host", self.socket, "--data-root", f"{self.dir}/data", "--exec-root", f"{self.dir}/exec",
                  "--pidfile", f"{self.dir}/pid", "--cgroup-parent", self.cgroup, "--log-level", "warn",
                  "--default-address-pool", "base=10.64.0.0/12,size=24"]
        self.p = subprocess.Popen(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
                                   'ip link set lo up && "$@" & wait', "sh", *daemon],
                                  stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        net.atexit.register(self.stop)

    def start(self, seconds=60):
        """None once it answers, or why it does not."""
        end = time.monotonic() + seconds
        while self.p.poll() is None and time.monotonic() < end:
            if self.run("docker", "version", check=False).returncode == 0:
                return None
            time.sleep(0.1)
        with open(self.log.name) as f:
            return f"dockerd does not start: {f.read().strip()[-400:]}"

    def join(self):
        """Put this thread, and those it starts, on the engine's network."""
        with open(f"/proc/{child(self.p.pid)}/ns/net") as f:
            if _libc.setns(f.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def run(self, *args, check=True, timeout=300, env=None, **more):
        """A program that talks to this engine."""
        r = subprocess.run(args, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
                           env={**os.environ, **(env or {}), "DOCKER_HOST": self.socket, "COMPOSE_HTTP_TIMEOUT": "300"}, **more)
        if check and r.returncode:
            raise RuntimeError(f"{' '.join(args)[:200]}: exit {r.returncode}: {r.stdout[-1500:]}{r.stderr[-3000:]}")
        return r

    def enter(self, *args, input=""):
        """What a program prints that runs among the engine's processes."""
        r = subprocess.run(["nsenter", "-t", str(child(self.p.pid)), "-p", "-m", *args], input=input, capture_output=True, text=True, timeout=60)
        if r.returncode:
            raise RuntimeError(f"{' '.join(args)}: exit {r.returncode}: {r.stderr[-2000:]}")
        return r.stdout

    def docker(self, *args, **more):
        return self.run("docker", *args, **more).stdout

    def stop(self):
        if self.p.poll() is None:
            try:
                os.kill(child(child(self.p.pid)), signal.SIGTERM)
                self.p.wait(20)
            except (OSError, IndexError, subprocess.TimeoutExpired):
                pass
            self.p.send_signal(signal.SIGKILL)
            self.p.wait()
        self.log.close()
        for top, dirs, _ in os.walk("/sys/fs/cgroup", topdown=False):
            if self.cgroup in top:
                try:
                    os.rmdir(top)
                except OSError:
                    pass
        shutil.rmtree(self.dir, ignore_errors=True)
