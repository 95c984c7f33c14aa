#!/usr/bin/env python3
"""Against real CometBFT v0.38.25: home directories go both ways, and the same
transactions give the same results.  (Applications and signers: tests/swap.)"""
import base64
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import net  # noqa: E402

COMETBFT, ABCI_CLI = net.peer("cometbft"), net.peer("abci-cli")
TXS = [b"a=1", b"b=2", b"a=3", b"long=" + b"x" * 1000]


def need(*programs):
    if all(programs):
        return True
    net.skip("CometBFT v0.38.25 is not installed (tests/interop/install-peers)")
    return False


class Comet:
    """A real CometBFT node on loopback."""

    def __init__(self, home, app):
        self.home = home
        self.p2p_port, self.rpc_port = net.free_ports(2)
        self.rpc = net.Rpc(self.rpc_port)
        self.log = os.path.join(os.path.dirname(home), "comet.log")
        self.args = [COMETBFT, "start", "--home", home, f"--proxy_app={app}",
                     f"--rpc.laddr=tcp://127.0.0.1:{self.rpc_port}", f"--p2p.laddr=tcp://127.0.0.1:{self.p2p_port}"]

    def start(self):
        self.process = net.Process(self.args, self.log)
        if not net.wait_until(lambda: self.rpc.height() >= 1, 30):
            raise RuntimeError("cometbft: no first block\n" + self.process.text()[-3000:])
        return self


def comet_home(like=None):
    d = net.tempdir()
    home = os.path.join(d, "comet")
    net.subprocess.run([COMETBFT, "init", "--home", home], check=True, capture_output=True)
    net.edit_config(home, "consensus", "timeout_commit", '"100ms"')
    if like:
        for f in ("genesis.json", "priv_validator_key.json"):
            shutil.copy(os.path.join(like, "config", f), os.path.join(home, "config", f))
    return home


def results(rpc, txs):
    out = []
    for tx in txs:
        r = rpc.commit_tx(tx)
        result = dict(r["tx_result"])
        out.append((r["check_tx"]["code"], result))
    return out


def app_hash(rpc):
    """Of the state after the last transaction: an idle height later."""
    h = rpc.height()
    net.wait_until(lambda: rpc.height() >= h + 2)
    return rpc.call("block")["block"]["header"]["app_hash"]


def same_transactions_same_results():
    if not need(COMETBFT, ABCI_CLI):
        return
    node = net.Node(app="kvstore")
    home = comet_home(like=node.home)
    app = net.Process([ABCI_CLI, "kvstore", "--address", f"unix://{home}/app.sock"], os.path.join(home, "app.log"))
    net.wait_until(lambda: os.path.exists(f"{home}/app.sock"))
    comet = Comet(home, f"unix://{home}/app.sock").start()
    node.start()
    ours, theirs = results(node.rpc, TXS), results(comet.rpc, TXS)
    for tx, a, b in zip(TXS, ours, theirs):
        net.check_eq(a, b, f"result of {tx[:10]!r}")
    net.check_eq(app_hash(node.rpc), app_hash(comet.rpc), "app hash")
    a = node.rpc.call("genesis")["genesis"]
    b = comet.rpc.call("genesis")["genesis"]
    net.check_eq(a, b, "genesis as the RPC shows it")
    ha, hb = node.rpc.call("header", height="1")["header"], comet.rpc.call("header", height="1")["header"]
    for k in ("version", "chain_id", "height", "time", "last_block_id", "last_commit_hash", "data_hash", "validators_hash",
              "next_validators_hash", "consensus_hash", "app_hash", "last_results_hash", "evidence_hash", "proposer_address"):
        net.check_eq(ha[k], hb[k], f"header 1: {k}")
    va, vb = node.rpc.call("validators", height="2"), comet.rpc.call("validators", height="2")
    net.check_eq(va, vb, "validators of height 2")
    pa, pb = node.rpc.call("consensus_params", height="2"), comet.rpc.call("consensus_params", height="2")
    net.check_eq(pa, pb, "consensus params of height 2")
    app.stop()


def a_directory_of_cometbft_works():
    if not need(COMETBFT):
        return
    home = comet_home()
    node = net.Node(home=home, init=False, app="kvstore").start()
    h = int(node.rpc.commit_tx(b"k=v")["height"])
    net.check(h > 0, "commits on a home that cometbft init made")
    node.stop()
    with open(os.path.join(home, "data", "priv_validator_state.json")) as f:
        state = json.load(f)
    net.check(int(state["height"]) >= h, f"the signing state is kept in CometBFT's form: {state}")
    shutil.rmtree(os.path.join(home, "data", "cs.wal"), True)
    comet = Comet(home, "kvstore")
    comet.process = net.Process(comet.args, comet.log)
    ok = net.wait_until(lambda: comet.rpc.call("status") is not None, 20)
    net.check(ok, f"and CometBFT starts on it again: {comet.process.text()[-800:]}")
    d = net.tempdir()
    net.subprocess.run([COMETBFT, "testnet", "--v", "1", "--o", d], check=True, capture_output=True)
    node = net.Node(home=os.path.join(d, "node0"), init=False, app="kvstore").start()
    net.check(node.rpc.height() >= 1, "a home that cometbft testnet made works")


if __name__ == "__main__":
    net.run(same_transactions_same_results, a_directory_of_cometbft_works)
