#!/usr/bin/env python3
"""Against real CometBFT v0.38.25: applications, signers and home directories
go both ways, and the same transactions give the same results."""
import base64
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import net  # noqa: E402

COMETBFT, ABCI_CLI, PRIV_VAL = net.peer("cometbft"), net.peer("abci-cli"), net.peer("priv_val_server")
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


def their_application_runs_under_us():
    if not need(ABCI_CLI):
        return
    d = net.tempdir()
    for address in (f"unix://{d}/app.sock", f"tcp://127.0.0.1:{net.free_ports(1)[0]}"):
        app = net.Process([ABCI_CLI, "kvstore", "--address", address], os.path.join(d, "app.log"))
        node = net.Node(app=address).start()
        net.check(int(node.rpc.commit_tx(b"k=v")["height"]) > 0, f"commits with {address}")
        app.stop(9)
        if address.startswith("unix://"):
            os.unlink(address[7:])  # the Go server does not take over what it left
        app = net.Process([ABCI_CLI, "kvstore", "--address", address], os.path.join(d, "app.log"))
        h = node.rpc.height()
        net.check(node.wait_height(h + 2), f"an application that came back empty is replayed: {node.log()[-2500:]}")
        net.check(net.wait_until(lambda: node.rpc.call("abci_query", path="", data="6b")["response"]["value"] == "dg=="), "and knows everything again")
        node.stop()
        app.stop()


def our_application_runs_under_them(name):
    if not need(COMETBFT):
        return
    node = net.Node(app=name)
    home = comet_home(like=node.home)
    sock = f"unix://{home}/app.sock"
    app = net.Process([net.WARREN, "start", name, "--home", node.home, f"--proxy_app={sock}"], os.path.join(home, "app.log"))
    net.check(net.wait_until(lambda: os.path.exists(f"{home}/app.sock")), f"{name} listens: {app.text()[-500:]}")
    comet = Comet(home, sock).start()
    url = ["--node", f"http://127.0.0.1:{comet.rpc_port}"]
    if name == "ledger":
        _, out, _ = net.warren("tx", "put", "records", "x", '{"a":1}', "--from", "admin", "--output", "json", *url, home=node.home)
        net.check(int(json.loads(out)["height"]) > 0, f"a record is committed by CometBFT: {out}")
        _, out, _ = net.warren("get", "records", "x", *url, home=node.home)
        net.check('"a"' in out, "and read back")
        _, proof, _ = net.warren("get", "records", "x", "--prove", *url, home=node.home)
        path = os.path.join(home, "proof.json")
        with open(path, "w") as f:
            f.write(proof)
        code, out, err = net.warren("verify", path, home=node.home, check_code=False)
        net.check_eq(code, 0, f"and proved: {out}{err}")
    else:
        net.check(int(comet.rpc.commit_tx(b"k=v")["height"]) > 0, "a transaction is committed by CometBFT")
    net.check(app.alive() and comet.process.alive(), "both live")
    comet.process.stop()
    app.stop()


def ledger_under_cometbft():
    our_application_runs_under_them("ledger")


def kvstore_under_cometbft():
    our_application_runs_under_them("kvstore")


def their_signer_signs_for_us():
    if not need(PRIV_VAL):
        return
    node = net.Node(app="kvstore")
    port = net.free_ports(1)[0]
    with open(os.path.join(node.home, "config", "genesis.json")) as f:
        chain = json.load(f)["chain_id"]
    signer = net.Process([PRIV_VAL, "-addr", f"127.0.0.1:{port}", "-chain-id", chain,
                          "-priv-key", os.path.join(node.home, "config/priv_validator_key.json"),
                          "-priv-state", os.path.join(node.home, "data/priv_validator_state.json")], os.path.join(node.dir, "signer.log"))
    node.start(f"--priv_validator_laddr=tcp://127.0.0.1:{port}", wait=False)
    net.check(net.wait_until(lambda: node.rpc.height() >= 3, 40), f"blocks signed by CometBFT's signer: {node.log()[-1500:]}\n{signer.text()[-500:]}")
    net.check("signer" not in node.services(), "our own signer is not started then")
    signer.stop()


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
    net.run(same_transactions_same_results, their_application_runs_under_us, ledger_under_cometbft, kvstore_under_cometbft,
            their_signer_signs_for_us, a_directory_of_cometbft_works)
