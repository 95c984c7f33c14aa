"""A node whose services are started one by one, each with a status port."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import net  # noqa: E402


class Apart:
    def __init__(self, home, flags, app="kvstore"):
        self.home, self.flags = home, [f"--proxy_app={app}", *flags]
        self.services = ("store", app, "signer", "consensus", "mempool", "p2p", "api")
        self.port = dict(zip(self.services, net.free_ports(len(self.services))))
        self.process = {}

    def start(self, *services):
        for s in services or self.services:
            self.process[s] = net.Process([net.WARREN, "start", s, "--home", self.home, *self.flags, self.flag(s)],
                                          os.path.join(self.home, f"{s}.log"))

    def flag(self, service):
        return f"--warren.status_laddr=tcp://127.0.0.1:{self.port[service]}"

    def get(self, service, path):
        status, _, body = net.Rpc(self.port[service]).raw("GET", path)
        return status, body.decode()
