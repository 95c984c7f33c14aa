#!/usr/bin/env python3
"""Parts of CometBFT v0.38.25 in Warren's node, and Warren's parts under it:
applications and signers, in both directions."""
import json
import os
import sys

from parts import net

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from test_cometbft import ABCI_CLI, COMETBFT, Comet, comet_home, need  # noqa: E402

PRIV_VAL = net.peer("priv_val_server")


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


def our_signer_signs_for_them():
    if not need(COMETBFT):
        return
    node = net.Node(app="kvstore")
    home = comet_home(like=node.home)
    for what in ("priv_validator_key.json", "data/priv_validator_state.json"):
        path = os.path.join(home, what if "/" in what else os.path.join("config", what))
        if os.path.exists(path):
            os.unlink(path)  # theirs has nothing to sign with
    laddr = f"tcp://127.0.0.1:{net.free_ports(1)[0]}"

    def signs(name):
        return net.Process([net.WARREN, "start", "signer", "--home", node.home, f"--priv_validator_laddr={laddr}"], os.path.join(home, name))
    signer = signs("signer.log")
    comet = Comet(home, "kvstore")
    comet.args.append(f"--priv_validator_laddr={laddr}")
    comet.start()
    net.check(int(comet.rpc.commit_tx(b"k=v")["height"]) > 0, f"a CometBFT node commits with Warren's signatures: {signer.text()[-800:]}")
    signer.stop(9)
    signer = signs("signer2.log")
    h = comet.rpc.height()
    ok = net.wait_until(lambda: comet.rpc.height() >= h + 2, 60)
    net.check(ok, f"and again after the signer was killed: {signer.text()[-800:]}{comet.process.text()[-800:]}")
    with open(os.path.join(node.home, "data", "priv_validator_state.json")) as f:
        net.check(int(json.load(f)["height"]) >= h, "what it signed is on its disk")
    comet.process.stop()


if __name__ == "__main__":
    net.run(their_application_runs_under_us, ledger_under_cometbft, kvstore_under_cometbft, their_signer_signs_for_us, our_signer_signs_for_them)
