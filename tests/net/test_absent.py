# SPDX-License-Identifier: ISC
"""A host with lltd alone that one member does not reach, and who comes before all know it."""
import os
import signal
import time

from testbed_load import ALIAS, ECHO, Load, echods, wait_listening
from testbed_error import wait_until
from testbed_status import nodes

CLUSTER = {"nodes": 5}


def test_a_newcomer_hears_that_its_connections_are_given_up(tb):
    keeps, also, loses, comes, absent = tb.nodes()
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 200, "-i", 50)
        wait_until(lambda: nodes(tb, keeps, "flows")[absent] == 40, 5, "all connections")
        time.sleep(2.5)  # who has just come himself tells everything again, to all
        tb.cut(comes, "eth0", "ic0", "ic1")
        wait_until(lambda: not nodes(tb, keeps, "member")[comes], 10, "a view without %s" % comes)
        for daemon in ("aliasd", "gabd"):
            for pid in tb.machine(absent).daemon_pids(daemon):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not nodes(tb, keeps, "member")[absent], 10, "a view without %s" % absent)
        tb.part(loses, absent)
        wait_until(lambda: nodes(tb, loses, "flows")[absent] == 0, 10, "them to be parted", step=0.01)
        tb.heal()
        wait_until(lambda: nodes(tb, keeps, "synced")[comes], 10, "%s to be back" % comes)
        wait_until(lambda: all(nodes(tb, n, "flows")[absent] == 0 for n in (keeps, also, loses, comes)), 10,
            "all to give its connections up")
        tb.join(loses, absent)
        for daemon in ("gabd", "aliasd"):
            tb.start_daemon(absent, daemon)
        wait_until(lambda: all(nodes(tb, keeps, "member").values()), 20, "the cluster to be whole")
        account = conns.stop()
    assert {c["owner"] for c in account["connections"] if c["broken"]} <= {absent, comes}
