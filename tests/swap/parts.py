"""A node put together from its services, one of them somebody else's."""
import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import net  # noqa: E402

PYTHON = "/usr/bin/python3"  # where Debian puts its packages
SERVICES = ("api", "consensus", "mempool", "store", "signer", "kvstore", "p2p")


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


class Parts:
    """node is a net.Node, or has its .home, .flags, .rpc and .dir."""

    def __init__(self, node, messages, without=()):
        self.node, self.messages = node, messages
        self.run = os.path.join(node.home, "run")
        os.makedirs(self.run, mode=0o700, exist_ok=True)
        self.own, self.foreign = {}, {}
        for s in SERVICES:
            if s not in without:
                self.start(s)

    def start(self, service, *flags):
        self.own[service] = net.Process([net.WARREN, "start", service, "--home", self.node.home, *self.node.flags, *flags],
                                        os.path.join(self.node.dir, service))

    def python(self, name, program, *args):
        self.foreign[name] = net.Process([PYTHON, os.path.join(HERE, program), *args], os.path.join(self.node.dir, name),
                                         env={"WARREN_MESSAGES": self.messages, "PYTHONDONTWRITEBYTECODE": "1"})
        return self.foreign[name]

    def python_mempool(self):
        return self.python("mempool", "mempool.py", self.run, os.path.join(self.node.dir, "journal"))

    def all_live(self, what):
        for name, p in self.own.items():
            net.check(p.alive(), f"{what}: {name} lives: {p.text()[-1500:] if not p.alive() else ''}")

    def stop(self):
        for p in [*self.own.values(), *self.foreign.values()]:
            p.stop()
