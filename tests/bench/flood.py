#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""flood.py [ROUNDS]: what a SYN flood does to 1,000 established connections, JSON.

Their rate beside a flood, as a share of their rate without one: once with everything going to the alias, and once
with everything going to a member's own address. Sender, router and servers share this computer's cores, so
the second says what the flood costs by itself.
"""
import json
import os
import statistics
import sys
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, "tools", "lib"))

from testbed import Testbed  # noqa: E402
from testbed_load import ALIAS, ECHO, Load, echods, wait_listening  # noqa: E402

CONNS, SECONDS = 1000, 4


def lines(tb, address, flooded):
    """Lines answered a second; 10,000 are asked, which leaves time for a flood."""
    conns = Load(tb, "conns", "-a", address, "-p", ECHO, "-n", CONNS, "-i", 100, "-D")
    flood = Load(tb, "flood", "-a", address, "-p", ECHO, client="c2") if flooded else None
    time.sleep(SECONDS)
    sent = flood.stop()["per_second"] if flood else 0
    account = conns.stop()
    return account["lines"] / SECONDS, sent, account["broken"]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    tb = Testbed("flood%d" % os.getpid())
    try:
        tb.up(nodes=3, profile="lan", clients=2)
        tb.machine("r1").run("ip route add blackhole 198.18.0.0/15")
        ways = {"alias": ALIAS, "member": tb.address("n2")}
        found = {(way, flooded): [] for way in ways for flooded in (False, True)}
        with echods(tb):
            wait_listening(tb, ECHO, tb.nodes())
            for _ in range(rounds):
                for (way, flooded), values in found.items():
                    values.append(lines(tb, ways[way], flooded))
    finally:
        tb.down()
    result = {}
    for way in ways:
        quiet, loud = (statistics.median(v[0] for v in found[way, f]) for f in (False, True))
        result[way] = {"lines_per_second": quiet, "beside_flood": loud, "kept": loud / quiet,
            "syns_per_second": statistics.median(v[1] for v in found[way, True]),
            "broken": sum(v[2] for f in (False, True) for v in found[way, f])}
    result["kept_alias_to_member"] = result["alias"]["kept"] / result["member"]["kept"]
    print(json.dumps(result, indent=1))


main()
