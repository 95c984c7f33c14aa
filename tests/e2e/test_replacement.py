#!/usr/bin/env python3
"""proto/ is enough: a mempool in Python takes the place of the real one."""
import glob
import os
import subprocess

import net

PYTHON = "/usr/bin/python3"  # where Debian puts its packages


def lacks():
    """What is missing here for a service in Python, or None."""
    if not net.shutil.which("protoc"):
        return "protoc (apt-get install protobuf-compiler)"
    r = subprocess.run([PYTHON, "-c", "import zmq, google.protobuf"], capture_output=True)
    return None if r.returncode == 0 else "python3-zmq and python3-protobuf of Debian"


def generated():
    out = net.tempdir()
    protos = glob.glob(os.path.join(net.ROOT, "proto", "*.proto"))
    subprocess.run(["protoc", f"--proto_path={net.ROOT}", f"--python_out={out}", *protos], check=True)
    return out


def a_mempool_in_python_takes_its_place():
    missing = lacks()
    if missing:
        net.skip(f"a service in Python needs {missing}, which is not here")
        return
    node = net.Node(app="kvstore")
    run = os.path.join(node.home, "run")
    program = os.path.join(net.ROOT, "tests", "e2e", "replacement_mempool.py")
    os.makedirs(run, mode=0o700, exist_ok=True)

    services = {s: net.Process([net.WARREN, "start", s, "--home", node.home, *node.flags], os.path.join(node.dir, s))
                for s in ("api", "consensus", "store", "signer", "kvstore", "p2p")}
    mempool = net.Process([PYTHON, program, generated(), run], os.path.join(node.dir, "mempool"))
    net.check(node.wait_height(2), "blocks come: " + mempool.text())

    for i in range(20):
        done = node.rpc.commit_tx(b"key%d=value%d" % (i, i))
        net.check(int(done["height"]) > 0 and done["check_tx"]["code"] == 0, f"transaction {i}: {done}")
    net.check_eq(node.rpc.call("abci_query", path="", data=b"key7".hex())["response"]["value"], "dmFsdWU3",
                 "the application has executed it")
    net.check(node.rpc.send_tx(b"nonsense")["code"] != 0, "the application's refusal comes through")
    net.check_eq(node.rpc.call("num_unconfirmed_txs")["n_txs"], "0", "what blocks took is gone")
    net.check(net.wait_until(lambda: node.rpc.raw("GET", "/readyz")[0] == 200, 10),
              f"ready: {node.rpc.raw('GET', '/readyz')[2]}")

    mempool.stop(net.signal.SIGKILL)
    mempool = net.Process([PYTHON, program, generated(), run], os.path.join(node.dir, "mempool"))
    net.check(net.wait_until(lambda: int(node.rpc.commit_tx(b"again=1")["height"]) > 0, 20),
              "killed and started again, it goes on: " + mempool.text())
    for name, p in services.items():
        net.check(p.alive(), f"{name} took it for a mempool throughout")
    net.check_eq(mempool.stop(), 0, "ends on SIGTERM")


if __name__ == "__main__":
    net.run(a_mempool_in_python_takes_its_place)
