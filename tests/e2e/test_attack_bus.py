#!/usr/bin/env python3
"""The sockets inside a node: garbage, wrong kinds and huge bodies on the bus,
strangers on the signer's socket."""
import os
import socket
import stat
import struct
import time

import net
from attack import LONG, choices, pb, uv, watch

NONE, HELLO, REQUEST, REPLY, PUSH = range(5)
SERVICE, ADMIN = 1, 2


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(path)
    return s


def frame(body, more=False):
    flags = (1 if more else 0) | (2 if len(body) > 255 else 0)
    size = struct.pack(">Q", len(body)) if len(body) > 255 else bytes([len(body)])
    return bytes([flags]) + size + body


class Dealer:
    """As much of ZMTP 3.0 as a client needs."""

    def __init__(self, path):
        self.s = connect(path)
        self.s.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31))
        ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x00"
        self.s.sendall(b"\x04" + bytes([len(ready)]) + ready)
        time.sleep(0.01)

    def send(self, *frames):
        try:
            for i, f in enumerate(frames):
                self.s.sendall(frame(f, i + 1 < len(frames)))
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()


def header(kind, lane=SERVICE, number=1, boot=77, service=b"api", deadline=1000, status=0, text=b""):
    return pb((1, kind), (2, lane), (3, number), (4, boot), (5, service), (6, deadline), (7, status), (8, text))


def sockets(node):
    """{name: path} of what listens inside the node."""
    run = os.path.join(node.home, "run")
    return {n: os.path.join(run, n) for n in sorted(os.listdir(run)) if stat.S_ISSOCK(os.stat(os.path.join(run, n)).st_mode)}


def nested(n):
    body = b"x"
    for _ in range(n):
        body = pb((1, body))
    return body


def the_bus():
    choose = choices()
    node = net.Node(app="kvstore").start()
    w = watch(node)
    net.check_eq(stat.S_IMODE(os.stat(os.path.join(node.home, "run")).st_mode), 0o700, "mode of the run directory")
    paths = sockets(node)
    print(sorted(paths), flush=True)
    for name, path in paths.items():
        for _ in range(10):
            with connect(path) as s:
                try:
                    s.sendall(choose.randbytes(choose.randrange(1, 3000)))
                except OSError:
                    pass
        if "privval" in name or "abci" in name or "app" in name:
            continue
        with Dealer(path) as d:
            for frames in ([], [b""], [b"", b""], [b"\xff" * 50], [b"\xff" * 50, b"x"], [header(HELLO)], [header(HELLO)] * 5, [b"a"] * 300,
                           [header(99), b""], [header(2**31 - 1), b""], [header(NONE), b""], [header(REPLY), b"x"], [header(REQUEST, 99), b"x"],
                           [header(HELLO, service=b"s" * 5000), b""], [header(HELLO, boot=0), b""], [header(HELLO, service=b"\xff\n\x1b"), b""],
                           [header(REQUEST, deadline=2**32 - 1), b"\xff" * 100], [header(REQUEST, status=2**32 - 1, text=b"t" * 100000), b""],
                           [nested(3000), nested(3000)]):
                d.send(*frames)
        with Dealer(path) as d:
            d.send(header(HELLO, service=b"rude"), b"")
            for lane in (SERVICE, ADMIN):
                for field in range(1, 30):
                    for value in (b"", b"\xff" * 30, pb((1, 2**63 - 1), (2, 2**64 - 1)), pb((1, -1), (2, b"z" * 1000)), nested(200), b"\x08\x00" * 5000, 7):
                        # Nothing that a neighbour may rightly ask for: a body
                        # of the right shape is obeyed.
                        d.send(header(REQUEST, lane, field), pb((100 + field, value)))
                        d.send(header(PUSH, lane, field), pb((100 + field, value)))
            for _ in range(2000 if LONG else 200):
                d.send(header(choose.choice([REQUEST, PUSH]), choose.choice([SERVICE, ADMIN]), choose.randrange(2**64)), choose.randbytes(choose.randrange(60)))
            d.send(header(REQUEST), bytes(8 << 20))
        w.whole(f"{name}: garbage")
    many(node, w, paths)


def many(node, w, paths):
    """Hundreds of clients that greet and fall silent."""
    for name, path in paths.items():
        held = []
        for i in range(200):
            try:
                d = Dealer(path) if i < 20 else None
                held.append(d.s if d else connect(path))
                if d:
                    d.send(header(HELLO, boot=1000 + i, service=b"n%d" % i), b"")
            except OSError:
                break
        for s in held:
            s.close()
    w.whole("many clients")


def the_signers_socket():
    """Strangers on the socket that the signer dials."""
    node = net.Node(app="kvstore").start()
    w = watch(node)
    path = os.path.join(node.home, "run", "privval.sock")
    if not os.path.exists(path):
        net.skip("no privval socket here")
        return
    signature = pb((1, pb((5, b"s" * 64))))
    for what, data in [("garbage", b"\xff" * 500), ("a huge length", uv(2**40)), ("an endless length", b"\xff" * 20),
                       ("an answer nobody asked for", uv(len(signature)) + signature), ("nothing", b""), ("empty messages", b"\x00" * 1000)]:
        with connect(path) as s:
            try:
                s.sendall(data)
                s.settimeout(0.2)
                s.recv(4096)
            except OSError:
                pass
        w.whole(f"signer's socket: {what}")


if __name__ == "__main__":
    net.run(the_bus, the_signers_socket)
