"""Stands before a real store or mempool and lies in its name.

    WARREN_MESSAGES=DIR liar.py NAME RUN REAL LIE

Binds RUN/NAME.sock, asks REAL/NAME.sock, and answers as the file LIE says."""
import os
import random
import signal
import sys
import time

import zmq
from bus import BOOT, Client, Header, Server, decode, serve
from proto import mempool_pb2, store_pb2

NAME, RUN, REAL, LIE = sys.argv[1:]
MESSAGES = {"store": store_pb2, "mempool": mempool_pb2}[NAME]
DONE = MESSAGES.Reply(done=MESSAGES.Done()).SerializeToString()
old = {}      # kind of request -> its first answer
delayed = []  # (when, what)
dice = random.Random(1)


def lie():
    try:
        with open(LIE) as f:
            return f.read().strip()
    except OSError:
        return ""


def flipped(body):
    b = bytearray(body)
    for _ in range(1 + len(b) // 200):
        if b:
            b[dice.randrange(len(b))] ^= 1 << dice.randrange(8)
    return bytes(b)


def other_height(request):
    """The same question about the height before."""
    r = decode(MESSAGES.Request, request)
    kind = r and r.WhichOneof("kind")
    inner = kind and getattr(r, kind)
    if kind and kind.startswith("get_") and getattr(inner, "height", 0) > 1:
        inner.height -= 1
    return r.SerializeToString() if r else request


def bulk(body):
    """Millions of members in few bytes."""
    kind = (decode(MESSAGES.Reply, body) or MESSAGES.Reply()).WhichOneof("kind") or "done"
    number = MESSAGES.Reply.DESCRIPTOR.fields_by_name[kind].number
    inner = b"\x0a\x00" * (3 << 20)
    n, length = len(inner), b""
    while n > 127:
        length, n = length + bytes([n & 127 | 128]), n >> 7
    return bytes([number << 3 & 127 | 2 | (128 if number > 15 else 0)]) + (bytes([number >> 4]) if number > 15 else b"") + length + bytes([n]) + inner


def bare(body):
    kind = (decode(MESSAGES.Reply, body) or MESSAGES.Reply()).WhichOneof("kind")
    r = MESSAGES.Reply()
    if kind:
        getattr(r, kind).SetInParent()
    return r.SerializeToString()


class Liar:
    def __init__(self):
        self.server = Server(NAME, RUN, self.on_request)
        self.real = Client("liar", f"ipc://{REAL}/{NAME}.sock")
        self.sub = zmq.Context.instance().socket(zmq.SUB)
        self.sub.subscribe(b"")
        self.sub.connect(f"ipc://{REAL}/{NAME}.pub.sock")

    def on_request(self, client, h, body):
        r = decode(MESSAGES.Request, body)
        kind, how = r and r.WhichOneof("kind"), lie()

        def answered(status, text, reply):
            old.setdefault(kind, reply)
            self.answer(client, h, how, kind, status, text, reply)
        self.real.request(other_height(body) if how == "another height" else body, answered)

    def answer(self, client, h, how, kind, status, text, reply):
        s = self.server
        if how == "garbage":
            s.reply(client, h, dice.randbytes(dice.randrange(1, 400)))
        elif how == "nothing":
            s.reply(client, h, b"")
        elif how == "done":
            s.reply(client, h, DONE)
        elif how == "bare":
            s.reply(client, h, bare(reply))
        elif how == "an old answer":
            s.reply(client, h, old[kind])
        elif how == "bits flipped":
            s.reply(client, h, flipped(reply))
        elif how == "cut":
            s.reply(client, h, reply[:len(reply) // 2])
        elif how == "too much":
            s.reply(client, h, bulk(reply))
        elif how == "late":
            delayed.append((time.monotonic() + 2, lambda: s.reply(client, h, reply, status, text)))
        elif how == "an error":
            s.reply(client, h, status=dice.choice([1, 2, 11, 12, 13, 14]), text="x\nforged line\x1b[2J")
        elif how == "an unknown status":
            s.reply(client, h, status=2**32 - 1, text="?" * 500)
        else:
            s.reply(client, h, reply, status, text)
            if how == "twice":
                s.reply(client, h, reply, status, text)
                s.send(client, Header(kind=Header.REPLY, id=h.id ^ 1), reply)
                s.send(client, Header(kind=Header.PUSH), reply)

    sock = property(lambda self: self.sub)

    def receive(self):
        topic, body = self.sub.recv_multipart()[:2]
        how = lie()
        if how in ("garbage", "bits flipped"):
            body = dice.randbytes(40)
        self.server.hints.send_multipart([topic, body])

    def tick(self):
        now = time.monotonic()
        for item in [d for d in delayed if d[0] <= now]:
            delayed.remove(item)
            item[1]()
        if lie() == "forgetful":
            for c in self.server.clients.values():
                c[0] += 1000


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    assert BOOT
    liar = Liar()
    serve([liar.server, liar.real, liar])
