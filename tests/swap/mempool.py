"""A mempool in another language: what docs/swap.md and proto/ say, and
nothing else of Warren.

    WARREN_MESSAGES=DIR mempool.py RUN JOURNAL

DIR is a folder with what protoc made of proto/, RUN the node's folder of
sockets, JOURNAL a file of its own.  It does one thing at a time, but keeps
every promise.
"""
import collections
import hashlib
import os
import signal
import socket
import sys

from bus import ERR_APP, ERR_USAGE, Client, Server, decode, serve
from proto import mempool_pb2, p2p_pb2

RUN, JOURNAL = sys.argv[1], sys.argv[2]
TXS_MAX, POOL_BYTES_MAX, TX_BYTES_MAX, CACHE_MAX = 5000, 64 << 20, 1 << 20, 10000
SUBMIT_MAX, LIST_BYTES_MAX = 1000, 192 << 20
CHANNEL, PEER_BYTES = 0x30, 512 << 10  # to each peer, ten times a second
Verdict = mempool_pb2.Submitted.Verdict


# ---- protobuf of CometBFT: a few messages only ----

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
    try:
        while at < len(data):
            key, at = number(at)
            value, at = number(at)
            if key & 7 == 2:
                value, at = data[at:at + value], at + value
            elif key & 7:
                raise ValueError("a wire type that these messages do not have")
            if at > len(data):
                raise ValueError("it ends early")
            yield key >> 3, value
    except IndexError:
        raise ValueError("it ends early") from None


# ---- ABCI: messages behind their length; CheckTx and Flush are enough ----

class App:
    CHECK_TX, CHECKED, FLUSH, EXCEPTION = 8, 9, 2, 1

    def __init__(self):
        self.sock = self.input = None
        self.connections = 0

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(3)
        self.sock.connect(os.path.join(RUN, "app.sock"))
        self.input = self.sock.makefile("rb")
        self.connections += 1

    def receive(self):
        n = shift = 0
        while True:
            b = self.input.read(1)
            if not b or shift > 28:
                raise OSError("it hung up, or does not speak ABCI")
            n |= (b[0] & 127) << shift
            shift += 7
            if b[0] < 128:
                break
        if n > 104857600:
            raise OSError("its answer is too long")
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
            outcome(answer[self.CHECKED])
            return answer[self.CHECKED]
        except (OSError, KeyError, ValueError) as e:
            if self.sock:
                self.sock.close()
            self.sock = None
            raise OSError(f"the application gave no answer: {e}") from e


def outcome(answer):
    """code and gas_wanted of a ResponseCheckTx."""
    seen = dict(fields(answer))
    code, gas = seen.get(1, 0), seen.get(5, 0)
    if not isinstance(code, int) or not isinstance(gas, int):
        raise ValueError("no ResponseCheckTx")
    return code, gas - 2**64 if gas >= 2**63 else gas


# ---- the pool ----

class Tx:
    def __init__(self, raw, gas, origin):
        self.raw, self.gas, self.origin = raw, gas, origin
        self.size = len(field(1, raw))  # in a block
        self.has = set()                # peers that sent it, or were sent it


class Pool:
    """What waits, in order; what was seen; and both on disk, as lines:
    "+ origin gas tx", "- hash" (a block has it, or it is gone), "h height"."""

    def __init__(self):
        self.txs = collections.OrderedDict()   # hash -> Tx
        self.seen = collections.OrderedDict()  # hash -> origin
        self.bytes = self.height = self.lines = 0
        self.max_bytes = self.max_gas = -1
        if os.path.exists(JOURNAL):
            self.read()
        self.rewrite()

    def read(self):
        with open(JOURNAL, "rb") as f:
            for line in f.read().split(b"\n")[:-1]:  # a torn one is cut
                kind, *words = line.decode().split(" ")
                if kind == "+":
                    self.add(bytes.fromhex(words[2]), int(words[1]), words[0])
                elif kind == "-":
                    self.remove(bytes.fromhex(words[0]))
                else:
                    self.height = int(words[0])

    def rewrite(self):
        with open(JOURNAL + ".new", "wb") as f:
            for t in self.txs.values():
                f.write(self.line_of(t))
            f.write(b"h %d\n" % self.height)
            os.fsync(f.fileno())
        os.replace(JOURNAL + ".new", JOURNAL)
        self.file, self.lines = open(JOURNAL, "ab"), 0

    @staticmethod
    def line_of(t):
        return b"+ %s %d %s\n" % (t.origin.encode(), t.gas, t.raw.hex().encode())

    def note(self, line):
        self.file.write(line)
        self.lines += 1

    def sync(self):
        self.file.flush()
        os.fsync(self.file.fileno())
        if self.lines > 4 * TXS_MAX:
            self.rewrite()

    def add(self, raw, gas, origin):
        h = hashlib.sha256(raw).digest()
        self.see(h, origin)
        self.txs[h] = Tx(raw, gas, origin)
        self.bytes += len(raw)
        return self.txs[h]

    def see(self, h, origin=""):
        self.seen[h] = origin
        while len(self.seen) > CACHE_MAX:
            self.seen.popitem(last=False)

    def remove(self, h):
        t = self.txs.pop(h, None)
        self.bytes -= len(t.raw) if t else 0
        return t

    def size(self):
        return mempool_pb2.Size(count=len(self.txs), bytes=self.bytes, height=self.height)

    def refusal(self, raw, h):
        if len(self.txs) >= TXS_MAX or self.bytes + len(raw) > POOL_BYTES_MAX:
            return Verdict(refusal=Verdict.FULL, error="mempool is full")
        if len(raw) > TX_BYTES_MAX:
            return Verdict(refusal=Verdict.TOO_LARGE, error=f"Tx too large. Max size is {TX_BYTES_MAX}, but got {len(raw)}")
        if 0 <= self.max_bytes < len(field(1, raw)):
            return Verdict(refusal=Verdict.PRE_CHECK, error=f"tx pre check: tx size is too big: {len(field(1, raw))}, max: {self.max_bytes}")
        if h in self.seen or h in self.txs:
            return Verdict(refusal=Verdict.IN_CACHE, error="tx already exists in cache")
        return None

    def offer(self, app, raw, origin):
        """(verdict, the Tx that is kept or None); not on disk yet."""
        h = hashlib.sha256(raw).digest()
        if origin and self.seen.get(h) == origin:  # this very request was heard before: its answer was lost
            return Verdict(check=b""), None
        verdict = self.refusal(raw, h)
        if verdict:
            return verdict, None
        try:
            answer = app.check(raw)
        except OSError as e:
            return Verdict(refusal=Verdict.APP_DOWN, error=str(e)), None
        code, gas = outcome(answer)
        if code:
            return Verdict(check=answer), None
        if self.max_gas >= 0 and not 0 <= gas <= self.max_gas:
            return Verdict(refusal=Verdict.POST_CHECK, error=f"gas wanted {gas} is greater than max gas {self.max_gas}"), None
        t = self.add(raw, gas, origin)
        self.note(self.line_of(t))
        return Verdict(check=answer), t

    def reap(self, max_bytes, max_gas):
        out, n, gas = [], 0, 0
        for t in self.txs.values():
            n, gas = n + t.size, gas + t.gas
            if 0 <= max_bytes < n or 0 <= max_gas < gas:
                break
            out.append(t.raw)
        return out

    def first(self, limit):
        out, n = [], 0
        for t in self.txs.values():
            n += t.size
            if len(out) == limit or n > LIST_BYTES_MAX:
                break
            out.append(t.raw)
        return out

    def committed(self, u):
        """False: that height was heard of before."""
        self.max_bytes, self.max_gas = u.max_bytes, u.max_gas
        if u.height <= self.height:
            return False
        self.height = u.height
        for raw, code in zip(u.txs, u.codes):
            h = hashlib.sha256(raw).digest()
            if code == 0:
                self.see(h, self.seen.get(h, ""))
            else:
                self.seen.pop(h, None)  # it may be sent again
            if self.remove(h):
                self.note(b"- %s\n" % h.hex().encode())
        self.note(b"h %d\n" % self.height)
        return True

    def recheck(self, app):
        for h, t in list(self.txs.items()):
            try:
                if outcome(app.check(t.raw, is_recheck=True))[0] == 0:
                    continue
            except OSError:
                return
            self.seen.pop(h, None)
            self.remove(h)
            self.note(b"- %s\n" % h.hex().encode())

    def flush(self):
        self.txs.clear()
        self.seen.clear()
        self.bytes = 0
        self.rewrite()


# ---- peers ----

class Gossip:
    def __init__(self, mempool):
        self.mempool = mempool
        self.client = Client("mempool", f"ipc://{RUN}/p2p.sock", on_up=self.register, on_down=self.forget, on_push=self.on_push)
        self.registration = 0
        self.forget()

    def forget(self):
        self.peers, self.busy, self.is_registered, self.seen = {}, set(), False, 0

    def register(self):
        self.forget()
        self.registration += 1
        mine = self.registration

        def answered(status, _text, _body):
            self.is_registered = status == 0 and mine == self.registration
        self.client.request(p2p_pb2.Request(register=p2p_pb2.Register(channels=bytes([CHANNEL]))), answered)

    def on_push(self, body):
        m = decode(p2p_pb2.FromPeers, body)
        if not m or not self.is_registered:
            return
        P = p2p_pb2.Peer
        for p in m.peers:
            if p.what == P.UP and CHANNEL in p.channels:
                self.peers[p.peer] = True
            elif p.what == P.DOWN:
                self.peers.pop(p.peer, None)
                self.busy.discard(p.peer)
            elif p.what == P.BUSY and CHANNEL in p.channels:
                self.busy.add(p.peer)
            elif p.what == P.READY and CHANNEL in p.channels:
                self.busy.discard(p.peer)
        for f in m.frames:
            if f.peer in self.peers and f.channel == CHANNEL:
                self.on_frame(f)
        self.seen = m.number
        self.confirm()

    def on_frame(self, f):
        try:
            (kind, txs), = fields(f.bytes)
            txs = [raw for number, raw in fields(txs) if number == 1]
            if kind != 1 or not txs or not all(isinstance(t, bytes) and 0 < len(t) <= TX_BYTES_MAX for t in txs):
                raise ValueError("not what a mempool says")
        except (ValueError, TypeError) as e:
            self.client.push(p2p_pb2.ToPeers(drops=[p2p_pb2.Drop(peer=f.peer, reason=f"a malformed mempool message: {e}")]))
            return
        for raw in txs:
            self.mempool.from_peer(f.peer, raw)

    def confirm(self):
        """What is not confirmed makes p2p stop reading: so nothing is while
        transactions of peers wait for a commit."""
        if self.seen and not self.mempool.waiting and self.client.push(p2p_pb2.ToPeers(seen=self.seen)):
            self.seen = 0

    def tick(self):
        """To each peer what it neither sent nor was sent."""
        self.confirm()
        for p in [p for p in self.peers if p not in self.busy]:
            m, n = p2p_pb2.ToPeers(), 0
            for t in self.mempool.pool.txs.values():
                if p in t.has or not t.raw:
                    continue
                n += t.size
                if n > PEER_BYTES and m.sends:
                    break
                t.has.add(p)
                m.sends.append(p2p_pb2.Send(peers=[p], channel=CHANNEL, bytes=field(1, field(1, t.raw))))
            if m.sends:
                self.client.push(m)


# ---- requests ----

class Mempool:
    def __init__(self):
        self.app, self.pool = App(), Pool()
        self.server = Server("mempool", RUN, self.on_request, self.on_gone)
        self.server.metrics = lambda: f"# TYPE cometbft_mempool_size gauge\ncometbft_mempool_size {len(self.pool.txs)}\n"
        self.locked_by = None   # the client; nothing is checked meanwhile
        self.lock_height = 0
        self.connections = 0    # of the application, when it was locked
        self.waiting = collections.OrderedDict()  # what came meanwhile
        self.is_hinted = False
        self.ticks = 0
        self.gossip = Gossip(self)

    def from_peer(self, peer, raw):
        if self.locked_by:
            self.waiting[peer, len(self.waiting)] = (None, raw)
            return
        _, t = self.pool.offer(self.app, raw, "")
        t = t or self.pool.txs.get(hashlib.sha256(raw).digest())
        if t:
            t.has.add(peer)
            self.pool.sync()
        self.hint_once()

    def submit(self, client, h, r):
        if not 1 <= len(r.txs) <= SUBMIT_MAX:
            self.server.reply(client, h, status=ERR_USAGE, text=f"Submit takes 1 to {SUBMIT_MAX} transactions")
            return
        origin = f"{client[1]:x}.{h.id:x}"
        if self.locked_by:
            self.waiting[origin] = (client, (h, r))
            return
        verdicts = [self.pool.offer(self.app, raw, origin)[0] for raw in r.txs]
        self.pool.sync()
        self.server.reply(client, h, mempool_pb2.Reply(submitted=mempool_pb2.Submitted(verdicts=verdicts)))
        self.hint_once()

    def unlock(self):
        self.locked_by = None
        waiting, self.waiting = self.waiting, collections.OrderedDict()
        for key, (client, what) in waiting.items():
            if client:
                self.submit(client, *what)
            else:
                self.from_peer(key[0], what)
        self.gossip.confirm()

    def on_gone(self, client):
        if self.locked_by == client:
            self.unlock()

    def update(self, u):
        is_whole = (u.is_locked and self.locked_by and u.height == self.lock_height and
                    self.app.sock and self.app.connections == self.connections)
        if self.pool.committed(u):
            self.is_hinted = False
            if is_whole:  # else a refusal says nothing: it may count them twice
                self.pool.recheck(self.app)
        self.pool.sync()

    def answer(self, client, r):
        """A Reply, or None when it is no request."""
        kind, Reply = r.WhichOneof("kind"), mempool_pb2.Reply
        if kind == "reap":
            return Reply(txs=mempool_pb2.Txs(txs=self.pool.reap(r.reap.max_bytes, r.reap.max_gas), size=self.pool.size()))
        if kind == "list":
            return Reply(txs=mempool_pb2.Txs(txs=self.pool.first(r.list.limit), size=self.pool.size()))
        if kind == "get_size":
            return Reply(size=self.pool.size())
        if kind == "check":
            return Reply(checked=mempool_pb2.Checked(check=self.app.check(r.check.tx)))
        if kind == "lock":
            self.locked_by, self.lock_height, self.connections = client, r.lock.height, self.app.connections
        elif kind == "update" and len(r.update.txs) == len(r.update.codes):
            self.update(r.update)
        elif kind == "flush":
            self.pool.flush()
        else:
            return None
        return Reply(done=mempool_pb2.Done())

    def on_request(self, client, h, body):
        r = decode(mempool_pb2.Request, body)
        if r and r.WhichOneof("kind") == "submit":
            self.submit(client, h, r.submit)
            return
        try:
            reply = self.answer(client, r) if r else None
        except OSError as e:
            self.server.reply(client, h, status=ERR_APP, text=str(e))
            return
        if reply:
            self.server.reply(client, h, reply)
        else:
            self.server.reply(client, h, status=ERR_USAGE, text="no such request")
        if r and r.WhichOneof("kind") == "update" and reply:
            if r.update.height >= self.lock_height:
                self.unlock()
            self.hint_once()

    def hint_once(self):
        if self.pool.txs and not self.is_hinted:
            self.is_hinted = True
            self.server.hint("txs", self.pool.size())

    def tick(self):
        self.gossip.tick()
        self.ticks += 1
        if self.ticks % 10 == 0 and self.pool.txs:
            self.server.hint("txs", self.pool.size())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    mempool = Mempool()
    serve([mempool.server, mempool.gossip.client], mempool.tick)
