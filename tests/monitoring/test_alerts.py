#!/usr/bin/env python3
"""Prometheus's configuration and alerts, by promtool: each alert fires where
there is trouble and nowhere else."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import net  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MONITORING = os.path.join(net.ROOT, "compose", "monitoring")


def promtool(*args):
    r = subprocess.run(["promtool", *args], capture_output=True, text=True)
    net.check_eq(r.returncode, 0, f"promtool {' '.join(args)}: {r.stdout[-2000:]}{r.stderr[-500:]}")


def read(path):
    with open(path) as f:
        return f.read()


def configuration_is_sound():
    if not shutil.which("promtool"):
        net.skip("promtool is not installed (Debian: prometheus)")
        return
    promtool("check", "config", os.path.join(MONITORING, "prometheus.yml"))
    promtool("test", "rules", os.path.join(HERE, "alerts_test.yml"))


def every_alert_is_seen_to_fire():
    alerts = set(re.findall(r"- alert: (\w+)", read(os.path.join(MONITORING, "alerts.yml"))))
    tests = read(os.path.join(HERE, "alerts_test.yml"))
    fired = set(re.findall(r"- alertname: (\w+)\n +eval_time: \S+\n +exp_alerts:\n +- exp_labels", tests))
    quiet = set(re.findall(r"- \{alertname: (\w+), eval_time: 0m\}", tests))
    net.check_eq(fired, alerts, "alerts that a test sees fire")
    net.check_eq(quiet, alerts, "alerts that a test sees quiet")


net.run(configuration_is_sound, every_alert_is_seen_to_fire)
