# SPDX-License-Identifier: ISC
"""One daemon of one member ends, alone, and is started again by hand; and what is refused."""
import collections
import json
import os
import signal
import time

import pytest

from testbed_load import ALIAS, ECHO, Load, echods, load, master, wait_listening, wait_master
from testbed_error import wait_until

CLUSTER = {}
DAEMONS = ("lltd", "gabd", "aliasd")


def status(tb, node):
    return json.loads(tb.machine(node).run("cluamgr -s all -j").stdout)


def nodes(tb, node, key):
    return {n["name"]: n[key] for n in status(tb, node)["nodes"]}


def whole(tb):
    """Every member sees all members, and all hold every connection."""
    for node in tb.running_nodes():
        if tb.machine(node).run("cluamgr -s all -j", check=False).returncode != 0:
            return False
        if not all(nodes(tb, node, "synced").values()):
            return False
    return True


def pids(tb):
    return {(n, d): tb.machine(n).daemon_pids(d) for n in tb.running_nodes() for d in DAEMONS}


def end(tb, node, daemons, signo=signal.SIGKILL):
    for daemon in daemons:
        for pid in tb.machine(node).daemon_pids(daemon):
            os.kill(pid, signo)


def restart(tb, node, daemons, signo):
    end(tb, node, reversed(daemons), signo)
    time.sleep(1)
    for daemon in daemons:
        assert not tb.machine(node).daemon_pids(daemon), "%s does not end" % daemon
        tb.start_daemon(node, daemon)


# While lltd is away its host is as good as dead, and its clients are told.
@pytest.mark.parametrize("daemons, signo, breaks", [
    (["gabd"], signal.SIGKILL, False),
    (["aliasd"], signal.SIGKILL, False),
    (["gabd", "aliasd"], signal.SIGKILL, False),
    (["lltd"], signal.SIGKILL, True),
    (["lltd", "gabd", "aliasd"], signal.SIGTERM, True),
])
@pytest.mark.parametrize("who", ["master", "member"])
def test_daemons_of_one_member_are_away(tb, who, daemons, signo, breaks):
    first = master(tb)
    victim = first if who == "master" else [n for n in tb.nodes() if n != first][-1]
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        before = pids(tb)
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 120, "-i", 50)
        time.sleep(0.5)
        restart(tb, victim, daemons, signo)
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
        account = conns.stop()
        assert load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 30, "-q")["ok"] == 30
    broken = collections.Counter(c["owner"] for c in account["connections"] if c.get("broken_at_us"))
    assert set(broken) <= ({victim} if breaks else set()), broken
    after = pids(tb)
    assert all(after[k] == before[k] for k in before if k[0] != victim or k[1] not in daemons)
    master(tb)


def test_a_newcomer_learns_what_is_kept_for_an_absent_host(tb):
    first = master(tb)
    absent, newcomer = [n for n in tb.nodes() if n != first]
    with echods(tb, [first, absent]):
        wait_listening(tb, ECHO, [first, absent])
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 100, "-i", 50)
        wait_until(lambda: nodes(tb, newcomer, "flows")[absent] == 50, 5, "50 connections")
        tb.kill(newcomer)
        end(tb, absent, ["aliasd"])
        wait_until(lambda: not nodes(tb, first, "member")[absent], 5, "a view without it")
        tb.start(newcomer, wait=False)
        wait_until(lambda: tb.machine(newcomer).run("cluamgr -s all -j", check=False).returncode == 0 and
            status(tb, newcomer)["synced"], 20, "the newcomer to hold everything")
        assert nodes(tb, newcomer, "flows")[absent] == 50
        end(tb, first, ["aliasd"])  # now the newcomer is the router
        assert wait_master(tb, but=first) == newcomer
        time.sleep(1)
        for node in (first, absent):
            tb.start_daemon(node, "aliasd")
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
        assert nodes(tb, newcomer, "flows")[absent] == 50
        assert conns.stop()["broken"] == 0


def test_what_nobody_may_have_is_refused_at_once(tb):
    def short():
        account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 20, "-q")
        return account["ok"], account["refused"]

    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        for change, back in (("selw=0", "selw=1"), ("leave", "join")):
            for node in tb.nodes():
                tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,%s" % change)
            assert short() == (0, 20)
            for node in tb.nodes():
                tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,%s" % back)
            assert short() == (20, 0)


def test_aliasd_starts_first(tb):
    """Nobody has made /run/clua: the next one has to wait for its lock all the same."""
    node = [n for n in tb.nodes() if n != master(tb)][0]
    machine = tb.machine(node)
    tb.kill(node)
    tb.start(node, daemons=False)
    machine.run("rmdir /run/clua")
    tb.start_daemon(node, "aliasd")
    wait_until(lambda: machine.run("test -S /run/clua/aliasd.sock", check=False).returncode == 0, 10, "aliasd")
    assert machine.run("flock -n /run/clua/aliasd.lock true", check=False).returncode == 1
    for daemon in ("lltd", "gabd"):
        tb.start_daemon(node, daemon)
    wait_until(lambda: whole(tb) and tb.running_nodes() == tb.nodes(), 20, "the cluster to be whole")
