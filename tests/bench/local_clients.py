#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""local_clients.py [ROUNDS]: what the rule for clients on members costs the look-ups of routes to everywhere else.

Three nodes alike but for local_clients: n1 has it, n2 has it and answers UDP from an alias, which is another rule,
n3 does not have it and so has no rule but the kernel's own. On each in turn a socket goes from address to address
by connect() and by sendto(), into an interface that throws everything away. A line of JSON: ns a call as the
median of the rounds, and their ratios to n3's."""
import json
import os
import statistics
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, "tools", "lib"))
sys.dont_write_bytecode = True

import testbed_build  # noqa: E402
from testbed import Testbed  # noqa: E402
from testbed_error import wait_until  # noqa: E402
from testbed_load import ECHO, Program  # noqa: E402

ROUTES = os.path.join(os.path.abspath(testbed_build.default_dir()), "tests", "bench", "routes")
NODES = {"with": "n1", "with_udp": "n2", "without": "n3"}
CALLS = ("connect", "sendto")


def prepare(tb):
    # Anew: the kernel does not forget that there was a rule.
    tb.kill("n3")
    with open(os.path.join(tb.machine("n3").etc, "aliasd.conf"), "a") as f:
        f.write("local_clients = false;\n")
    tb.start("n3")
    tb.wait_formed(30)
    for node in NODES.values():
        for command in ("ip link add sink type veth peer name drain", "ip link set drain up",
                "ip link set sink arp off up", "ip route add 198.18.0.0/15 dev sink src " + tb.machine(node).run(
                    "hostname -I").stdout.split()[0]):
            tb.machine(node).run(command)


def rules(tb, node):
    return len(tb.machine(node).run("ip rule").stdout.splitlines())


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    tb = Testbed("blc%d" % os.getpid())
    ns = {(kind, call): [] for kind in NODES for call in CALLS}
    try:
        tb.up(make=False, nodes=3, profile="lan")
        prepare(tb)
        server = Program(tb, "n2", ["echod", "-n", "n2", "-u", str(ECHO)])
        wait_until(lambda: rules(tb, "n2") == 5 and rules(tb, "n1") == 4, 10, "the rule of the UDP service")
        for _ in range(rounds):
            for kind, call in ns:
                out = tb.machine(NODES[kind]).run([ROUTES, call, "0.5"]).stdout
                ns[kind, call].append(float(out))
        result = {"rules": {kind: rules(tb, NODES[kind]) for kind in NODES}}
        server.stop()
    finally:
        tb.down()
    for call in CALLS:
        mid = {kind: statistics.median(ns[kind, call]) for kind in NODES}
        result[call + "_ns"] = {kind: round(v, 1) for kind, v in mid.items()}
        result[call + "_ratio"] = {kind: round(v / mid["without"], 3) for kind, v in mid.items()}
    print(json.dumps(result))


main()
