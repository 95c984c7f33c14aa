"""A small WebSocket client of our own (RFC 6455), for the tests."""
import base64
import json
import os
import socket
import struct
import time

import net

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(payload=b"", opcode=TEXT, fin=True, mask=True, rsv=0, length=None):
    """One frame; length: what its header claims."""
    n = len(payload) if length is None else length
    head = bytes([fin << 7 | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", n)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


class Closed(Exception):
    """The other side closed; args: code and reason, None when it just left."""


class Client:
    def __init__(self, port, timeout=30, headers=(), rcvbuf=None):
        self.s = socket.socket()
        if rcvbuf:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.s.settimeout(timeout)
        self.s.connect(("127.0.0.1", port))
        self.data, self.id, self.events = b"", 0, []
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /websocket HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers]
        self.s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        while b"\r\n\r\n" not in self.data:
            self._more()
        self.head, _, self.data = self.data.partition(b"\r\n\r\n")
        self.status = int(self.head.split()[1])

    def _more(self):
        got = self.s.recv(1 << 16)
        if not got:
            raise Closed(None, None)
        self.data += got

    def _take(self, n):
        while len(self.data) < n:
            self._more()
        out, self.data = self.data[:n], self.data[n:]
        return out

    def recv_frame(self):
        """(opcode, payload) of the next frame of the server."""
        a, b = self._take(2)
        n = b & 127
        if n == 126:
            n = struct.unpack(">H", self._take(2))[0]
        elif n == 127:
            n = struct.unpack(">Q", self._take(8))[0]
        return a & 15, self._take(n)

    def recv(self, seconds=None):
        """The next message as text; pings are answered."""
        if seconds is not None:
            self.s.settimeout(seconds)
        while True:
            opcode, payload = self.recv_frame()
            if opcode == PING:
                self.send_raw(frame(payload, PONG))
            elif opcode == CLOSE:
                raise Closed(struct.unpack(">H", payload[:2])[0] if payload else 1005, payload[2:].decode())
            elif opcode == TEXT:
                return payload.decode()

    def send_raw(self, data):
        self.s.sendall(data)

    def send(self, text):
        self.send_raw(frame(text.encode() if isinstance(text, str) else text))

    def call_raw(self, text):
        self.send(text)
        return self.recv()

    def ask(self, method, params=None, **more):
        """Send a request; its id."""
        self.id += 1
        self.send(json.dumps({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params or more}))
        return self.id

    def answer(self, wanted):
        """The answer of that id; events that come before it are kept."""
        while True:
            m = json.loads(self.recv())
            if m.get("id") == wanted and "query" not in (m.get("result") or {}):
                return m
            self.events.append(m)

    def call(self, method, params=None, **more):
        m = self.answer(self.ask(method, params, **more))
        if "error" in m:
            raise net.RpcError(m["error"])
        return m["result"]

    def subscribe(self, query):
        return self.call("subscribe", query=query)

    def event(self, seconds=30):
        """The next event's result."""
        if self.events:
            return self.events.pop(0)["result"]
        end = time.monotonic() + seconds
        while True:
            m = json.loads(self.recv(max(0.01, end - time.monotonic())))
            if "result" not in m:
                raise net.RpcError(m["error"])
            return m["result"]

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
