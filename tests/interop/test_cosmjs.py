#!/usr/bin/env python3
"""CosmJS's Comet38Client connects, reads and subscribes without an error."""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import net  # noqa: E402


def client():
    if not shutil.which("node") or not os.path.isdir(os.path.join(net.PEERS, "node_modules/@cosmjs/tendermint-rpc")):
        net.skip("CosmJS is not installed (tests/interop/install-peers)")
        return
    node = net.Node(app="kvstore").start()
    r = subprocess.run(["node", os.path.join(HERE, "comet38.mjs"), f"http://127.0.0.1:{node.rpc_port}"], capture_output=True,
                       text=True, timeout=60, env={**os.environ, "WARREN_PEERS": net.PEERS})
    got = dict(l.split(" ", 1) for l in r.stdout.splitlines())
    net.check_eq(r.returncode, 0, f"the client ends well: {r.stderr[-1500:]}")
    for what, value in (("detected", '"Comet38Client"'), ("committed", "true"), ("block", "1"), ("results", "1"), ("commit", "1"),
                        ("validators", "true"), ("tx", "true"), ("blockchain", "true"), ("genesis", "true"), ("abciInfo", "true"),
                        ("newBlock", "true"), ("newHeader", "true"), ("txEvent", "true")):
        net.check_eq(got.get(what), value, what)


if __name__ == "__main__":
    net.run(client)
