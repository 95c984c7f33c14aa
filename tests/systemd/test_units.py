#!/usr/bin/env python3
"""The systemd units as `make install` gives them: whole, known to systemd,
shut off, and one for each service."""
import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import net  # noqa: E402

EXPOSURE_MAX = 20  # tenths, of systemd-analyze security: 100 is a plain root service


def installed():
    d = net.tempdir()
    subprocess.run(["make", "-s", "-C", net.ROOT, "install-units", f"PREFIX={d}"], check=True, capture_output=True)
    os.makedirs(os.path.join(d, "bin"))
    os.symlink(net.WARREN, os.path.join(d, "bin", "warren"))
    return os.path.join(d, "lib", "systemd", "system")


def analyze(units, *args):
    return subprocess.run(["systemd-analyze", *args], capture_output=True, text=True, env={**os.environ, "SYSTEMD_UNIT_PATH": units + ":"})


def units_are_whole():
    units = installed()
    want = {os.path.basename(os.path.dirname(p)) for p in glob.glob(os.path.join(net.ROOT, "services", "*", "main.c"))} - {"kvstore"}
    have = {os.path.basename(p)[len("warren-"):-len("@.service")] for p in glob.glob(os.path.join(units, "warren-*@.service"))}
    net.check_eq(have, want | {"node"}, "a unit for each service, and one for the tree")
    with open(os.path.join(units, "warren@.target")) as f:
        target = f.read()
    for s in sorted(want):
        net.check(f"warren-{s}@%i.service" in target, f"the target wants {s}")
    if not net.shutil.which("systemd-analyze"):
        net.skip("systemd-analyze (apt-get install systemd) is not here")
        return
    r = analyze(units, "verify", "warren@main.target", "warren-node@main.service", *(f"warren-{s}@main.service" for s in want))
    net.check_eq((r.returncode, r.stdout + r.stderr), (0, ""), "systemd-analyze verify")
    for s in sorted(have):
        r = analyze(units, "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", f"warren-{s}@main.service")
        net.check_eq(r.returncode, 0, f"warren-{s}@ is shut off: {r.stdout[-200:]}{r.stderr[-200:]}")


if __name__ == "__main__":
    net.run(units_are_whole)
