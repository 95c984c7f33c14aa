#!/usr/bin/env python3
"""Pruning: what the application no longer wants is dropped, what light clients
and evidence need stays as long as evidence may come, a kill loses nothing."""
import json
import os
import re

import net
from abci_app import App, answer

KEEP = 12
EVIDENCE_AGE = 20


class Forgetful(App):
    """Wants only the newest blocks."""

    def commit(self, name, _one, _all):
        self.height = max(self.height, self.pending)
        return answer(name, (3, max(0, self.height - KEEP)))


def short_memory(home):
    path = os.path.join(home, "config", "genesis.json")
    with open(path) as f:
        genesis = json.load(f)
    genesis["consensus_params"]["evidence"].update(max_age_num_blocks=str(EVIDENCE_AGE), max_age_duration="1000000")
    with open(path, "w") as f:
        json.dump(genesis, f)


def base(node):
    return int(node.rpc.call("status")["sync_info"]["earliest_block_height"])


def refused(node, method, **params):
    try:
        node.rpc.call(method, **params)
        return None
    except Exception as e:  # noqa: BLE001 - its text is looked at
        return str(e)


def blocks_go():
    node = net.Node(app=f"tcp://127.0.0.1:{Forgetful().port}")
    short_memory(node.home)
    node.start()
    first = node.rpc.call("block", height="1")["block_id"]["hash"]
    net.check(first, "block 1 is there at first")
    net.check(net.wait_until(lambda: base(node) > 2, 30), "earliest_block_height rises")
    net.check(net.wait_until(lambda: node.rpc.height() > 60, 60), "the chain goes on")
    low, high = base(node), node.rpc.height()
    net.check(high - KEEP - 10 <= low <= high - KEEP + 10, f"about {KEEP} blocks are left: {low} to {high}")
    for method in ("block", "block_results", "commit", "validators", "header"):
        why = refused(node, method, height="1")
        net.check(why and re.search(r"height 1 is not available|could not find|lowest height", why), f"{method} 1: {why}")
    net.check(refused(node, "block", height=str(high)) is None, "the newest is there")
    # Heights that evidence may still name keep commit and validators.
    net.check(refused(node, "blockchain", minHeight=str(low), maxHeight=str(high)) is None, "and their headers")
    survives(node)


def survives(node):
    for service in ("store", "consensus", "store"):
        node.kill(service)
        h = max(1, node.wait_height(1) and node.rpc.height())
        net.check(node.wait_height(h + 15, 60), f"goes on after {service} was killed")
    net.check(base(node) > 60 - KEEP, "and goes on pruning")
    node.stop()
    node.start()
    low = base(node)
    net.check(node.wait_height(node.rpc.height() + 15, 60), "goes on after a stop")
    net.check(net.wait_until(lambda: base(node) > low, 20), "and prunes on")


if __name__ == "__main__":
    net.run(blocks_go)
