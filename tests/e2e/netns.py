"""Nodes on hosts of their own: network namespaces, and lines between them
that delay, lose, repeat and reorder packets, or are cut (tapwire.c).

Nothing is left behind, not even by a test that is killed: namespaces and
devices are anonymous and end with the processes inside.  Where this machine
does not let us make them, lacking() says why.
"""
import ctypes
import http.client
import json
import os
import shutil
import socket
import subprocess

import net
from test_network import Org

TAPWIRE = os.path.join(net.BUILD, "tests", "tapwire")
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def lacking():
    """Why there can be no hosts here, or None."""
    for tool in ("nsenter", "nft"):
        if not shutil.which(tool):
            return f"no program {tool}"
    r = subprocess.run([TAPWIRE, "1", "0"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return None if r.returncode == 0 else (r.stderr.strip() or f"tapwire ended with {r.returncode}") + " (needs root and TUN)"


class Hosts:
    """n hosts, 10.77.0.1 and up, each two joined by a line."""

    def __init__(self, n, seed=1):
        self.n = n
        self.p = subprocess.Popen([TAPWIRE, str(n), str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        net.at_stop(self.stop)
        self.space = {}
        for line in self.p.stdout:
            if line == "ready\n":
                break
            _, i, fd = line.split()
            self.space[int(i)] = f"/proc/{self.p.pid}/fd/{fd}"

    def stop(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()
        for pipe in (self.p.stdin, self.p.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def say(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()

    def way(self, a, b, delay=0, jitter=0, loss=0, dup=0):
        """How packets go from host a to host b: ms, and parts of a thousand."""
        answer = self.say(f"link {a} {b} {delay} {jitter} {loss} {dup}")
        if answer != "ok":
            raise RuntimeError(f"tapwire: {answer}")

    def all_ways(self, **how):
        for a in range(1, self.n + 1):
            for b in range(1, self.n + 1):
                if a != b:
                    self.way(a, b, **how)

    heal = all_ways

    def cut(self, ones, others, both=True):
        """Nothing gets from ones to others, nor back."""
        for a in ones:
            for b in others:
                self.way(a, b, loss=1000)
                if both:
                    self.way(b, a, loss=1000)

    def count(self):
        """(packets carried, packets lost)"""
        _, carried, lost = self.say("count").split()
        return int(carried), int(lost)

    def inside(self, i):
        """What to put before a command so that it runs on host i."""
        return ["nsenter", f"--net={self.space[i]}"]

    def run(self, i, *command, text=None):
        subprocess.run([*self.inside(i), *command], input=text, text=True, check=True)

    def only_outbound(self, i):
        """A firewall on host i: whatever it did not begin is dropped."""
        self.run(i, "nft", "-f", "-", text="""table inet fw {
            chain in {
                type filter hook input priority 0; policy drop;
                iif "lo" accept; ct state established,related accept;
            }
        }""")

    def forget_flows(self, i, port):
        """What a firewall does that has restarted, or a NAT after a while:
        connections of host i that are open now get no packet any more.
        Returns how many."""
        out = subprocess.run([*self.inside(i), "ss", "-Htn", "dst", f"10.77.0.0/24:{port}"], capture_output=True, text=True)
        ours = [line.split()[3].rsplit(":", 1)[1] for line in out.stdout.splitlines()]
        self.run(i, "nft", "-f", "-", text="""table inet forgot {
            chain in {
                type filter hook input priority -1;
                tcp dport { %s } drop;
            }
        }""" % ", ".join(ours))
        return len(ours)

    def connect(self, i, port, timeout):
        """A connection of this process to a port of host i."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.space[i], os.O_RDONLY)
        try:
            if _libc.setns(there, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            s = socket.socket()
        finally:
            if _libc.setns(home, CLONE_NEWNET) != 0:
                os._exit(1)  # this thread is lost elsewhere
            os.close(home)
            os.close(there)
        s.settimeout(timeout)
        s.connect(("127.0.0.1", port))
        return s


class Rpc(net.Rpc):
    """Of a node on a host, reached as from that host itself."""

    def __init__(self, hosts, i, port):
        super().__init__(port)
        self.hosts, self.i = hosts, i

    def connection(self, timeout):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        c.sock = self.hosts.connect(self.i, self.port, timeout)
        return c


class Network:
    """Like test_network.Network, each node on a host of its own."""

    def __init__(self, validators, others=0, seed=1):
        n = validators + others
        self.hosts = Hosts(n, seed)
        self.dir = net.tempdir()
        _, out, _ = net.warren("testnet", f"--v={validators}", f"--n={others}", f"--o={self.dir}/net",
                               "--starting-ip-address=10.77.0.1", "--proxy_app=kvstore", "--output=json")
        self.orgs = []
        for i, h in enumerate(json.loads(out)["homes"], 1):
            org = Org(h["home"], int(h["rpc"].rsplit(":", 1)[1]), h["peer"])
            org.rpc = Rpc(self.hosts, i, org.rpc.port)
            org.inside = self.hosts.inside(i)
            self.orgs.append(org)

    def start(self, **how):
        for o in self.orgs:
            o.start(**how)
        for i, o in enumerate(self.orgs):
            if not o.wait_height(1, 120):
                raise RuntimeError(f"node {i}: no first block\n" + o.log()[-4000:])
        return self
