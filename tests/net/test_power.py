# SPDX-License-Identifier: ISC
"""Power cuts: what the clients of the survivors see."""
import os
import signal
import time

import pytest

from testbed_cuts import CUT_JOIN, Cut
from testbed_load import ALIAS, ECHO, Load, arp_answers, echods, load, master, owners, wait_listening, \
    wait_master
from testbed_error import wait_until

pytestmark = pytest.mark.timing
CLUSTER = {"nodes": 4, "profile": "fast", "off": ["n4"], "join": CUT_JOIN}
# The computer is shared: bounds that only a broken cluster exceeds. tools/soak measures.
GAP_MS, WAIT_MS = 500, 1500


@pytest.fixture(autouse=True)
def whole(tb):
    """Each test begins with n1, n2 and n3 on, n4 off."""
    yield
    if "n4" in tb.running_nodes():
        tb.kill("n4")
    for node in ("n1", "n2", "n3"):
        if node not in tb.running_nodes():
            tb.start(node)
    tb.wait_formed(30)


def check(account, dead, figures):
    figures(account.text())
    assert account.broken_survivors == []
    assert account.unaccounted_dead == []
    assert account.gap_ms < GAP_MS
    assert account.longest_ms < WAIT_MS


def test_the_master_dies(tb, figures):
    dead = master(tb)
    check(Cut(tb, dead).run(), dead, figures)


def test_the_master_dies_while_a_node_joins(tb, figures):
    dead = master(tb)
    check(Cut(tb, dead).run(meanwhile=lambda: tb.start("n4", wait=False)), dead, figures)


def test_the_master_dies_while_a_weight_changes(tb, figures):
    dead = master(tb)
    other = next(n for n in tb.running_nodes() if n != dead)

    def change():
        tb.machine(other).run("cluamgr -a alias=DEFAULTALIAS,join,selw=5")
    check(Cut(tb, dead).run(meanwhile=change), dead, figures)
    tb.machine(other).run("cluamgr -a alias=DEFAULTALIAS,join,selw=1")


def test_another_than_the_master_dies(tb, figures):
    dead = next(n for n in tb.running_nodes() if n != master(tb))
    check(Cut(tb, dead).run(), dead, figures)


def test_the_dead_node_comes_back(tb, figures):
    first = master(tb)
    tb.kill(first)
    wait_master(tb, but=first)
    with echods(tb):
        wait_listening(tb, ECHO, tb.running_nodes())
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 600, "-i", 100)
        tb.start(first)
        time.sleep(2)
        account = conns.stop()
    assert account["broken"] == 0
    assert len(arp_answers(tb)) == 1
    figures("longest wait of a connection %.1f ms" % account["longest_ms"])


def test_aliasd_is_killed_on_the_master(tb, figures):
    node = master(tb)
    with echods(tb):
        wait_listening(tb, ECHO, tb.running_nodes())
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 600, "-i", 100)
        short = Load(tb, "short", "-a", ALIAS, "-p", ECHO, "-c", 2, "-r", 500)
        killed = time.monotonic()
        for pid in tb.machine(node).daemon_pids("aliasd"):
            os.kill(pid, signal.SIGKILL)
        time.sleep(2)
        tb.start_daemon(node, "aliasd")
        tb.wait_formed(20)
        time.sleep(1)
        new, account = short.stop(), conns.stop()
    assert account["broken"] == 0
    failed = [r for r in new["records"] if r["result"] != "ok"]
    figures("longest wait %.1f ms; %d of %d new connections failed" % (account["longest_ms"],
        len(failed), new["connections"]))
    assert not [r for r in failed if r["start_us"] > (killed + 1) * 1e6], failed[:5]
    assert len(arp_answers(tb)) == 1


def test_twice_in_a_row(tb, figures):
    """The second master dies as soon as the first is back."""
    for _ in range(2):
        dead = master(tb)
        check(Cut(tb, dead, connections=300).run(), dead, figures)
        tb.start(dead)
