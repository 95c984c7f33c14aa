#!/usr/bin/env python3
"""The command line without a node: files, keys, flags, exit codes, completion."""
import json
import os
import pty
import shutil
import stat
import subprocess

import net

USAGE, CONFIG, KEY, SIGNSTATE, NET, BUSY, NOT_FOUND, VERIFY = 2, 3, 5, 6, 10, 12, 13, 15


def fails(code, words, *args, home=None, input_text=None):
    got, out, err = net.warren(*args, home=home, check_code=False, input_text=input_text)
    net.check_eq(got, code, f"warren {' '.join(args)}: exit code ({err.strip()})")
    for w in words:
        net.check(w in err, f"warren {' '.join(args)}: says {w!r}: {err.strip()}")
    net.check(len(err.strip().splitlines()) == 1, f"warren {' '.join(args)}: one line: {err!r}")
    return out


def tree(home):
    return {os.path.relpath(os.path.join(d, f), home): open(os.path.join(d, f), "rb").read()
            for d, _, fs in os.walk(home) for f in fs}


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def new_home(*flags):
    home = os.path.join(net.tempdir(), "home")
    net.warren("init", *flags, home=home)
    return home


def init():
    home = new_home("--chain-id", "cli-test")
    files = sorted(tree(home))
    net.check_eq(files, sorted(["config/config.toml", "config/genesis.json", "config/node_key.json",
                                "config/priv_validator_key.json", "data/priv_validator_state.json", "keys/admin.json"]),
                 "files of a home")
    for f in ("config/node_key.json", "config/priv_validator_key.json", "data/priv_validator_state.json", "keys/admin.json"):
        net.check_eq(mode(os.path.join(home, f)), 0o600, f"mode of {f}")
    for d in ("", "config", "data", "keys"):
        net.check_eq(mode(os.path.join(home, d)), 0o700, f"mode of {d or 'home'}")
    g = json.loads(tree(home)["config/genesis.json"])
    admin = json.loads(tree(home)["keys/admin.json"])
    net.check_eq(g["chain_id"], "cli-test", "chain id")
    net.check_eq(g["app_state"]["accounts"][0]["address"], admin["address"], "the admin has an account")
    net.check_eq(json.loads(tree(home)["data/priv_validator_state.json"]), {"height": "0", "round": 0, "step": 0}, "nothing signed")
    before = tree(home)
    _, out, _ = net.warren("init", "--chain-id", "other", "--output", "json", home=home)
    net.check(all(f["state"] == "kept" for f in json.loads(out)["files"]), "init again keeps all")
    net.check_eq(tree(home), before, "and changes nothing")
    os.unlink(os.path.join(home, "data/priv_validator_state.json"))
    fails(SIGNSTATE, ["priv_validator_state.json", "unsafe-reset-priv-validator"], "init", home=home)
    net.warren("unsafe-reset-priv-validator", home=home)
    net.check_eq(mode(os.path.join(home, "data/priv_validator_state.json")), 0o600, "the state is there again")
    fails(4, ["chain_id"], "init", "--chain-id", "x" * 51, home=os.path.join(net.tempdir(), "h"))
    home = new_home("--moniker", "from flag", "--p2p.pex=false", "--proxy_app", "kvstore")
    _, out, _ = net.warren("config", "diff", "--output", "json", home=home)
    diff = {k["key"]: k["value"] for k in json.loads(out)["config"]}
    net.check_eq(diff.get("p2p.pex"), "false", "flags of init are kept in the file")
    net.check_eq(diff.get("moniker"), '"from flag"', "moniker too")
    net.check("keys/admin.json" not in tree(home), "no ledger account for another application")


def secp256k1_validator():
    home = new_home("--key-type", "secp256k1")
    g = json.loads(tree(home)["config/genesis.json"])
    net.check_eq(g["validators"][0]["pub_key"]["type"], "tendermint/PubKeySecp256k1", "key type")
    net.check("secp256k1" in g["consensus_params"]["validator"]["pub_key_types"], "and it is allowed")


def testnet():
    out_dir = os.path.join(net.tempdir(), "net")
    _, out, _ = net.warren("testnet", "--v", "3", "--n", "1", "--o", out_dir, "--base-port", "31000", "--output", "json")
    r = json.loads(out)
    net.check_eq((r["nodes"], r["validators"], len(r["homes"])), (4, 3, 4), "what it says")
    genesis = {tree(h["home"])["config/genesis.json"] for h in r["homes"]}
    net.check_eq(len(genesis), 1, "one genesis")
    g = json.loads(genesis.pop())
    net.check_eq([v["name"] for v in g["validators"]], ["node0", "node1", "node2"], "validators")
    net.check_eq(len(g["app_state"]["accounts"]), 4, "an account for each")
    for i, h in enumerate(r["homes"]):
        _, out, _ = net.warren("config", "show", "--output", "json", home=h["home"])
        c = {k["key"]: k["value"] for k in json.loads(out)["config"]}
        net.check_eq(c["p2p.laddr"], f'"tcp://127.0.0.1:{31000 + 10 * i}"', "p2p address")
        net.check_eq(c["rpc.laddr"], f'"tcp://127.0.0.1:{31001 + 10 * i}"', "rpc address")
        peers = c["p2p.persistent_peers"].strip('"').split(",")
        net.check_eq(sorted(peers), sorted(o["peer"] for o in r["homes"] if o is not h), "peers: all others")
        net.check_eq(c["p2p.addr_book_strict"], "false", "private addresses")
        _, out, _ = net.warren("show-node-id", home=h["home"])
        net.check(h["peer"].startswith(out.strip() + "@"), "the id is the node's")
        net.warren("config", "check", home=h["home"])
    fails(BUSY, [out_dir], "testnet", "--o", out_dir)
    for flags, peer in (([], "@node1:26656"), (["--starting-ip-address", "10.1.2.3"], "@10.1.2.4:26656"),
                        (["--hostname", "a.example", "--hostname", "b.example", "--p2p-port", "7"], "@b.example:7"),
                        (["--hostname-prefix", "x", "--hostname-suffix", ".y"], "@x1.y:26656")):
        d = os.path.join(net.tempdir(), "net")
        net.warren("testnet", "--v", "2", "--o", d, *flags)
        text = tree(os.path.join(d, "node0"))["config/config.toml"].decode()
        net.check(peer in text, f"{flags}: {peer}")
    fails(USAGE, ["--hostname"], "testnet", "--v", "2", "--hostname", "a", "--o", os.path.join(net.tempdir(), "n"))
    fails(USAGE, ["10.0.0.250"], "testnet", "--v", "9", "--starting-ip-address", "10.0.0.250", "--o", os.path.join(net.tempdir(), "n"))
    fails(USAGE, ["--v"], "testnet", "--v", "x")
    d = os.path.join(net.tempdir(), "n")
    fails(4, ["chain_id"], "testnet", "--v", "2", "--chain-id", "x" * 51, "--o", d)
    fails(USAGE, ["10.0.0.255"], "testnet", "--v", "2", "--starting-ip-address", "10.0.0.255", "--o", d)
    net.check(not os.path.exists(d), "a wrong flag leaves nothing behind")


def keys():
    home = new_home()
    d = net.tempdir()
    _, out, _ = net.warren("keys", "new", "bob", "--output", "json", home=home)
    bob = json.loads(out)
    net.check_eq(len(bob["mnemonic"].split()), 24, "24 words")
    net.check(bob["address"].startswith("warren1"), "address")
    fails(BUSY, ["bob.json"], "keys", "new", "bob", home=home)
    words = os.path.join(d, "words")
    with open(words, "w") as f:
        f.write(bob["mnemonic"] + "\n")
    _, out, _ = net.warren("keys", "import", "bob2", "--mnemonic-file", words, "--output", "json", home=home)
    net.check_eq(json.loads(out)["address"], bob["address"], "the words restore it")
    _, out, _ = net.warren("keys", "import", "known", "--mnemonic-file", "-", "--output", "json", home=home,
                           input_text="abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about\n")
    # cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4 without prefix and checksum
    net.check_eq(json.loads(out)["address"][7:-6], "9rl4cm2hmr8afy4kldpxz3fka4jguq0a", "the address that wallets show for these words")
    _, out, _ = net.warren("keys", "new", "ed", "--type", "ed25519", "--output", "json", home=home)
    ed = json.loads(out)
    _, out, _ = net.warren("keys", "import", "ed2", "--type", "ed25519", "--mnemonic-file", "-", "--output", "json",
                           home=home, input_text=ed["mnemonic"])
    net.check_eq(json.loads(out)["pub_key"], ed["pub_key"], "ed25519 too")
    _, out, _ = net.warren("keys", "import", "hex", "--hex-file", "-", "--output", "json", home=home, input_text="11" * 32)
    net.check_eq(json.loads(out)["pub_key"], "A081W9y3zAr3KO88zrlhXZBoS7Wyyl+FmrDwtwQHWHGq", "hex")
    secret = os.path.join(d, "pass")
    with open(secret, "w") as f:
        f.write("correct horse\n")
    net.warren("keys", "new", "safe", "--passphrase-file", secret, home=home)
    text = tree(home)["keys/safe.json"].decode()
    net.check("argon2id" in text and "priv_key" not in text, "an encrypted key shows nothing")
    net.check_eq(mode(os.path.join(home, "keys/safe.json")), 0o600, "mode of a key")
    _, out, _ = net.warren("keys", "list", "--output", "json", home=home)
    names = [k["name"] for k in json.loads(out)["keys"]]
    net.check_eq(names, ["admin", "bob", "bob2", "ed", "ed2", "hex", "known", "safe"], "the list")
    fails(USAGE, ["BIP-39"], "keys", "import", "x", "--mnemonic-file", "-", home=home, input_text="abandon abandon\n")
    fails(USAGE, ["../x"], "keys", "new", "../x", home=home)
    fails(NOT_FOUND, ["nobody"], "keys", "show", "nobody", home=home)
    os.chmod(os.path.join(home, "keys/bob.json"), 0o644)
    fails(KEY, ["bob.json", "600"], "keys", "show", "bob", home=home)


def typed(args, *answers):
    """Run warren at a terminal of its own and type the answers when asked."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(net.WARREN, [net.WARREN, *args])
    seen = b""
    for a in answers:
        while not seen.rstrip(b" ").endswith(b":"):
            seen += os.read(fd, 1000)
        os.write(fd, a.encode() + b"\n")
        seen = b""
    try:
        while chunk := os.read(fd, 1000):
            seen += chunk
    except OSError:  # the terminal is gone with its process
        pass
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


def passphrases():
    home = new_home("--proxy_app=kvstore")
    code, out = typed(["keys", "new", "typed", "--passphrase", "--home", home], "open sesame", "open sesame")
    net.check_eq(code, 0, f"a key with a passphrase: {out}")
    net.check("open sesame" not in out, "what is typed is not shown")
    code, out = typed(["keys", "new", "other", "--passphrase", "--home", home], "open sesame", "open sesam")
    net.check(code == USAGE and "differ" in out, f"two different passphrases: {code} {out}")
    # nothing listens there: the key is opened before the node is asked
    put = ["tx", "put", "records", "k", "v", "--from", "typed", "--node", "127.0.0.1:1", "--home", home]
    code, out = typed(put, "open sesame")
    net.check_eq(code, NET, f"the right passphrase opens it: {out}")
    code, out = typed(put, "wrong")
    net.check(code == KEY and "passphrase" in out, f"a wrong one does not: {code} {out}")
    secret = os.path.join(net.tempdir(), "pass")
    with open(secret, "w") as f:
        f.write("open sesame\n")
    fails(NET, ["refused"], *put[:-2], "--passphrase-file", secret, home=home)
    fails(KEY, ["nowhere"], *put[:-2], "--passphrase-file", "nowhere", home=home)


def node_keys():
    home = new_home()
    for cmd in ("show-node-id", "show_node_id"):
        _, out, _ = net.warren(cmd, home=home)
        net.check(len(out.strip()) == 40, f"{cmd}: {out}")
    _, out, _ = net.warren("show-validator", home=home)
    net.check_eq(json.loads(out), json.loads(tree(home)["config/priv_validator_key.json"])["pub_key"], "show-validator")
    fails(KEY, ["node_key.json"], "gen-node-key", home=home)
    empty = os.path.join(net.tempdir(), "h")
    _, out, _ = net.warren("gen-node-key", home=empty)
    net.check_eq(net.warren("show-node-id", home=empty)[1], out, "gen-node-key")
    k = json.loads(net.warren("gen-validator")[1])
    net.check_eq(sorted(k), ["address", "priv_key", "pub_key"], "gen-validator")
    cometbft = net.peer("cometbft")
    if not cometbft:
        net.skip("no cometbft to compare with")
        return
    for cmd in ("show-node-id", "show-validator"):
        r = subprocess.run([cometbft, cmd, "--home", home], capture_output=True, text=True)
        net.check_eq(net.warren(cmd, home=home)[1], r.stdout, f"cometbft says the same for {cmd}")
    theirs = os.path.join(net.tempdir(), "h")
    subprocess.run([cometbft, "init", "--home", theirs], capture_output=True)
    net.warren("config", "check", home=theirs)
    _, out, _ = net.warren("config", "diff", "--output", "json", home=theirs)
    net.check_eq([k["key"] for k in json.loads(out)["config"]], [], "cometbft's own file has our defaults")
    with open(os.path.join(theirs, "config/config.toml")) as f:
        want = [l for l in f.read().splitlines() if l and not l.startswith("#")]
    got = [l for l in tree(new_home("--proxy_app=tcp://127.0.0.1:26658"))["config/config.toml"].decode().split("\n[warren]")[0].splitlines()
           if l and not l.startswith("#")]
    net.check_eq(got, want, "line by line")


def reset():
    home = new_home()
    data = os.path.join(home, "data")
    os.makedirs(os.path.join(data, "store", "deep"))
    for f in ("store/deep/x", "cs.wal"):
        with open(os.path.join(data, f), "w") as out:
            out.write("x")
    with open(os.path.join(home, "config/addrbook.json"), "w") as f:
        f.write("{}")
    with open(os.path.join(data, "priv_validator_state.json"), "w") as f:
        f.write('{"height": "7", "round": 0, "step": 3}')
    net.warren("reset-state", home=home)
    net.check_eq(sorted(f for f in tree(home) if f.startswith("data")), ["data/priv_validator_state.json"], "reset-state")
    net.check('"7"' in tree(home)["data/priv_validator_state.json"].decode(), "keeps what was signed")
    net.warren("unsafe-reset-all", "--keep-addr-book", home=home)
    net.check("config/addrbook.json" in tree(home), "keeps the address book when told to")
    net.check('"0"' in tree(home)["data/priv_validator_state.json"].decode(), "unsafe-reset-all resets what was signed")
    net.warren("unsafe-reset-all", home=home)
    net.check("config/addrbook.json" not in tree(home), "and removes the address book")
    net.check("keys/admin.json" in tree(home) and "config/node_key.json" in tree(home), "keys stay")


def flags():
    fails(USAGE, ["sart", "start"], "sart")
    fails(USAGE, ["--chain-i", "--chain-id"], "init", "--chain-i", "x")
    fails(USAGE, ["--rpc.ladr", "rpc.laddr"], "status", "--rpc.ladr=x")
    fails(USAGE, ["value"], "status", "--node")
    fails(USAGE, ["usage"], "keys", "new")
    fails(USAGE, ["extra"], "version", "extra")
    fails(USAGE, ["yaml"], "version", "--output", "yaml")
    fails(NET, ["refused"], "status", "--node", "http://127.0.0.1:1")
    home = new_home()
    fails(USAGE, ["1.5"], "tx", "put", "records", "k", "1.5", home=home)
    fails(USAGE, ["JSON"], "tx", "put", "records", "k", "{bad", home=home)
    fails(NOT_FOUND, ["nobody"], "tx", "put", "records", "k", "v", "--from", "nobody", home=home)
    fails(NOT_FOUND, ["no key 'nope'"], "config", "show", "moniker", "nope", home=home)
    shown = net.warren("config", "show", "moniker", "p2p", home=home)[1].splitlines()
    net.check(len(shown) > 2 and all(x.startswith(("moniker = ", "p2p.")) for x in shown), "keys and tables by name")
    fails(NOT_FOUND, ["no-such-file"], "verify", "no-such-file", home=home)
    fails(VERIFY, ["JSON"], "verify", "-", home=home, input_text="nonsense")
    fails(VERIFY, ["chain_id"], "verify", "-", home=home, input_text="{}")
    code, _, err = net.warren("status", "--node", "http://127.0.0.1:1", "--output", "json", check_code=False)
    net.check_eq((code, json.loads(err)["code"]), (NET, "network"), "an error as JSON")
    net.check_eq(net.warren("--version")[1], net.warren("version")[1], "--version")
    net.check(json.loads(net.warren("version", "--output=json")[1])["version"].startswith("0.38."), "version for clients")
    code, out, _ = net.warren("keys", check_code=False)
    net.check(code == USAGE and "import" in out, "a group without a command lists it")


def surroundings():
    home = new_home()
    for name, said in (("CMT_RPC_LADR", "CMT_RPC_LADDR"), ("CMT_SERVICE_HOST_OF_OTHERS", ""), ("CMT_MONIKER", ""),
                       ("CMT_HOME", "")):
        r = subprocess.run([net.WARREN, "config", "check", "--home", home], env={**os.environ, name: "tcp://127.0.0.1:1"},
                           text=True, capture_output=True)
        net.check_eq((r.returncode, r.stderr.count("\n")), (0, 1 if said else 0), f"{name}: {r.stderr}")
        net.check(said in r.stderr, f"{name}: names {said}")
    for words in (["gen-validator"], ["show-node-id"], ["version"], ["config", "show"]):
        with open("/dev/full", "w") as full:
            r = subprocess.run([net.WARREN, *words, "--home", home], stdout=full, stderr=subprocess.PIPE, text=True)
        net.check_eq((r.returncode, r.stderr.count("\n")), (9, 1), f"{words} to a full disk: {r.stderr}")
    empty = net.tempdir()
    fails(CONFIG, [empty, "warren init"], "config", "check", home=empty)


def help_and_completion():
    _, out, _ = net.warren("help", "--output", "json")
    commands = json.loads(out)["commands"]
    for c in commands:
        _, text, _ = net.warren(*c["name"].split(), "--help")
        net.check(text.startswith("Usage: warren " + c["name"]), f"{c['name']} --help")
        for f in c["flags"]:
            net.check("--" + f["name"] in text, f"{c['name']} --help names --{f['name']}")
    codes = json.loads(net.warren("help", "exit", "--output", "json")[1])["exit_codes"]
    net.check_eq([c["code"] for c in codes], list(range(16)), "every exit code is explained")
    net.check("--consensus.timeout_commit" in net.warren("help", "config")[1], "knobs are flags")
    for shell in ("bash", "zsh", "fish"):
        _, script, _ = net.warren("completion", shell)
        if not shutil.which(shell):
            net.check("warren" in script, f"{shell}")
            continue
        r = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True)
        net.check_eq((r.returncode, r.stderr), (0, ""), f"{shell} reads its completion")
    _, script, _ = net.warren("completion", "bash")

    def complete(*words):
        line = script + f"\nCOMP_WORDS=({' '.join(words)})\nCOMP_CWORD={len(words) - 1}\ncompopt() {{ :; }}\n_warren\necho ${{COMPREPLY[@]}}\n"
        return subprocess.run(["bash", "-c", line], text=True, capture_output=True).stdout.split()

    net.check_eq(complete("warren", "te"), ["testnet"], "completes a command")
    net.check_eq(complete("warren", "keys", "im"), ["import"], "a second word")
    net.check_eq(complete("warren", "testnet", "--base"), ["--base-port="], "a flag")
    net.check_eq(complete("warren", "start", "con"), ["consensus"], "a service")
    net.check_eq(complete("warren", "completion", "z"), ["zsh"], "a shell")
    net.check_eq(complete("warren", "--he"), ["--help"], "a flag of every command")
    net.check_eq(complete("warren", "start", "--rpc.tls_c"), ["--rpc.tls_cert_file="], "a key of the config")


def moved_tree():
    """An installed tree may be moved: services are found beside the program."""
    d = net.tempdir()
    os.makedirs(os.path.join(d, "a/bin"))
    os.makedirs(os.path.join(d, "a/libexec/warren"))
    shutil.copy(net.WARREN, os.path.join(d, "a/bin/warren"))
    for s in ("store", "kvstore", "signer", "consensus", "mempool", "p2p", "api"):
        path = os.path.join(d, "a/libexec/warren", s)
        with open(path, "w") as f:
            f.write(f"#!/bin/sh\necho {s} $0 >>{d}/log\nexec sleep 100\n")
        os.chmod(path, 0o755)
    os.rename(os.path.join(d, "a"), os.path.join(d, "b"))
    home = new_home("--proxy_app=kvstore")
    p = net.Process([os.path.join(d, "b/bin/warren"), "start", "--home", home], os.path.join(d, "out"))
    ok = net.wait_until(lambda: len(open(os.path.join(d, "log")).read().splitlines()) == 7, 10)
    net.check(ok, f"every service of the moved tree starts: {p.text()}")
    net.check_eq(p.stop(), 0, "and stops")
    text = open(os.path.join(d, "log")).read()
    net.check(all(f"{d}/b/libexec/warren/" in l for l in text.splitlines()), "from the new place")
    os.unlink(os.path.join(d, "b/libexec/warren/store"))
    r = subprocess.run([os.path.join(d, "b/bin/warren"), "start", "--home", home], capture_output=True, text=True)
    net.check(r.returncode == 1 and "store" in r.stderr, f"a missing service is named: {r.stderr}")


if __name__ == "__main__":
    net.run(init, secp256k1_validator, testnet, keys, passphrases, node_keys, reset, flags, surroundings, help_and_completion, moved_tree)
