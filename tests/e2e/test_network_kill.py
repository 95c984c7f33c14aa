#!/usr/bin/env python3
"""kill -9 of every process of every node of a network under load: nothing
acknowledged is lost, nothing is executed twice, all nodes end alike.

WARREN_KILLS sets how often each process is killed (default 1; the campaign,
`make network-kills`, takes 5).  SEED= repeats a run's choices.
"""
import json
import os
import random
import signal
import time

import net
from test_kill import Load, all_txs
from test_network import Network, all_equal, healthy

KILLS = int(os.environ.get("WARREN_KILLS", "1"))
SEED = int(os.environ.get("SEED", str(time.time_ns() % 10**6)))
SERVICES = ("api", "consensus", "kvstore", "mempool", "p2p", "signer", "store")
COMMIT = "200ms"


class Writers(Load):
    WRITERS = 2
    PAUSE = 0.02


def kill_one(org, service):
    before = net.children_of(org.process.pid)
    if service not in before:
        return net.check(False, f"{service} runs: {before}")
    os.kill(before[service], signal.SIGKILL)
    back = net.wait_until(lambda: net.children_of(org.process.pid).get(service, before[service]) != before[service], 30)
    net.check(back, f"{service} is started again")
    after = net.children_of(org.process.pid)
    others = {s for s in before if s != service and before[s] != after.get(s)}
    return net.check_eq(others, set(), f"processes that ended when {service} was killed") and back


def goes_on(orgs, what):
    h = max(o.height() for o in orgs if net.wait_until(lambda o=o: o.height() > 0, 60))
    return all(net.check(o.wait_height(h + 1, 120), f"{what}: node {i} goes on: {o.log()[-2500:]}") for i, o in enumerate(orgs))


def check_records(orgs, loads, height):
    acked = [t for load in loads for t in load.acked + load.committed]
    seen = all_txs(orgs[0].rpc, height)
    lost = [t for t in acked if t not in seen]
    twice = [t for t, n in seen.items() if n > 1]
    net.check(len(acked) > 100, f"transactions were acknowledged ({len(acked)})")
    net.check_eq(lost[:5], [], f"acknowledged but not in a block ({len(lost)})")
    net.check_eq(twice[:5], [], f"in two blocks ({len(twice)})")
    for i, o in enumerate(orgs):
        size = json.loads(o.rpc.call("abci_info")["response"]["data"])["size"]
        net.check_eq(size, sum(seen.values()), f"node {i}: the application executed each transaction of the chain once")
    return len(acked), len(seen)


def kills_in_a_network_lose_nothing():
    print(f"SEED={SEED}", flush=True)
    choose = random.Random(SEED)
    n = Network(4).start(commit=COMMIT)
    loads = [Writers(o, f"o{i}") for i, o in enumerate(n.orgs)]
    rounds = [(i, s) for i in range(4) for s in SERVICES for _ in range(KILLS)]
    choose.shuffle(rounds)
    t = time.monotonic()
    try:
        for i, s in rounds:
            time.sleep(choose.uniform(0, 0.4))
            if not kill_one(n.orgs[i], s) or not goes_on(n.orgs, f"{s} of node {i} killed"):
                break
        for i in range(4):  # and a whole one
            n.orgs[i].kill_all()
            time.sleep(choose.uniform(0, 1))
            n.orgs[i].start(commit=COMMIT)
            if not goes_on(n.orgs, f"the whole of node {i} killed"):
                break
    finally:
        for load in loads:
            load.end()
    seconds = time.monotonic() - t
    for o in n.orgs:
        net.check(net.wait_until(lambda o=o: int(o.rpc.call("num_unconfirmed_txs")["total"]) == 0, 120), "no transaction waits")
    h = max(o.height() for o in n.orgs) + 2
    for i, o in enumerate(n.orgs):
        net.check(o.wait_height(h, 120), f"node {i}: height {h}")
    acked, seen = check_records(n.orgs, loads, h)
    all_equal([o.rpc for o in n.orgs], 1, h, "after all kills")
    healthy(n.orgs)
    print(f"{len(rounds)} processes and 4 nodes killed in {seconds:.0f} s; {h} heights; {acked} acknowledged, {seen} in blocks", flush=True)


if __name__ == "__main__":
    net.run(kills_in_a_network_lose_nothing)
