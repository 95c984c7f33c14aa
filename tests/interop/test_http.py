#!/usr/bin/env python3
"""The corners of HTTP and JSON-RPC: what Go's net/http and CometBFT say to odd
requests is said here too, byte for byte; against the real one, or else against
what it said (http.json; WARREN_RECORD=1 writes it anew)."""
import json
import os
import re
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import net  # noqa: E402
import test_cometbft as peers  # noqa: E402

RECORDED = os.path.join(HERE, "http.json")
# Follows each request: shows whether the connection goes on, and ends it.
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
LAST_ANSWER = "the last one"
# Of ours alone, or different at each answer.
PASSED_OVER = ("date", "x-request-id", "access-control-expose-headers")


def get(target="/health", *headers, verb="GET", version="HTTP/1.1", host="Host: x", eol="\r\n", body=b""):
    lines = [f"{verb} {target} {version}", *([host] if host else []), *headers, "", ""]
    return eol.join(lines).encode("latin-1") + body


def post(body, *headers, target="/", verb="POST"):
    body = body if isinstance(body, bytes) else body.encode()
    return get(target, f"Content-Length: {len(body)}", *headers, verb=verb, body=body)


def chunked(body, *headers, version="HTTP/1.1"):
    return get("/", "Transfer-Encoding: chunked", *headers, verb="POST", version=version, body=body)


HEALTH = b'{"jsonrpc":"2.0","id":1,"method":"health"}'


# Where we are stricter, on purpose: the trailer's lines must end as all lines
# of chunks do, and a length beyond the limit is refused before the body came.
REFUSED = ("chunks a bad trailer", "chunks a trailer with LF", "length 2^63-1")
# Who stands before us may have read another end of these.
ENDED = ("chunks and a length", "chunks and a wrong length", "chunks 1.0 and a length kept alive", "chunks 1.0 kept alive")


def line_cases():
    for v in ("HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/1.9", "HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/1.10", "HTTP/1", "http/1.1", "HTTP/1.1 ", "HTTP/1.x", "FTP/1.1", ""):
        yield f"version {v!r}", get(version=v)
    yield "a line without a version", b"GET /health\r\n\r\n"
    yield "a line of one word", b"GET\r\n\r\n"
    yield "two spaces", b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n"
    yield "a tab", b"GET\t/health\tHTTP/1.1\r\nHost: x\r\n\r\n"
    yield "preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"
    yield "LF alone", get(eol="\n")
    yield "CR alone", get(eol="\r")
    yield "CR CR LF", get(eol="\r\r\n")
    yield "an empty line first", b"\r\n" + get()
    yield "empty lines behind a POST", post(HEALTH) + b"\r\n\r\n"
    yield "five line ends behind a POST", post(HEALTH) + b"\n\n\n\n\n"
    yield "an empty line behind a GET", get() + b"\r\n"
    for verb in ("HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO", "get", "M-SEARCH", "X" * 300, "F@O", "", "GÄT"):
        yield f"verb {verb[:10]!r}", get(verb=verb)
    for verb in ("HEAD", "PUT", "OPTIONS", "FOO"):
        yield f"{verb} nowhere", get("/nowhere", verb=verb)
        yield f"{verb} with a body", post(HEALTH, verb=verb)
        yield f"{verb} of an error", get("/block?height=0", verb=verb)
        yield f"{verb} of a redirection", get("//health", verb=verb)
        yield f"{verb} of the list", get("/", verb=verb)
    yield "a line of 60000", get("/" + "a" * 60000)
    yield "a query of 900000", get("/health?" + "a" * 900000)
    yield "a line of 1052000", get("/health?" + "a" * 1052000)
    yield "a header of 900000", get("/health", "X: " + "a" * 900000)
    yield "a header of 1052000", get("/health", "X: " + "a" * 1052000)
    yield "5000 headers", get("/health", *(f"X{i}: y" for i in range(5000)))
    yield "5000 headers of a name", get("/health", *["X: y"] * 5000)


def header_cases():
    for what, host in (("none", None), ("empty", "Host:"), ("two", "Host: x\r\nHost: y"), ("two alike", "Host: x\r\nhost: x"), ("a blank", "Host: x y"), ("odd", "Host: x/y"), ("of a list", "Host: a,b"),
                       ("an address", "Host: [::1]:80"), ("of umlauts", "Host: \xe4"), ("in capitals", "HOST: x"), ("blank before the colon", "Host : x"), ("odd port", "Host: x:y"), ("quoted", 'Host: "x"')):
        for version in ("HTTP/1.1", "HTTP/1.0"):
            yield f"host {what} {version}", get(host=host, version=version)
    yield "an odd host in the list", get("/", host="Host: a'b&c")
    for what, line in (("no colon", "X"), ("no name", ": x"), ("blank in the name", "A B: x"), ("blank behind the name", "X : x"), ("blank before the name", " X: x"), ("tab in the name", "A\tB: x"),
                       ("colon twice", "X:: x"), ("brackets", "X(y): x"), ("slash", "X/y: x"), ("umlaut name", "X\xe4: x"), ("umlaut value", "X: \xe4"), ("NUL", "X: a\0b"), ("NUL in the name", "X\0: b"),
                       ("DEL", "X: a\x7f"), ("escape", "X: \x1b"), ("tab", "X: a\tb"), ("bare CR", "X: a\rb"), ("folded", "X: a\r\n b"), ("folded with a tab", "X: a\r\n\tb"), ("folded empty", "X: a\r\n \r\n b"),
                       ("folded behind nothing", "X:\r\n b"), ("folded length", "Content-Length:\r\n 0"), ("empty", "X:"), ("blanks", "X:    "), ("digits", "1: x"), ("signs", "!#$%&'*+-.^_`|~: x")):
        yield f"header {what}", get("/health", line)
    yield "a folded first header", b"GET /health HTTP/1.1\r\n Host: x\r\n\r\n"
    yield "a folded host", b"GET /health HTTP/1.1\r\nHost:\r\n x\r\n\r\n"
    for version in ("HTTP/1.0", "HTTP/1.1", "HTTP/1.2"):
        for c in ("close", "keep-alive", "Keep-Alive", "CLOSE", "close, keep-alive", "x, close", "keep-alive, close", "upgrade", "clo se", "x\r\nConnection: close", "x\r\nConnection: keep-alive", ""):
            yield f"connection {c!r} {version}", get("/health", f"Connection: {c}", version=version)
            if version == "HTTP/1.0":
                yield f"connection {c!r} {version} 404", get("/nowhere", f"Connection: {c}", version=version)
    yield "HEAD 1.0 keep-alive", get("/health", "Connection: keep-alive", verb="HEAD", version="HTTP/1.0")
    yield "pipelined", get() * 3 + post(HEALTH) * 2 + get("/nowhere") + get("//health") + get(verb="HEAD")
    yield "gzip wanted", get("/health", "Accept-Encoding: gzip")
    yield "nothing accepted", get("/health", "Accept: image/png")
    yield "conditions", get("/health", "If-None-Match: *", "If-Modified-Since: Mon, 02 Jan 2096 15:04:05 GMT", "Range: bytes=0-3")
    yield "h2c", get("/health", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    yield "a page of elsewhere", get("/health", "Origin: http://evil.example")
    for what, lines in (("bare", []), ("no version", ["Connection: Upgrade", "Upgrade: websocket"]), ("version 12", ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 12"]),
                        ("no key", ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]),
                        ("a short key", ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAA"]),
                        ("no connection", ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]),
                        ("no upgrade", ["Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="])):
        yield f"websocket {what}", get("/websocket", *lines)
        yield f"POST websocket {what}", get("/websocket", *lines, verb="POST")


def target_cases():
    for t in ("http://host/health", "http://host", "http://host?x", "http://host/", "HTTP://host/health", "https://host/health", "ftp://host/health", "foo:bar", "http:health", "http:/health", "http:///health",
              "http://a b/health", "http://u:p@host/health", "http://u@@host/health", "http://ho%st/health", "http://[::1]/health", "http://[::1/health", "http://host:80/health", "http://host:x/health",
              "http://host//health", "http://h\xe4/health", "http://[x]/health", "http://a:1:2/health", "http://a<b/health", "://x", "1http://x/health",
              "*", "**", "health", "", "?", "?x", "/", "/?", "/?x", "/#", "/health", "/%68ealth", "/heal%74h", "/%6", "/%zz", "/health%", "/health%00", "/%2fhealth", "/health%2f", "/health%3Fheight", "/health%20", "/health/", "/health//", "//health",
              "///health", "/x//health", "/./health", "/../health", "/x/../health", "/health/.", "/health/..", "/%2e%2e/health", "/%2e/health", "/..", "/.", "/x/", "//", "/health#x", "/health#", "/health?#",
              "//health?a=b", "//h%65alth", "//health?a=<b>&c='d\"", "/x//<y>?\xe4", "//\xe4", "//x/?", "//?", "/../?a=1", "//a:b", "/Health", "/HEALTH", "/health;x", "/health,x", "/health+", "/health\x01",
              "/health\x7f", "/health\xe4", "/\"health\"", "/health|", "//health|", "/a\\..\\health", "/health?\x01", "/websocket/", "/%77ebsocket", "/subscribe", "/%73ubscribe", "/subscribe/", "/unsubscribe?query=1",
              "/block?height=0", "/block?height=%30", "/block?height=%zz", "/block?height=%3", "/block?height=0;x", "/block?x;height=0", "/block?x=1;2&height=0", "/block?height=0&height=1", "/block?height=&height=0",
              "/block?&&height=0&", "/block?=0", "/block?=&height=0", "/block?height", "/block?Height=0", "/block?hei%67ht=0", "/block?height=+0", "/block?height=%2B0", "/block?+height=0", "/block?height=0+",
              "/block?height=-0", "/block?height=00", "/block?height=0#x", "/block?height=0?", "/block?height==0", "/block?height=%220%22", "/block?height=\"0\"", "/block?height='0'", "/block?height=0%00",
              "/block?height=null", "/block?height=99999999999999999999", "/block?height=1.5", "/block?height={}", "/block?height=[]", "/block?height=0X1", "/block?height=-", "/block??height=0",
              "/block%3Fheight=0", "/block?" + "a&" * 9998 + "height=0", "/block?" + "a&" * 10000 + "height=0", "/check_tx?tx=\"\xe4\"", "/tx?hash=+", "/tx?hash=%22a+b%22", "/tx?hash=\"a%2Bb\"", "/tx?hash=0x0", "/tx?hash=\"", "/tx?hash=\"\"",
              "/tx?hash=0x", "/tx?hash=\"\\u00e4\"", "/tx?hash=\"\xff\"", "/tx?hash=%ff", "/tx?hash=0x00&prove=1", "/tx?hash=0x00&prove=TRUE", "/tx?hash=0x00&prove=0x1", "/tx?prove=x"):
        yield f"target {t if len(t) < 80 else (t[:20], len(t))}", get(t)
    for t in ("host:80", "host", "/health", "//health", "http://host/", "*", "", "[::1]:80", "/", "host:x"):
        yield f"CONNECT {t}", get(t, verb="CONNECT")
    for verb in ("OPTIONS", "POST", "HEAD", "PRI"):
        yield f"{verb} *", get("*", verb=verb)
        yield f"{verb} * 1.0", get("*", verb=verb, version="HTTP/1.0")
    yield "OPTIONS * with a body", post("x" * 5000, target="*", verb="OPTIONS")
    yield "OPTIONS * with a small body", post("x" * 500, target="*", verb="OPTIONS")


def body_cases():
    for e in ("100-continue", "100-Continue", "100-continue, x", "x", "200-ok", "", "x\r\nExpect: 100-continue"):
        yield f"POST expects {e!r}", post(HEALTH, f"Expect: {e}")
        yield f"GET expects {e!r}", get("/health", f"Expect: {e}")
    yield "1.0 expects", b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(HEALTH) + HEALTH
    yield "chunks expected", chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(HEALTH), HEALTH), "Expect: 100-continue")
    n = len(HEALTH)
    for what, lines in (("two alike", [f"Content-Length: {n}"] * 2), ("two different", [f"Content-Length: {n}", "Content-Length: 1"]), ("a list", [f"Content-Length: {n}, {n}"]), ("negative", ["Content-Length: -1"]),
                        ("a sign", [f"Content-Length: +{n}"]), ("empty", ["Content-Length:"]), ("hexadecimal", [f"Content-Length: 0x{n:x}"]), ("zeros", [f"Content-Length: 000{n}"]), ("text", ["Content-Length: x"]),
                        ("a fraction", [f"Content-Length: {n}.0"]), ("2^63-1", ["Content-Length: 9223372036854775807"]), ("2^63", ["Content-Length: 9223372036854775808"]), ("2^64", ["Content-Length: 18446744073709551616"]),
                        ("blanks", [f"Content-Length:   {n}  "]), ("blank inside", ["Content-Length: 4 2"]), ("none", []), ("zero", ["Content-Length: 0"]), ("capitals", [f"CONTENT-LENGTH: {n}"]),
                        ("blank before the colon", [f"Content-Length : {n}"]), ("other codings", ["Transfer-Encoding: gzip"]), ("gzip, chunked", ["Transfer-Encoding: gzip, chunked"]), ("identity", ["Transfer-Encoding: identity", f"Content-Length: {n}"]),
                        ("chunked twice", ["Transfer-Encoding: chunked"] * 2), ("chunked, chunked", ["Transfer-Encoding: chunked, chunked"]), ("no coding", ["Transfer-Encoding:"]), ("odd coding", ["Transfer-Encoding: xchunked"]),
                        ("a body encoded", [f"Content-Length: {n}", "Content-Encoding: gzip"]), ("of multipart", [f"Content-Length: {n}", "Content-Type: multipart/form-data; boundary=x"])):
        yield f"length {what}", get("/", *lines, verb="POST", body=HEALTH)
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (n, HEALTH)
    yield "chunked 1.0", chunked(body, version="HTTP/1.0")
    for c in ("Chunked", "CHUNKED", " chunked ", "\tchunked"):
        yield f"coding {c!r}", get("/", f"Transfer-Encoding:{c}", verb="POST", body=body)
    half = HEALTH[:20], HEALTH[20:]
    two = b"14\r\n" + half[0] + b"\r\n%x\r\n" % len(half[1]) + half[1] + b"\r\n"
    for what, b in (("two", two + b"0\r\n\r\n"), ("capitals", b"%X\r\n" % n + HEALTH + b"\r\n0\r\n\r\n"), ("zeros", b"00000%x\r\n" % n + HEALTH + b"\r\n000\r\n\r\n"), ("an extension", b"%x;a=b\r\n" % n + HEALTH + b"\r\n0;c\r\n\r\n"),
                    ("blank before ;", b"%x ;a=b\r\n" % n + HEALTH + b"\r\n0\r\n\r\n"), ("blank behind", b"%x \t\r\n" % n + HEALTH + b"\r\n0\r\n\r\n"), ("blank before", b" %x\r\n" % n + HEALTH + b"\r\n0\r\n\r\n"),
                    ("a trailer", two + b"0\r\nX: y\r\n\r\n"), ("two trailers", two + b"0\r\nX: y\r\nZ: q\r\n\r\n"), ("a bad trailer", two + b"0\r\nX\r\n\r\n"), ("a trailer of a length", two + b"0\r\nContent-Length: 5\r\n\r\n"),
                    ("a trailer with LF", two + b"0\r\nX: y\n\n"), ("a long trailer", two + b"0\r\nX: " + b"y" * 5000 + b"\r\n\r\n"), ("LF", b"%x\n" % n + HEALTH + b"\n0\n\n"), ("LF behind the last", two + b"0\n\n"), ("no size", b"\r\n" + HEALTH),
                    ("0x", b"0x%x\r\n" % n + HEALTH + b"\r\n0\r\n\r\n"), ("minus", b"-1\r\n" + HEALTH), ("plus", b"+%x\r\n" % n + HEALTH + b"\r\n0\r\n\r\n"), ("16 f", b"f" * 16 + b"\r\n" + HEALTH), ("17 digits", b"0" * 16 + b"1\r\nx\r\n"),
                    ("too short", b"5\r\n" + HEALTH + b"\r\n0\r\n\r\n"), ("too long", b"%x\r\n" % (n + 1) + HEALTH + b"\r\n0\r\n\r\n"), ("a letter", b"g\r\n" + HEALTH), ("a long extension", b"1;" + b"e" * 5000 + b"\r\n{\r\n0\r\n\r\n"),
                    ("many small", b"".join(b"1\r\n%c\r\n" % c for c in HEALTH) + b"0\r\n\r\n"), ("many extensions", b"".join(b"1;%s\r\n \r\n" % (b"e" * 1000) for _ in range(20)) + b"0\r\n\r\n"), ("none", b"0\r\n\r\n"), ("CR inside", b"2\r3\r\n" + HEALTH),
                    ("over the limit", b"100000\r\n" + b" " * 0x100000 + b"\r\n0\r\n\r\n")):
        yield f"chunks {what}", chunked(b)
    yield "GET of chunks", get("/health", "Transfer-Encoding: chunked", body=two + b"0\r\n\r\n")
    yield "GET of bad chunks", get("/health", "Transfer-Encoding: chunked", body=b"x\r\n")
    yield "chunks and a length", chunked(body, f"Content-Length: {len(body)}")
    yield "chunks and a wrong length", chunked(body, "Content-Length: 3")
    yield "chunks and a bad length", chunked(body, "Content-Length: x")
    yield "chunks and two lengths", chunked(body, "Content-Length: 3", "Content-Length: 4")
    yield "chunks 1.0 kept alive", chunked(b"0\r\n\r\n", "Connection: keep-alive", version="HTTP/1.0")
    yield "chunks 1.0 and a length kept alive", chunked(HEALTH, f"Content-Length: {n}", "Connection: keep-alive", version="HTTP/1.0")
    yield "a trailer foretold", chunked(two + b"0\r\nX: y\r\n\r\n", "Trailer: X")
    yield "a forbidden trailer", chunked(two + b"0\r\n\r\n", "Trailer: Content-Length")
    yield "GET with a body", post(HEALTH, target="/health", verb="GET")
    yield "GET with a body on /", post(HEALTH, verb="GET")
    yield "GET with a body too large", post("x" * 1000001, target="/health", verb="GET")
    yield "POST with a body too large nowhere", post("x" * 1000001, target="/nowhere")
    yield "POST of the largest body", post(" " * (1000000 - n) + HEALTH.decode())
    yield "POST of a batch to a method", post("[" + "1," * 10 + "1]", target="/health")
    for t in (None, "application/x-www-form-urlencoded", "text/plain", "application/json", "application/x-www-form-urlencoded; charset=utf-8", "x", "application/json; charset=utf-16"):
        lines = [f"Content-Type: {t}"] if t else []
        yield f"type {t}", post(HEALTH, *lines)
        yield f"type {t} to a method", post("height=0", *lines, target="/block")
        yield f"type {t} nowhere", post(HEALTH, *lines, target="/nowhere")
    form = "Content-Type: application/x-www-form-urlencoded"
    for verb in ("GET", "PUT", "PATCH", "DELETE"):
        yield f"{verb} of a form", post("height=0", form, target="/block", verb=verb)
    yield "a form in capitals", post("height=0", form.upper(), target="/block")
    yield "a form like it", post("height=0", form + "x", target="/block")
    yield "a form and a query", post("height=0", form, target="/block?height=-5")
    yield "a form and an empty query", post("height=0", form, target="/block?height=")
    yield "a form of odd pairs", post("%zz&a;b&height=0", form, target="/block")
    yield "POST of nothing", post("")
    yield "POST of nothing 1.0", b"POST / HTTP/1.0\r\n\r\n"
    yield "POST to /x", post(HEALTH, target="/x")
    yield "POST to /health/", post(HEALTH, target="/health/")
    yield "POST to //", post(HEALTH, target="//")
    yield "POST to /?x", post(HEALTH, target="/?x=1")
    yield "POST to /subscribe", post("{}", target="/subscribe")


def json_cases():
    one = '{"jsonrpc":"2.0","id":%s,"method":"health"}'
    for i in ("1", "0", "-1", "1.9", "-1.9", "1e3", "1e30", "-1e30", "1e400", "1E+2", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "null", '""', '"a"', '"\\u0000"', '"\\ud800"', '"<&>"',
              '"\u2028"', '"\\/"', '"\u00e4"', '"\\u00e4"', '"\\ud83d\\ude00"', "true", "false", "[]", "{}", "01", "+1", ".5", "1.", "NaN", "'a'", "-", "1e", "0x1", '"\t"', '"\\x"', "4294967296", '"' + "x" * 5000 + '"'):
        yield f"id {i[:80]}", post(one % i)
    for b in ("[]", "[ ]", "[[]]", "[{}]", "[null]", "[1]", '["x"]', "[true]", "[{},1]", "{}", "null", "true", "1", '"x"', "nul", "[", "]", "{", "}", "[1,]", '{"a":1,}', '{"a"}', "{a:1}", "{'a':1}", "{\"a\":1 \"b\":2}", "[1 2]", " ", "\n", "\t{}\r\n", "\x00", "\x0b{}", "\u00a0{}",
              "\ufeff{}", "\ufeff" + HEALTH.decode(), "// x\n{}", "{}{}", "{} x", "[] []", one % 1 + "\n", one % 1 + "\x00", one % 1 + "}", one % 1 + ",", "[" + one % 1 + "]", "[" + one % 1 + "," + one % '"b"' + "]", "[" + one % 1 + '{"id":2}]', "[" + one % 1 + ",null]",
              "[" + one % 1 + ",1]", "[" + one % 1 + "," + one % "true" + "]", "[" + one % "null" + "," + one % "null" + "]", '[{"jsonrpc":"2.0","method":"health"},' + one % 2 + "]", '[{"id":1,"method":5}]', '[{"id":1,"method":"health"},{"id":1,"method":"nothing"}]',
              "[" + ",".join([one % 1] * 11) + "]", "[" + ",".join(["{}"] * 11) + "]", "[" + ",".join(["1"] * 11) + "]", "[" + ",".join(["null"] * 11) + "]", "[" + ",".join([one % "null"] * 10) + "]", "[" + ",".join(["{}"] * 12) + "] x"):
        yield f"body {b[:80]!r} {len(b)}", post(b)
    for b in (b"\xff", b'{"id":1,"method":"health\xff"}', b'{"id":"\xff","method":"health"}', b'{"id":"\xed\xa0\x80","method":"health"}', b'{"\xff":1,"id":1,"method":"health"}', b'{"id":1,"method":"health"}\xff', b"\xfe\xff\x00{\x00}", b'{"id":1,"m\xc5\xbfethod":"health"}',
              b'{"id":1,"method":"nothing","params":"\xff"}', b'{"id":"\xc2\x85\xef\xbf\xbf","method":"health"}'):
        yield f"bytes {b!r}", post(b)
    yield "half a body", get("/", "Content-Length: 500", verb="POST", body=HEALTH)
    for v in ('"1.0"', '"2"', "2.0", "null", "true", "[]", '""', "{}"):
        yield f"jsonrpc {v}", post('{"jsonrpc":%s,"id":1,"method":"health"}' % v)
    yield "no jsonrpc", post('{"id":1,"method":"health"}')
    for m in ('""', "null", "5", "[]", "true", '"Health"', '" health"', '"health "', '"/health"', '"\\u0068ealth"', '"block?height=1"', '"rpc.health"', '"subscribe"', '"websocket"', '"health\\u0000"', '"<b>"'):
        yield f"method {m}", post('{"jsonrpc":"2.0","id":1,"method":%s}' % m)
    yield "no method", post('{"jsonrpc":"2.0","id":1}')
    for p in ("null", "{}", "[]", "1", '"x"', "true", "[1]", "[null]", '{"x":1}', '{"height":1}', '{"height":"0"}', '{"height":null}', '{"Height":"0"}', '{"height":"0","height":"-1"}', '{"height":"-1","height":null}', '["0"]', '["0","1"]', "[[]]", "[{}]", '{"height":[]}',
              '{"height":{}}', '{"height":true}', '{"height":0}', '{"height":"x"}', '{"height":" 0"}', '{"height":"0 "}', '{"height":"\\u0030"}', '{"height":"null"}', '{"height":"true"}', '{"height":"[]"}', '{"height":"{}"}', '{"height":"1.0"}', '{"height":"-"}', '{"height":"--1"}',
              '{"height":"1e2"}', '{"height":"\\"0\\""}', '{"height":""}', '{"height":"0x1"}', '{"hei\\u0067ht":"0"}', "[1,2,3]", "[ 1 ]", '["a b"]', '[{"a": 1}]', "5.5", "-0"):
        for m in ("health", "block"):
            yield f"{m} of {p}", post('{"jsonrpc":"2.0","id":1,"method":"%s","params":%s}' % (m, p))
    for p in ('{"hash":""}', '{"hash":"AA"}', '{"hash":"AA=="}', '{"hash":"A"}', '{"hash":"AA==AA"}', '{"hash":"A A="}', '{"hash":"A\\nA=="}', '{"hash":"AB=="}', '{"hash":"_-=="}', '{"hash":null}', '{"hash":[]}', '{"hash":[1]}', '{"hash":{}}', '{"hash":1}', '{"hash":true}',
              '{"hash":"AA==","prove":null}', '{"hash":"AA==","prove":"true"}', '{"hash":"AA==","prove":1}', '{"hash":"AA==","prove":[]}', "{}", '["AA==",false]', '["AA=="]', '["AA==",false,1]', '[null,null]'):
        yield f"tx of {p}", post('{"jsonrpc":"2.0","id":1,"method":"tx","params":%s}' % p)
    for p in ('{"path":1}', '{"path":[]}', '{"path":null,"data":null}', '{"data":"0"}', '{"data":"0g"}', '{"data":"\u00e4"}', '{"data":1}', '{"data":"\\u0061\\u0061"}', '{"height":"-1"}', '{"prove":1}', '{"data":true}', '{"data":{}}', '{"data":[ 1 ]}', '{"data":"x\\"y"}'):
        yield f"abci_query of {p}", post('{"jsonrpc":"2.0","id":1,"method":"abci_query","params":%s}' % p)
    for p in ('{"limit":"x"}', '{"limit":null}', '{"limit":"99999999999999999999"}', '{"limit":"-99999999999999999999"}'):
        yield f"unconfirmed_txs of {p}", post('{"jsonrpc":"2.0","id":1,"method":"unconfirmed_txs","params":%s}' % p)
    for p in ('{"chunk":"-1"}', '{"chunk":"99999999999999999999"}', '{"chunk":"5"}', '{"chunk":"1.0"}'):
        yield f"genesis_chunked of {p}", post('{"jsonrpc":"2.0","id":1,"method":"genesis_chunked","params":%s}' % p)
    for p in ('{"evidence":null}', '{"evidence":{}}', '{"evidence":1}', '{"evidence":"x"}', '{"evidence":{"type":"x","value":1}}', '{"evidence":{"type":1}}', '{"evidence":[]}', "{}"):
        yield f"broadcast_evidence of {p}", post('{"jsonrpc":"2.0","id":1,"method":"broadcast_evidence","params":%s}' % p)
    yield "no params", post('{"jsonrpc":"2.0","id":1,"method":"block"}')
    yield "keys twice", post('{"id":1,"id":2,"method":"block","method":"health","params":1,"params":{}}')
    yield "keys in capitals", post('{"ID":1,"Method":"health","PARAMS":{}}')
    yield "keys of both kinds", post('{"id":1,"ID":2,"method":"health"}')
    yield "id taken back", post('{"id":1,"id":null,"method":"health"}')
    yield "method taken back", post('{"id":1,"method":"health","method":null}')
    yield "params taken back", post('{"id":1,"method":"block","params":{"height":"0"},"params":null}')
    yield "Kelvin sign", post('{"id":1,"method":"health","\u212a":1}')
    yield "long s", post('{"id":1,"method":"block","param\u017f":{"height":"0"}}')
    yield "an escaped key", post('{"\\u0069d":1,"method":"health"}')
    for n in (100, 9990, 9999, 10000, 10001):
        yield f"{n} lists", post('{"id":1,"method":"health","params":' + "[" * n + "]" * n + "}")
        yield f"{n} lists alone", post("[" * n + "]" * n)
    yield "10000 open lists", post("[" * 10001)


def half_cases():
    """The client says no more, and listens."""
    for what, data in (("half a line", b"GET /hea"), ("a line", b"GET /health HTTP/1.1\r\n"), ("half a header", b"GET /health HTTP/1.1\r\nHost: x"), ("no last line", b"GET /health HTTP/1.1\r\nHost: x\r\n"), ("a request", get()), ("a POST", post(HEALTH)),
                       ("half a body", post(HEALTH)[:-5]), ("half a body to a method", post(HEALTH, target="/health")[:-5]), ("chunks without an end", chunked(b"2\r\n{}\r\n")), ("half a chunk", chunked(b"5\r\n{}")), ("half a size", chunked(b"5")), ("no trailer", chunked(b"0\r\n")),
                       ("half a trailer", chunked(b"0\r\nX: y\r\n")), ("nothing", b""), ("a line end", b"\r\n"), ("half behind a whole", get() + b"GET /x"), ("100-continue and no body", get("/", "Expect: 100-continue", "Content-Length: 5", verb="POST"))):
        yield f"half closed: {what}", data


CORS = ("--rpc.cors_allowed_origins=http://a.example,http://*.b.example",)


def cors_cases():
    preflight = "Access-Control-Request-Method: "
    for origin in ("http://a.example", "http://x.b.example", "HTTP://A.EXAMPLE", "http://evil.example", "http://a.example:80", "null", "", None):
        o = [f"Origin: {origin}"] if origin is not None else []
        yield f"cors GET from {origin}", get("/health", *o)
        yield f"cors OPTIONS from {origin}", get("/health", *o, verb="OPTIONS")
        for method in ("GET", "get", "POST", "DELETE", ""):
            yield f"cors preflight {method} from {origin}", get("/health", *o, preflight + method, verb="OPTIONS")
    o = "Origin: http://a.example"
    for h in ("content-type", "content-type,x-requested-with", "content-type, x-requested-with", "accept,content-type,origin", "x-evil", "", " ", ",", "origin", "content-type,,x-requested-with", "x-server-time"):
        yield f"cors preflight headers {h!r}", get("/health", o, preflight + "POST", f"Access-Control-Request-Headers: {h}", verb="OPTIONS")
    yield "cors preflight nowhere", get("/nowhere", o, preflight + "GET", verb="OPTIONS")
    yield "cors preflight with a network", get("/health", o, preflight + "GET", "Access-Control-Request-Private-Network: true", verb="OPTIONS")
    yield "cors preflight 1.0", get("/health", o, preflight + "GET", "Connection: keep-alive", verb="OPTIONS", version="HTTP/1.0")
    yield "cors POST", post(HEALTH, o)
    yield "cors HEAD", get("/health", o, verb="HEAD")
    yield "cors PUT", get("/health", o, verb="PUT")
    yield "cors DELETE", get("/health", o, verb="DELETE")
    yield "cors nowhere", get("/nowhere", o)
    yield "cors redirection", get("//health", o)
    yield "cors too large", post("x" * 1000001, o)
    yield "cors OPTIONS *", get("*", o, preflight + "GET", verb="OPTIONS")
    yield "cors websocket", get("/websocket", o, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAA")


# ---- asking and reading ----


def ask(port, data):
    """All that comes until the other side says no more."""
    out = b""
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        s.settimeout(20)
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it may have closed already
        try:
            while got := s.recv(1 << 16):
                out += got
        except ConnectionResetError:
            pass
        except TimeoutError:
            out += b"<no end>"
    return out


def unchunk(rest):
    body = b""
    while True:
        size, rest = rest.split(b"\r\n", 1)
        n = int(size, 16)
        body, rest = body + rest[:n], rest[n + 2:]
        if n == 0:
            return body, rest


def answers(raw, heads):
    """Each answer as lines: what a client sees, in an order of its own."""
    out = []
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            k, _, v = line.partition(":")
            headers.setdefault(k.lower(), []).append(v.strip())
        status = lines[0].split(" ")[1] if " " in lines[0] else ""
        if status == "100":
            out.append("\n".join(lines))
            raw = rest
            continue
        if heads and heads.pop(0) or status in ("204", "304"):
            body, raw = b"", rest
        elif "transfer-encoding" in headers:
            body, raw = unchunk(rest)
        elif "content-length" in headers:
            n = int(headers["content-length"][0])
            body, raw = rest[:n], rest[n:]
            if len(body) != n:
                body += b"<cut short>"
        else:
            body, raw = rest, b""
        if "x-server-time" in headers:
            headers["x-server-time"] = ["now"]
        text, is_fixed = body_text(body)
        over = PASSED_OVER if is_fixed and (body or status != "200") else (*PASSED_OVER, "transfer-encoding", "content-length")
        shown = sorted(f"{k}: {x}" for k, v in headers.items() for x in v if k not in over)
        out.append("\n".join([lines[0], *shown, "", text]))
    return [LAST_ANSWER if a.startswith("HTTP/1.1 404") and "connection: close" in a else a for a in out]


def body_text(body):
    """What to compare of it, and is it all?  (A long one is chunked by Go.)"""
    text = body.decode("latin-1")
    if text.startswith("<html><body><br>Available"):
        return "the list for " + re.search('href="//([^/]*)/', text)[1], False
    if re.match('{"jsonrpc":"2.0","id":-?1,"result":{"(block_id|response)"', text):
        return "a result", False
    return text[:600], len(text) <= 2048


def outcome(port, name, data):
    whole = data if name.startswith("half closed") else data + LAST
    heads = [h == b"HEAD" for h in re.findall(rb"(?:^|\n|\})(GET|HEAD|POST) /", whole)] if b"HEAD " in whole else []
    return answers(ask(port, whole), heads)


def table():
    for cases in (line_cases, header_cases, target_cases, body_cases, json_cases, half_cases):
        yield from cases()


def start(node_flags=(), comet_settings=()):
    ours = net.Node(app="kvstore")
    comet = None
    if net.peer("cometbft"):
        home = peers.comet_home(like=ours.home)
        for key, value in comet_settings:
            net.edit_config(home, "rpc", key, value)
        comet = peers.Comet(home, "kvstore").start()
    elif not os.path.exists(RECORDED):
        net.skip("neither CometBFT nor what it said")
    ours.start(*node_flags)
    return ours, comet


def ended(answer):
    """The same, and then no more."""
    head, _, body = answer.partition("\n\n")
    first, *headers = head.split("\n")
    if first.startswith("HTTP/1.1"):
        headers = sorted({*headers, "connection: close"})
    return ["\n".join([first, *(h for h in headers if h != "connection: keep-alive"), "", body])]


def compare(cases, ours, comet, recorded):
    cases = list(cases)
    net.check_eq(len({name for name, _ in cases}), len(cases), "each case has a name of its own")
    for name, data in cases:
        want = outcome(comet.rpc_port, name, data) if comet else recorded.get(name)
        got = outcome(ours.rpc_port, name, data)
        recorded[name] = want
        if name in REFUSED:
            net.check(len(got) == 1 and got[0].startswith("HTTP/1.1 400") and "connection: close" in got[0], f"{name}: {got}")
            continue
        last = next((i for i, w in enumerate(want) if name in ENDED or "error reading request body" in w), None)
        if last is not None:
            want = want[:last] + ended(want[last])
        net.check_eq(got, want, name)


def load():
    try:
        with open(RECORDED) as f:
            return json.load(f)
    except OSError:
        return {}


def save(recorded):
    if os.environ.get("WARREN_RECORD"):
        with open(RECORDED, "w") as f:
            json.dump(recorded, f, indent=0, sort_keys=True)
            f.write("\n")


def odd_requests_are_answered_alike():
    ours, comet = start()
    recorded = load()
    compare(table(), ours, comet, recorded)
    save(recorded)


def cors_is_alike():
    origins = '["http://a.example", "http://*.b.example"]'
    ours, comet = start(CORS, [("cors_allowed_origins", origins)])
    recorded = load()
    compare(cors_cases(), ours, comet, recorded)
    save(recorded)


if __name__ == "__main__":
    net.run(odd_requests_are_answered_alike, cors_is_alike)
