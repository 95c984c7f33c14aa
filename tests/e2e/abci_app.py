"""A small ABCI application that a test can bend."""
import hashlib
import socket
import threading

from attack import parse, pb, uv

REQUESTS = {1: "echo", 2: "flush", 3: "info", 5: "init_chain", 6: "query", 8: "check_tx", 11: "commit", 12: "list_snapshots",
            13: "offer_snapshot", 14: "load_chunk", 15: "apply_chunk", 16: "prepare_proposal", 17: "process_proposal",
            18: "extend_vote", 19: "verify_extension", 20: "finalize_block"}
ANSWERS = {name: (4 if n == 3 else n + 1) for n, name in REQUESTS.items()}
EXCEPTION = 1


def frame(body):
    return uv(len(body)) + body


def answer(name, *fields):
    return frame(pb((ANSWERS[name], fields)))


class App:
    """A correct application, but for what `evil` says of a method: a function
    from the request's fields to raw bytes, None for silence or "close"."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.height, self.pending = 0, 0
        self.evil, self.used = {}, 0
        self.committed = {}
        threading.Thread(target=self.accept, daemon=True).start()

    def hash(self, height):
        return hashlib.sha256(b"%d" % height).digest()

    def accept(self):
        while True:
            s, _ = self.listener.accept()
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        f = s.makefile("rb")
        try:
            while True:
                n = shift = 0
                while True:
                    b = f.read(1)
                    if not b:
                        return
                    n |= (b[0] & 127) << shift
                    shift += 7
                    if b[0] < 128:
                        break
                (number, body), = parse(f.read(n))
                if not self.reply(s, REQUESTS[number], parse(body)):
                    return
        except (OSError, ValueError, IndexError):
            pass
        finally:
            s.close()

    def reply(self, s, name, fields):
        evil = self.evil.get(name)
        if evil:
            out = evil(dict(fields), fields)
            if name == "commit":
                self.height = max(self.height, self.pending)
            if out is not True:
                self.used += 1
                if out == "close":
                    return False
                if out is not None:
                    s.sendall(out)
                return True
        s.sendall(getattr(self, name, self.plain)(name, dict(fields), fields))
        return True

    def plain(self, name, _one, _all):
        return answer(name)

    def info(self, name, _one, _all):
        return answer(name, (2, b"1"), (4, self.height), (5, self.hash(self.height) if self.height else b""))

    def prepare_proposal(self, name, _one, fields):
        return answer(name, *((1, v) for k, v in fields if k == 2))

    def process_proposal(self, name, _one, _all):
        return answer(name, (1, 1))

    def verify_extension(self, name, _one, _all):
        return answer(name, (1, 1))

    def finalize_block(self, name, one, fields, *more):
        self.pending = one[5]
        txs = [v for k, v in fields if k == 1]
        return answer(name, *((2, b"") for _ in txs), *more, (5, self.hash(self.pending)))

    def commit(self, name, _one, _all):
        self.height = max(self.height, self.pending)
        return answer(name)
