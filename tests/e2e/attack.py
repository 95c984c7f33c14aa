"""What the attackers stand on: protobuf by hand, a rude peer, a watch over
the node that is attacked.

SEED= repeats a run's choices; WARREN_ATTACKS=long makes it a campaign.
"""
import os
import queue
import random
import socket
import struct
import subprocess
import threading
import time

import net

LONG = os.environ.get("WARREN_ATTACKS") == "long"
SEED = int(os.environ.get("SEED", "1" if not LONG else str(time.time_ns() % 10**6)))
PEER = os.path.join(net.BUILD, "tests", "peer")
ASAN = "asan" in net.BUILD
# A process that is attacked may use so much memory (KiB); sanitizers shadow.
RSS_MAX = (4 if ASAN else 1) * 400 * 1024


def choices():
    print(f"SEED={SEED}", flush=True)
    return random.Random(SEED)


# ---- protobuf ----

def uv(n):
    n &= 2**64 - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def pb(*fields):
    """pb((1, 5), (2, b"x")): numbers are varints, bytes and lists of fields
    are delimited."""
    out = []
    for number, value in fields:
        if isinstance(value, int):
            out += uv(number << 3), uv(value)
        else:
            body = value if isinstance(value, bytes) else pb(*value)
            out += uv(number << 3 | 2), uv(len(body)), body
    return b"".join(out)


def fixed64(number, value):
    return uv(number << 3 | 1) + struct.pack("<q", value)


def parse(data):
    """[(number, value)] of one level; what is malformed raises."""
    out, at = [], 0

    def varint():
        nonlocal at
        n = shift = 0
        while True:
            b = data[at]
            at += 1
            n |= (b & 127) << shift
            shift += 7
            if b < 128:
                return n

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            out.append((tag >> 3, varint()))
        elif tag & 7 == 2:
            n = varint()
            out.append((tag >> 3, data[at:at + n]))
            at += n
        elif tag & 7 == 1:
            out.append((tag >> 3, data[at:at + 8]))
            at += 8
        else:
            raise ValueError(f"wire type {tag & 7}")
    return out


# ---- a peer ----

class RudePeer:
    """A connection that greets honestly and then says anything."""

    def __init__(self, port, network, seed=None):
        self.p = subprocess.Popen([PEER, "127.0.0.1", str(port), network] + ([seed.hex()] if seed else []),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.lines, self.got, self.sigs = [], [], queue.Queue()
        self.id = self.why = None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.p.stdout:
            word, _, rest = line.decode().rstrip("\n").partition(" ")
            if word == "up":
                self.id = rest
            elif word == "end":
                self.why = rest
            elif word == "sig":
                self.sigs.put(bytes.fromhex(rest))
            elif word == "got":
                channel, _, data = rest.partition(" ")
                self.got.append((int(channel, 16), bytes.fromhex(data)))
        self.why = self.why or "the peer program died"

    def up(self, seconds=10):
        net.wait_until(lambda: self.id or self.why, seconds)
        return bool(self.id) and not self.why

    def say(self, line):
        try:
            self.p.stdin.write(line.encode() + b"\n")
            self.p.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def send(self, channel, data, times=1):
        self.say(f"x {times} {channel:02x} {data.hex()}")

    def sign(self, seed, data):
        self.say(f"s {seed.hex()} {data.hex()}")
        return self.sigs.get(timeout=10)

    def is_dropped(self, seconds=5):
        return net.wait_until(lambda: self.why is not None, seconds)

    def close(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()
        self.reader.join(5)
        for pipe in (self.p.stdin, self.p.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- the attacked ----

def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


class Watch:
    """Holds a node to: nobody died, the chain goes on, memory is bounded."""

    def __init__(self, supervisor, rpc, log=lambda: ""):
        self.supervisor, self.rpc, self.log = supervisor, rpc, log
        self.pids = net.children_of(supervisor)

    def whole(self, what, seconds=30):
        ok = net.check_eq(net.children_of(self.supervisor), self.pids, f"{what}: processes")
        if not ok:
            print(self.log()[-3000:], flush=True)
            net.wait_until(lambda: len(net.children_of(self.supervisor)) == len(self.pids), 10)
            self.pids = net.children_of(self.supervisor)
        h = None

        def moves():
            nonlocal h
            now = self.rpc.height()
            h = now if h is None else h
            return now >= h + 2

        if not net.check(net.wait_until(moves, seconds), f"{what}: the chain goes on"):
            print(self.log()[-3000:], flush=True)
            ok = False
        big = {s: rss(p) // 1024 for s, p in self.pids.items() if os.path.exists(f"/proc/{p}") and rss(p) > RSS_MAX}
        return net.check_eq(big, {}, f"{what}: MiB of memory") and ok


def watch(node):
    return Watch(node.process.pid, node.rpc, node.log)


# ---- bare sockets ----

def tcp(port, seconds=10):
    s = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    s.settimeout(seconds)
    return s


def until_closed(s, seconds=30):
    """Bytes until the other side closes; None when it does not."""
    s.settimeout(seconds)
    out = b""
    try:
        while True:
            data = s.recv(65536)
            if not data:
                return out
            out += data
    except socket.timeout:
        return None
    except OSError:
        return out
