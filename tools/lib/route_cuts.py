# SPDX-License-Identifier: ISC
"""Members behind a router lose power: how soon the routing protocol has found another way, at what cost."""
import collections
import time

import testbed_etc
import testbed_routing as rt
from testbed_cuts import Cut
from testbed_load import ALIAS

# ways: "one" = all packets come by the member that dies; "all" = by each member a share.
Case = collections.namedtuple("Case", "router protocol bfd ways")
WRITTEN = [Case(router, "ospf", True, ways) for router in ("bird", "frr") for ways in ("one", "all")]
CASES = [Case(router, protocol, bfd, ways) for router in ("bird", "frr")
    for protocol, bfd in (("ospf", True), ("ospf", False), ("rip", False)) for ways in ("one", "all")]


def wait_all_ways(tb, nodes, timeout=60):
    for destination in (ALIAS, testbed_etc.VIRTUAL_ALIAS):
        rt.wait_routes(tb, "r1", destination, nodes, timeout)


def cut(tb, dead, connections=1000, settle=4):
    """A power cut under load from behind r1. The account, and after how many seconds r1 had another way."""
    rest, found = [n for n in tb.running_nodes() if n != dead], []

    def wait_found():
        began = time.monotonic()
        rt.wait_routes(tb, "r1", ALIAS, rest)
        found.append(time.monotonic())
        # Who was silent so long sends again after up to the same time.
        time.sleep(found[0] - began)
    account = Cut(tb, dead, connections, settle, client="x1").run(wait_found)
    return account, found[0] - account.when


class RouteCuts:
    """All cases, one after the other, each with routing daemons that were started for it."""

    def __init__(self, tb, say, written=False):
        """written: what aliasd writes is all that the daemons of the members have, but for the router id."""
        self.tb, self.say, self.written, self.count = tb, say, written, 0
        rt.prepare_router(tb, "r1")

    def start(self, case):
        nodes = self.tb.nodes()
        for name in ["r1", *nodes]:
            rt.stop(self.tb, name)
        rt.start(self.tb, "r1", [case.protocol], kind=case.router, bfd=case.bfd,
            timers=rt.USUAL if self.written else (rt.HELLO, rt.DEAD))
        for name in nodes:
            if self.written:
                rt.start(self.tb, name, [], bfd=False)
            else:
                rt.start(self.tb, name, [case.protocol], bfd=case.bfd)
        timeout = 150 if self.written else 60
        if case.protocol == "ospf":
            rt.wait_settled(self.tb, "r1", nodes, case.bfd, timeout)
        else:
            wait_all_ways(self.tb, nodes, timeout)

    def run(self, case):
        """One case; what it cost."""
        nodes = self.tb.nodes()
        dead = nodes[self.count % len(nodes)]
        self.count += 1
        self.start(case)
        if case.ways == "one":
            self.tb.machine(dead).run("cluamgr -a alias=DEFAULTALIAS,rpri=100")
            rt.wait_routes(self.tb, "r1", ALIAS, [dead])
        # OSPF does not tell of the same thing twice within five seconds.
        time.sleep(5)
        account, found = cut(self.tb, dead)
        self.tb.start(dead)
        result = {**case._asdict(), **account.json(), "found_s": round(found, 2),
            "waiting_ms": account.waiting_ms}
        result["ok"] = not account.broken_survivors and account.waiting_ms < 1000
        self.say("%(router)s, %(protocol)s, bfd %(bfd)s, ways %(ways)s: another way after %(found_s).2f s; "
            "%(broken_survivors)d survivors broke, longest wait %(longest_ms).0f ms" % result)
        return result

    def all(self, rounds):
        return [self.run(case) for _ in range(rounds) for case in (WRITTEN if self.written else CASES)]
