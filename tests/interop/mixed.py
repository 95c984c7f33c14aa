"""Networks of Warren and real CometBFT v0.38.25, and how they are compared.

Each gate says what it reached with record(): a line on the terminal and, when
WARREN_FIGURES names a file, one of JSON in it."""
import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import net  # noqa: E402
import netns  # noqa: E402
import test_network as network  # noqa: E402

COMETBFT = net.peer("cometbft")
LONG = network.LONG
NAMES = {"w": "warren", "c": "cometbft"}


class Warren(network.Org):
    """A node run by Warren, as its config.toml says."""

    is_warren = True
    arguments = ("--proxy_app=kvstore",)

    def command(self):
        return [net.WARREN, "start", "--home", self.home, *self.arguments]

    def start(self):
        self.process = net.Process([*self.inside, *self.command()], os.path.join(self.home, "log"))
        return self

    def stop(self):
        self.process.stop()

    def connected(self):
        """How often it met a peer since its log began."""
        return len(re.findall(r"p2p       peer connected", self.log()))


class Comet(Warren):
    """The same home directory, run by CometBFT."""

    is_warren = False

    def command(self):
        return [COMETBFT, "start", "--home", self.home, *self.arguments]

    def kill_all(self):
        self.process.stop(signal.SIGKILL)

    def connected(self):
        return len(re.findall(r"(?m)msg=\"Starting Peer service\"", self.log()))


def node(kind, org):
    """The same home, address and host, run by this kind."""
    o = (Warren if kind == "w" else Comet)(org.home, org.rpc.port, org.peer)
    o.rpc, o.inside = org.rpc, org.inside
    return o


def mixed(kinds, others="", commit="100ms", **consensus):
    """A network of validators, then of other nodes: "w" is Warren, "c" CometBFT."""
    n = network.Network(len(kinds), len(others))
    settings = {"timeout_commit": commit, "peer_gossip_sleep_duration": "10ms", **consensus}
    n.orgs = [node(kind, o) for kind, o in zip(kinds + others, n.orgs)]
    configure(n, settings)
    return n


def on_hosts(kinds, commit="500ms", **consensus):
    """Such validators, each on a host of its own, with lines between them."""
    n = netns.Network(len(kinds))
    n.orgs = [node(kind, o) for kind, o in zip(kinds, n.orgs)]
    configure(n, {"timeout_commit": commit, "peer_gossip_sleep_duration": "10ms", **consensus})
    return n


def configure(n, consensus):
    for o in n.orgs:
        for key, value in consensus.items():
            if value is not None:
                net.edit_config(o.home, "consensus", key, f'"{value}"')


def of_kind(n, warren):
    return [o for o in n.orgs if o.is_warren == warren]


def commits(rpc, first, last):
    """For each height: its round, who proposed, who precommitted it."""
    out = []
    for h in range(first, last + 1):
        c = rpc.call("commit", height=str(h))["signed_header"]
        signers = {s["validator_address"] for s in c["commit"]["signatures"] if s["block_id_flag"] == 2}
        out.append((c["commit"]["round"], c["header"]["proposer_address"], signers))
    return out


def participation(n, first, last):
    """What each validator did in these heights: its share of the commits, and
    the rounds of the blocks that it proposed."""
    seen = commits(of_kind(n, False)[0].rpc, first, last)
    out = []
    for o in n.orgs:
        a = network.address(o)
        rounds = [r for r, p, _ in seen if p == a]
        out.append({"kind": NAMES["w" if o.is_warren else "c"],
                    "in_commits": round(sum(a in signers for _, _, signers in seen) / len(seen), 4),
                    "proposed": len(rounds), "later_rounds": sum(r > 0 for r in rounds)})
    return out


def present(n, first, last, least=0.99 if LONG else 0.9):
    """Warren's part in the heights of a network without faults."""
    told, slips = participation(n, first, last), 0 if LONG else 1  # a busy machine is no fault
    for v in told:
        if v["kind"] == "warren":
            net.check(v["in_commits"] >= least, f"precommits of Warren are in {v['in_commits']:.1%} of commits")
            net.check(v["proposed"], "Warren proposes")
            net.check(v["later_rounds"] <= slips, f"its proposals are accepted in round 0: {v}")
    net.check(sum(v["later_rounds"] for v in told) <= slips, f"all in round 0: {told}")
    return told


def alike(n, first, last, what, **figures):
    """All nodes show the same of each height; the gate's figures are recorded."""
    net.check(last >= first, f"{what}: heights {first} to {last}")
    network.all_equal([o.rpc for o in n.orgs], first, last, what)
    record(what, nodes="".join("w" if o.is_warren else "c" for o in n.orgs), first=first, last=last,
           compared="block id, app hash, validators with powers and priorities, results and updates", **figures)


def record(gate, **figures):
    print(f"{gate}: " + json.dumps(figures), flush=True)
    path = os.environ.get("WARREN_FIGURES")
    if path:
        with open(path, "a") as f:
            f.write(json.dumps({"gate": gate, "at": time.strftime("%FT%TZ", time.gmtime()), **figures}) + "\n")


def together(n, ahead=3, seconds=120):
    """Every node is some heights above where the highest was: that height."""
    h = max(network.height(o) for o in n.orgs) + ahead
    for i, o in enumerate(n.orgs):
        if not net.check(o.wait_height(h, seconds), f"node {i} is at height {h}"):
            raise RuntimeError(f"node {i} stays behind:\n" + o.log()[-3000:])
    return h


def stands_still(o, seconds=3):
    """Nothing is decided here (but for what was on its way)."""
    time.sleep(1)
    h = o.height()
    time.sleep(seconds)
    return o.height() <= h


def connections(n):
    """For each node: how long each of its connections is there, in seconds."""
    out = []
    for o in n.orgs:
        peers = o.rpc.call("net_info")["peers"]
        out.append({p["node_info"]["id"]: int(p["connection_status"]["Duration"]) / 1e9 for p in peers})
    return out


def held(n, before, seconds, what):
    """No connection of any node ended since; both sides say so."""
    after, ok = connections(n), True
    for i, (a, b) in enumerate(zip(before, after)):
        ok &= net.check_eq(sorted(b), sorted(a), f"{what}: peers of node {i}")
        for peer in a:
            lasted = b.get(peer, 0) - a[peer]
            ok &= net.check(lasted >= seconds - 1, f"{what}: node {i}, {peer}: {lasted:.1f} s older after {seconds:.1f} s")
    return ok


def healthy(n):
    network.healthy(of_kind(n, True))


def skip_without_peers():
    if not COMETBFT:
        net.skip("CometBFT v0.38.25 is not installed (tests/interop/install-peers)")
        net.finish()


def children(o):
    return net.children_of(o.process.pid)
