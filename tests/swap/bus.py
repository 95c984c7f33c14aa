"""The bus in Python: what docs/swap.md and proto/ say, and nothing else of
Warren.  Servers bind a ROUTER and a PUB, clients a DEALER; two frames a
message; whoever starts again is known by its boot id."""
import os
import secrets
import sys
import time

import zmq
from google.protobuf.message import DecodeError

sys.path.insert(0, os.environ.get("WARREN_MESSAGES", "."))  # what protoc made of proto/
from proto import admin_pb2, common_pb2  # noqa: E402

Header = common_pb2.Header
HEADER_BYTES_MAX, SERVICE_BYTES_MAX, CLIENTS_MAX, MESSAGE_BYTES_MAX = 1024, 32, 256, 256 << 20
HELLO_SECONDS, SILENT_SECONDS = 1, 5
ERR_USAGE, ERR_APP = 2, 11
BOOT = secrets.randbits(63) | 1
STARTED = time.monotonic()


def header_of(frame):
    """A Header that makes sense, or None."""
    try:
        h = Header.FromString(frame) if len(frame) <= HEADER_BYTES_MAX else None
        return h if h and h.boot else None
    except DecodeError:
        return None


def decode(message, body):
    try:
        return message.FromString(body)
    except DecodeError:
        return None


def new_socket(kind):
    s = zmq.Context.instance().socket(kind)
    s.linger, s.maxmsgsize = 0, MESSAGE_BYTES_MAX + HEADER_BYTES_MAX
    return s


class Server:
    """on_request(client, request's header, body) is called for each; answer
    it now or later with reply().  on_gone(client): it will hear no more."""

    def __init__(self, name, run, on_request, on_gone=lambda client: None):
        self.name, self.on_request, self.on_gone = name, on_request, on_gone
        self.metrics = lambda: ""
        self.sock, self.hints = new_socket(zmq.ROUTER), new_socket(zmq.PUB)
        for s, end in ((self.sock, ".sock"), (self.hints, ".pub.sock")):
            s.bind(f"ipc://{run}/{name}{end}")
        self.clients = {}  # (routing id, boot) -> [session, when it was heard]
        self.sessions = 0

    def send(self, client, header, body=b""):
        header.boot = BOOT
        self.sock.send_multipart([client[0], header.SerializeToString(), body])

    def reply(self, client, request, message=None, status=0, text=""):
        body = message if isinstance(message, bytes) else message.SerializeToString() if message else b""
        self.send(client, Header(kind=Header.REPLY, id=request.id, status=status, text=text[:512]), body)

    def hint(self, topic, message):
        self.hints.send_multipart([topic.encode(), message.SerializeToString()])

    def on_admin(self, client, h, body):
        r = decode(admin_pb2.Request, body)
        kind = r and r.WhichOneof("kind")
        if kind == "get_metrics":
            self.reply(client, h, admin_pb2.Reply(metrics=admin_pb2.Metrics(text=self.metrics().encode())))
        elif kind == "get_health":
            self.reply(client, h, admin_pb2.Reply(health=admin_pb2.Health(
                service=self.name, boot=BOOT, uptime_ms=int((time.monotonic() - STARTED) * 1000))))
        else:
            self.reply(client, h, status=ERR_USAGE, text="no such request")

    def receive(self):
        """One message; to be called when the socket is readable."""
        frames = self.sock.recv_multipart()
        h = header_of(frames[1]) if len(frames) == 3 else None
        if not h:
            return
        client = (frames[0], h.boot)
        if client not in self.clients:
            if len(self.clients) >= CLIENTS_MAX:
                return
            self.sessions += 1
            self.clients[client] = [self.sessions, 0]
        self.clients[client][1] = time.monotonic()
        if h.kind == Header.HELLO:
            self.send(client, Header(kind=Header.HELLO, id=self.clients[client][0], service=self.name))
        elif h.kind == Header.REQUEST and h.lane == Header.ADMIN:
            self.on_admin(client, h, frames[2])
        elif h.kind == Header.REQUEST and h.lane == Header.SERVICE:
            self.on_request(client, h, frames[2])
        elif h.kind == Header.REQUEST:
            self.reply(client, h, status=ERR_USAGE, text="no such lane")

    def tick(self):
        """Now and then: who was silent for long is gone."""
        late = time.monotonic() - SILENT_SECONDS
        for client in [c for c, (_, heard) in self.clients.items() if heard < late]:
            del self.clients[client]
            self.on_gone(client)


class Client:
    """on_up() is called when the server is there, or has forgotten us: then
    register again.  Requests without an answer are sent again by themselves."""

    def __init__(self, name, endpoint, on_up=lambda: None, on_down=lambda: None, on_push=lambda body: None):
        self.name, self.on_up, self.on_down, self.on_push = name, on_up, on_down, on_push
        self.sock = new_socket(zmq.DEALER)
        self.sock.immediate = True
        self.sock.connect(endpoint)
        self.session = None  # (boot, number) of the server
        self.pending = {}    # id -> (frames, what is called with the reply)
        self.number = self.heard = self.greeted = 0

    def send(self, frames):
        try:
            self.sock.send_multipart(frames, zmq.DONTWAIT)
            return True
        except zmq.Again:
            return False

    def request(self, message, fn, lane=Header.SERVICE):
        """fn(status, text, body of the answer), once."""
        self.number += 1
        h = Header(kind=Header.REQUEST, lane=lane, id=self.number, boot=BOOT)
        body = message if isinstance(message, bytes) else message.SerializeToString()
        self.pending[self.number] = ([h.SerializeToString(), body], fn)
        if self.session:
            self.send(self.pending[self.number][0])

    def push(self, message):
        return self.session and self.send([Header(kind=Header.PUSH, boot=BOOT).SerializeToString(), message.SerializeToString()])

    def receive(self):
        frames = self.sock.recv_multipart()
        h = header_of(frames[0]) if len(frames) == 2 else None
        if not h:
            return
        self.heard = time.monotonic()
        if h.kind == Header.HELLO and self.session != (h.boot, h.id):
            if self.session:
                self.on_down()
            self.session = (h.boot, h.id)
            for again, _ in list(self.pending.values()):
                self.send(again)
            self.on_up()
        elif h.kind == Header.REPLY and h.id in self.pending:
            self.pending.pop(h.id)[1](h.status, h.text, frames[1])
        elif h.kind == Header.PUSH:
            self.on_push(frames[1])

    def tick(self):
        now = time.monotonic()
        if now - self.greeted >= HELLO_SECONDS:
            self.greeted = now
            self.send([Header(kind=Header.HELLO, boot=BOOT, service=self.name).SerializeToString(), b""])
        if self.session and now - self.heard > SILENT_SECONDS:
            self.session = None
            self.on_down()


def serve(parts, tick=lambda: None):
    """Until the process is told to stop: receive what comes for servers and
    clients, and let each look around a few times a second."""
    poller = zmq.Poller()
    for p in parts:
        poller.register(p.sock, zmq.POLLIN)
    while True:
        ready = dict(poller.poll(100))
        for p in parts:
            for _ in range(256 if p.sock in ready else 0):  # then the others' turn
                if p.sock.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                    p.receive()
            p.tick()
        tick()
