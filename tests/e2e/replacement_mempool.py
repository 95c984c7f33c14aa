"""A mempool in another language: what proto/ says, and nothing else of Warren.

    replacement_mempool.py MESSAGES RUN

MESSAGES is a folder with what protoc made of proto/; RUN the node's folder of
sockets.  It keeps transactions in memory only, checks them one by one, and
tells no peers; else it is a mempool like the one in services/mempool.
"""
import os
import secrets
import signal
import socket
import sys
import time

import zmq

sys.path.insert(0, sys.argv[1])
from proto import admin_pb2, common_pb2, mempool_pb2  # noqa: E402

RUN = sys.argv[2]
TXS_MAX = 5000
ERR_USAGE, ERR_APP = 2, 11
Header, Verdict = common_pb2.Header, mempool_pb2.Submitted.Verdict


# ---- ABCI: messages behind their length; CheckTx and Flush are enough ----

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def fields(data):
    """(number, value) of each field; the value is an int or bytes."""
    def number(at):
        n = shift = 0
        while True:
            n |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if data[at - 1] < 128:
                return n, at
    at = 0
    while at < len(data):
        key, at = number(at)
        value, at = number(at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        elif key & 7:
            raise ValueError("a wire type that these messages do not have")
        yield key >> 3, value


class App:
    CHECK_TX, CHECKED, FLUSH = 8, 9, 2

    def __init__(self):
        self.sock = None

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.connect(os.path.join(RUN, "app.sock"))
        self.sock, self.input = s, s.makefile("rb")

    def receive(self):
        n = shift = 0
        while True:
            b = self.input.read(1)
            if not b:
                raise OSError("the application hung up")
            n |= (b[0] & 127) << shift
            shift += 7
            if b[0] < 128:
                break
        return dict(fields(self.input.read(n)))

    def check(self, tx, is_recheck=False):
        """The application's ResponseCheckTx, as it was encoded."""
        ask = field(1, tx) + (varint(2 << 3) + varint(1) if is_recheck else b"")
        try:
            if not self.sock:
                self.connect()
            for message in (field(self.CHECK_TX, ask), field(self.FLUSH, b"")):
                self.sock.sendall(varint(len(message)) + message)
            answer = self.receive()
            self.receive()
            return answer[self.CHECKED]
        except (OSError, KeyError) as e:
            self.sock = None
            raise OSError(f"the application gave no answer: {e}")


# ---- the pool ----

class Pool:
    def __init__(self, app):
        self.app = app
        self.txs = {}        # transaction -> gas it wants, in order of arrival
        self.height = 0
        self.max_bytes = self.max_gas = -1

    def size(self):
        return mempool_pb2.Size(count=len(self.txs), bytes=sum(map(len, self.txs)), height=self.height)

    def submit(self, tx):
        if not tx:
            return Verdict(refusal=Verdict.EMPTY, error="tx is empty")
        if tx in self.txs:
            return Verdict(refusal=Verdict.IN_CACHE, error="tx already exists in cache")
        if self.max_bytes >= 0 and len(field(1, tx)) > self.max_bytes:
            return Verdict(refusal=Verdict.TOO_LARGE, error="tx is too large")
        if len(self.txs) >= TXS_MAX:
            return Verdict(refusal=Verdict.FULL, error="mempool is full")
        try:
            answer = self.app.check(tx)
        except OSError as e:
            return Verdict(refusal=Verdict.APP_DOWN, error=str(e))
        code, gas = self.outcome(answer)
        if code == 0:
            self.txs[tx] = gas
        return Verdict(check=answer)

    @staticmethod
    def outcome(answer):
        """code and gas_wanted of a ResponseCheckTx."""
        seen = dict(fields(answer))
        return seen.get(1, 0), seen.get(5, 0)

    def reap(self, max_bytes, max_gas):
        out, n, gas = [], 0, 0
        for tx, wanted in self.txs.items():
            n += len(field(1, tx))
            gas += wanted
            if 0 <= max_bytes < n or 0 <= max_gas < gas:
                break
            out.append(tx)
        return out

    def update(self, u):
        self.max_bytes, self.max_gas = u.max_bytes, u.max_gas
        if u.height <= self.height:
            return
        self.height = u.height
        for tx in u.txs:
            self.txs.pop(tx, None)
        for tx in list(self.txs):
            try:
                if self.outcome(self.app.check(tx, is_recheck=True))[0] != 0:
                    del self.txs[tx]
            except OSError:
                return

    def answer(self, r):
        kind = r.WhichOneof("kind")
        if kind == "submit":
            verdicts = [self.submit(tx) for tx in r.submit.txs]
            return mempool_pb2.Reply(submitted=mempool_pb2.Submitted(verdicts=verdicts))
        if kind == "reap":
            txs = self.reap(r.reap.max_bytes, r.reap.max_gas)
            return mempool_pb2.Reply(txs=mempool_pb2.Txs(txs=txs, size=self.size()))
        if kind == "list":
            txs = list(self.txs)[:r.list.limit]
            return mempool_pb2.Reply(txs=mempool_pb2.Txs(txs=txs, size=self.size()))
        if kind == "get_size":
            return mempool_pb2.Reply(size=self.size())
        if kind == "check":
            return mempool_pb2.Reply(checked=mempool_pb2.Checked(check=self.app.check(r.check.tx)))
        if kind == "update":
            self.update(r.update)
        elif kind == "flush":
            self.txs.clear()
        elif kind != "lock":  # checks are never under way between requests
            return None
        return mempool_pb2.Reply(done=mempool_pb2.Done())


# ---- the bus ----

class Server:
    def __init__(self, pool):
        context = zmq.Context.instance()
        self.pool = pool
        self.boot = secrets.randbits(63) | 1
        self.started = time.monotonic()
        self.router = context.socket(zmq.ROUTER)
        self.router.bind(f"ipc://{RUN}/mempool.sock")
        self.hints = context.socket(zmq.PUB)
        self.hints.bind(f"ipc://{RUN}/mempool.pub.sock")
        self.sessions = {}   # routing id -> session

    def send(self, client, header, body=b""):
        header.boot = self.boot
        self.router.send_multipart([client, header.SerializeToString(), body])

    def on_admin(self, body):
        kind = admin_pb2.Request.FromString(body).WhichOneof("kind")
        if kind == "get_metrics":
            text = f"# TYPE cometbft_mempool_size gauge\ncometbft_mempool_size {len(self.pool.txs)}\n"
            return admin_pb2.Reply(metrics=admin_pb2.Metrics(text=text.encode()))
        uptime = int((time.monotonic() - self.started) * 1000)
        return admin_pb2.Reply(health=admin_pb2.Health(service="mempool", boot=self.boot, uptime_ms=uptime))

    def on_request(self, client, header, body):
        reply, status, text = None, ERR_USAGE, "no such request"
        try:
            if header.lane == Header.ADMIN:
                reply = self.on_admin(body)
            elif header.lane == Header.SERVICE:
                reply = self.pool.answer(mempool_pb2.Request.FromString(body))
        except OSError as e:
            status, text = ERR_APP, str(e)
        answer = Header(kind=Header.REPLY, id=header.id)
        if reply is None:
            answer.status, answer.text = status, text
        self.send(client, answer, reply.SerializeToString() if reply else b"")

    def on_message(self, frames):
        if len(frames) != 3:
            return
        client, header = frames[0], Header.FromString(frames[1])
        if header.kind == Header.HELLO:
            session = self.sessions.setdefault((client, header.boot), len(self.sessions) + 1)
            self.send(client, Header(kind=Header.HELLO, id=session, service="mempool"))
        elif header.kind == Header.REQUEST:
            self.on_request(client, header, frames[2])
            if self.pool.txs:
                self.hint()

    def hint(self):
        self.hints.send_multipart([b"txs", self.pool.size().SerializeToString()])

    def serve(self):
        while True:
            if self.router.poll(1000):
                self.on_message(self.router.recv_multipart())
            elif self.pool.txs:
                self.hint()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Server(Pool(App())).serve()
