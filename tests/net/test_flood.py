# SPDX-License-Identifier: ISC
"""SYNs from made-up addresses, more than the table of half-open connections holds, beside real connections."""
import os

import pytest

import testbed_status
from testbed_load import ALIAS, ECHO, Load, echods, load, owners, wait_listening
from testbed_error import wait_until

CLUSTER = {"nodes": 3, "profile": "lan", "clients": 2}
HALF_OPEN, SYNS, RATE, CONNS = 1024, 30000, 10000, 300


@pytest.fixture
def small(tb):
    """All members with a small table; made anew, because its size is that of the pinned one."""
    for node in tb.nodes():
        with open(os.path.join(tb.machine(node).etc, "aliasd.conf"), "a") as f:
            f.write("max_half_open = %d;\n" % HALF_OPEN)
    for node in tb.nodes():
        tb.kill(node)
    for node in tb.nodes():
        tb.start(node, daemons=False)
    tb.start_daemons(tb.nodes())
    tb.wait_formed()
    # Answers to nobody are to end there, not in errors that come back.
    tb.machine("r1").run("ip route add blackhole 198.18.0.0/15")


def flows(tb):
    return [testbed_status.nodes(tb, node, "flows") for node in tb.nodes()]


def test_established_connections_do_not_notice(tb, small, figures):
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", CONNS, "-i", 50, "-D")
        expected = {n: CONNS // 3 for n in tb.nodes()}
        wait_until(lambda: flows(tb) == [expected] * 3, 10, "all members to know all connections")
        flood = load(tb, "flood", "-a", ALIAS, "-p", ECHO, "-n", SYNS, "-r", RATE, client="c2")
        assert flood["sent"] == SYNS > 10 * HALF_OPEN
        assert flows(tb) == [expected] * 3
        # Also who comes after the flood, whose half-open entry may be pushed out, gets through.
        assert load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 60, "-c", 4, "-q")["ok"] == 60
        account = conns.stop()
    figures("%d SYNs, longest wait of a connection %.1f ms" % (SYNS, account["longest_ms"]))
    assert account["broken"] == 0
    assert owners(account) == expected
    counters = [testbed_status.ask(tb.machine(n), "aliasd")["aliases"][0]["counters"] for n in tb.nodes()]
    assert sum(c["connections_received_from_network"] for c in counters) >= SYNS
