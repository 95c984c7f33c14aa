#!/usr/bin/env python3
"""What is shown while a node catches up: a bar on a terminal, a line now and
then elsewhere."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading

import net
from test_network import Network, all_equal

SLOW = "--p2p.recv_rate=100000"  # bytes a second, so that there is time to look
BAR = re.compile(rb"\[[#.]{8,}\] (\d+) %  (\d+) of (\d+)  (\d+) blocks/s  [^\r\x1b]* left[^\r\x1b]*  (\d+) peers")
ERASE = b"\r\x1b[K"


class OnTerminal:
    """A node whose output a person looks at."""

    def __init__(self, org, flags, columns, **env):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.p = subprocess.Popen([net.WARREN, "start", "--home", org.home, "--proxy_app=kvstore", *flags], stdin=theirs,
                                  stdout=theirs, stderr=theirs, env={**os.environ, **env})
        os.close(theirs)
        self.seen = b""
        net.at_stop(self.stop)
        self.reader = threading.Thread(target=self.read, args=(ours,), daemon=True)
        self.reader.start()

    def read(self, fd):
        try:
            while data := os.read(fd, 65536):
                self.seen += data
        except OSError:
            pass
        finally:
            os.close(fd)

    def stop(self):
        if self.p.poll() is None:
            self.p.terminate()
            self.p.wait(30)
        self.reader.join(10)


def a_chain(n):
    for o in n.orgs:
        o.start(commit="20ms")
    a = n.orgs[0]
    net.check(a.wait_height(1, 60), "starts")
    for i in range(60):
        a.rpc.commit_tx(b"long%d=%s" % (i, b"x" * 20000), timeout=60)
    return a


def bar_on_a_terminal_and_lines_elsewhere():
    n = Network(1, 3)
    wide, narrow, plain = n.orgs[1], n.orgs[2], n.orgs[3]
    n.orgs = n.orgs[:1]
    a = a_chain(n)
    top = a.height()
    flags = [SLOW, "--p2p.pex=false", f"--p2p.persistent_peers={a.peer}"]
    shown = OnTerminal(wide, flags, 120, TERM="xterm")
    dumb = OnTerminal(narrow, flags, 120, TERM="dumb")
    plain.flags = flags
    plain.start()
    for o in (wide, narrow, plain):
        net.check(o.wait_height(top, 180), "fetched")
    bars = [tuple(map(int, m)) for m in BAR.findall(shown.seen)]
    print(f"{len(bars)} bars: first {bars[:1]}, last {bars[-1:]} (per cent, height, of, blocks/s, peers)", flush=True)
    net.check(len(bars) > 3, f"a bar moves: {shown.seen[-2000:]!r}")
    net.check(all(a[1] <= b[1] for a, b in zip(bars, bars[1:])), "forward")
    net.check(all(b[1] <= b[2] and b[0] <= 100 for b in bars), "to the top")
    net.check(any(b[3] > 0 for b in bars), "with a rate")
    net.check(max(len(line) for line in re.split(rb"\r\x1b\[K|\r?\n", shown.seen) if BAR.match(line)) < 120, "in one line")
    net.check(net.wait_until(lambda: b"taking part" in shown.seen, 60), "it ends")
    # What remains of the screen: log lines, none behind the rest of a bar.
    lines = [line.rsplit(ERASE, 1)[-1].rstrip(b"\r") for line in shown.seen.split(b"\n")]
    net.check_eq([x for x in lines[:-1] if not re.match(rb"\d{4}-\d\d-\d\dT", x)], [], "log lines stand by themselves")
    net.check(b"catching up height=" not in shown.seen, "the log there does not say it again")
    net.check(b"\x1b" not in dumb.seen and b"# " not in dumb.seen, "a terminal that cannot: no bar")
    net.check("\x1b" not in plain.log(), "no bar in a file")
    told = re.findall(r"catching up height=(\d+) of=(\d+) blocks_s=(\d+) left_s=(-?\d+) peers=(\d+)", plain.log())
    net.check(len(told) >= 1, "but a line each ten seconds")
    print(f"lines elsewhere: {told}", flush=True)
    all_equal([o.rpc for o in (a, wide, narrow, plain)], 1, 3, "fetched")


if __name__ == "__main__":
    net.run(bar_on_a_terminal_and_lines_elsewhere)
