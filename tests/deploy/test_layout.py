#!/usr/bin/python3
"""warren testnet --layout compose and tools/gen-compose: what one writes is
what the other mounts, for any number of organisations."""
import glob
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import net  # noqa: E402

try:
    import yaml
except ImportError:
    yaml = None

USER = 10001  # of the image
SERVICES = ("consensus", "mempool", "p2p", "store", "api", "ledger", "signer")
USAGE, BUSY = 2, 12
# Whose each secret is, by the name of the file.
SECRETS = {f"curve-{s}": s for s in SERVICES} | {"validator_key": "signer", "node_key": "p2p"}
FILES = {"config/config.toml", "config/genesis.json", "signer/priv_validator_state.json", "keys/admin.json"} | {f"secrets/{s}" for s in SECRETS}


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def all_files(top):
    return {os.path.relpath(os.path.join(d, f), top) for d, _, files in os.walk(top) for f in files}


def modes(top, user):
    """Everything is its user's; secrets are nobody else's."""
    for d, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(d, name)
            what = os.lstat(path)
            net.check_eq(what.st_uid, user, f"{path}: owner")
            if os.path.basename(d) in ("secrets", "signer", "keys"):
                net.check_eq(stat.S_IMODE(what.st_mode), 0o600, f"{path}: mode")
            elif name in ("secrets", "signer", "keys"):
                net.check_eq(stat.S_IMODE(what.st_mode), 0o700, f"{path}: mode")


def configuration(top, i, orgs):
    c = read(top, f"org{i}", "config", "config.toml")

    def value(key):
        return re.search(rf"^{key} = (.*)$", c, re.M).group(1)

    for key, want in {"moniker": f"org{i}", "proxy_app": f"tcp://org{i}-abci:26658", "priv_validator_laddr": f"tcp://org{i}-privval:26659",
                      "store": f"tcp://org{i}-store:26670", "signer": f"tcp://org{i}-signer:26670", "log_format": "json"}.items():
        net.check_eq(value(key), f'"{want}"', f"org{i}: {key}")
    peers = value("persistent_peers").strip('"').split(",") if orgs > 1 else []
    net.check_eq(sorted(p.split("@")[1] for p in peers), sorted(f"org{k}-p2p:26656" for k in range(1, orgs + 1) if k != i), f"org{i}: peers")
    keys = dict(e.split("=", 1) for e in re.findall(r'"(\w+=[^"]{40})"', c))
    net.check_eq(sorted(keys), sorted(SERVICES), f"org{i}: keys of its services")
    return keys


def mounted(top, compose, orgs):
    """Each file that a container mounts is there, and nobody else's secret."""
    wanted = {f"org{i}-{s}" for i in range(1, orgs + 1) for s in (*SERVICES, "ingress")} | {"prometheus", "grafana"}
    net.check_eq(set(compose["services"]), wanted, "services")
    for name, s in compose["services"].items():
        kind = name.split("-")[-1]
        for volume in s.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./org"):
                net.check(os.path.isdir(os.path.join(top, source)), f"{name} mounts {source}")
            elif not source.startswith("."):
                net.check(source in compose["volumes"], f"{name} has {source}")
        for secret in s.get("secrets", []):
            path = compose["secrets"][secret["source"]]["file"]
            net.check_eq(SECRETS[os.path.basename(path)], kind, f"{name} mounts {path}")
            net.check(path.startswith(f"./{name.split('-')[0]}/") and os.path.isfile(os.path.join(top, path)), f"{path} of {name} is there")
    used = {x["source"] for s in compose["services"].values() for x in s.get("secrets", [])}
    net.check_eq(used, set(compose["secrets"]), "secrets that somebody has")
    subnets = [c["subnet"] for n in compose["networks"].values() for c in n.get("ipam", {}).get("config", [])]
    net.check_eq((len(subnets), len(set(subnets))), (4 * orgs, 4 * orgs), "networks with a subnet of their own")


def watched(top, orgs):
    path = os.path.join(top, "monitoring", "prometheus.yml")
    jobs = {j["job_name"]: j for j in yaml.safe_load(read(path))["scrape_configs"]}
    targets = [t for c in jobs["warren"]["static_configs"] for t in c["targets"]]
    numbers = range(1, orgs + 1)
    net.check_eq(targets, [f"org{i}-{s}:26660" for i in numbers for s in ("consensus", "mempool", "p2p", "store", "ledger")], "targets")
    net.check_eq([t for c in jobs["signer"]["static_configs"] for t in c["targets"]], [f"org{i}-consensus:26660" for i in numbers], "signers")
    net.check_eq(jobs["api"]["dns_sd_configs"][0]["names"], [f"org{i}-api" for i in numbers], "replicas")
    if shutil.which("promtool"):
        shutil.copy(os.path.join(net.ROOT, "compose", "monitoring", "alerts.yml"), os.path.dirname(path))
        r = subprocess.run(["promtool", "check", "config", path], capture_output=True, text=True)
        net.check_eq(r.returncode, 0, f"promtool: {r.stderr[-500:]}")


def layout(orgs):
    top = os.path.join(net.tempdir(), "net")
    _, out, _ = net.warren("testnet", "--layout", "compose", "--v", str(orgs), "--o", top, "--output", "json")
    net.check_eq((json.loads(out)["nodes"], json.loads(out)["validators"]), (orgs, orgs), "what it says")
    names = {f"org{i}" for i in range(1, orgs + 1)}
    net.check_eq(set(os.listdir(top)), names | {".env"}, "what it makes")
    root = os.geteuid() == 0
    user = USER if root else os.geteuid()
    net.check(f"WARREN_USER={user}:" in read(top, ".env"), f"the containers' user: {read(top, '.env')}")
    modes(top, user)
    keys, secrets = [], []
    for i, name in enumerate(sorted(names, key=lambda n: int(n[3:])), 1):
        net.check_eq(all_files(os.path.join(top, name)), FILES, f"files of {name}")
        keys += configuration(top, i, orgs).values()
        secrets += [read(f) for f in glob.glob(os.path.join(top, name, "secrets", "*"))]
    net.check_eq((len(set(keys)), len(set(secrets))), (7 * orgs, 9 * orgs), "keys that differ")
    net.check_eq(len({read(top, n, "config", "genesis.json") for n in names}), 1, "one genesis")
    subprocess.run([os.path.join(net.ROOT, "tools", "gen-compose"), str(orgs), top], check=True)
    if yaml:
        mounted(top, yaml.safe_load(read(top, "docker-compose.yml")), orgs)
        watched(top, orgs)
    else:
        net.skip("no module yaml (Debian: python3-yaml): what is mounted was not compared")
    return top


def any_number_of_organisations():
    for orgs in (1, 3, 4, 7):
        layout(orgs)


def nothing_is_overwritten():
    top = layout(2)
    before = {f: read(top, f) for f in all_files(top)}
    code, _, err = net.warren("testnet", "--layout", "compose", "--v", "3", "--o", top, check_code=False)
    net.check_eq(code, BUSY, f"over another network: {err}")
    net.check(os.path.join(top, "org1") in err, f"says what is there: {err}")
    net.check_eq({f: read(top, f) for f in all_files(top)}, before, "what was there stays as it was")


def wrong_flags():
    for flags, what in ((["--layout", "docker"], "--layout"), (["--layout", "compose", "--v", "0"], "--v"),
                        (["--layout", "compose", "--v", "-1"], "--v"), (["--layout", "compose", "--v", "four"], "--v"),
                        (["--layout"], "--layout"), (["--layout", "compose", "--key-type", "rsa"], "rsa")):
        top = os.path.join(net.tempdir(), "net")
        code, _, err = net.warren("testnet", *flags, *([] if flags == ["--layout"] else ["--o", top]), check_code=False)
        net.check_eq(code, USAGE, f"{flags}: {err}")
        net.check(what in err, f"{flags}: says what is wrong: {err}")
        net.check(not os.path.exists(top), f"{flags}: makes nothing")


def an_ordinary_user_owns_it():
    if os.geteuid() != 0:
        net.skip("only root can be somebody else")
        return
    nobody = pwd.getpwnam("nobody")
    top = net.tempdir()
    os.chown(top, nobody.pw_uid, nobody.pw_gid)
    r = subprocess.run(["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups",
                        net.WARREN, "testnet", "--layout", "compose", "--v", "1", "--o", os.path.join(top, "net")], capture_output=True, text=True)
    net.check_eq(r.returncode, 0, f"as nobody: {r.stderr}")
    net.check(f"WARREN_USER={nobody.pw_uid}:{nobody.pw_gid}" in read(top, "net", ".env"), "the containers run as who made it")
    modes(os.path.join(top, "net"), nobody.pw_uid)


net.run(any_number_of_organisations, nothing_is_overwritten, wrong_flags, an_ordinary_user_owns_it)
