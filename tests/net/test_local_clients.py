# SPDX-License-Identifier: ISC
"""Members as clients: what a process of a member sends to an alias is dealt out like any other's."""
import os
import re
import signal

import pytest

from testbed_load import (ALIAS, ECHO, SINGLE, Load, echods, load, master, owners,
    wait_listening)
from testbed_error import wait_until

# n3 routes the alias, but has not joined it.
VIRTUAL = "10.77.0.1"
CLUSTER = {"profile": "lan", "join": ["n1:cluamgr -a alias=DEFAULTALIAS,join,selw=1,rpri=9",
    "n2:cluamgr -a alias=DEFAULTALIAS,join,selw=1", "n3:cluamgr -a alias=DEFAULTALIAS"]}


@pytest.fixture(scope="module")
def servers(tb):
    with echods(tb, ["n1", "n2"], tcp=(ECHO, SINGLE), udp=(ECHO,)) as programs:
        wait_listening(tb, ECHO, ["n1", "n2"])
        yield programs


def rules(tb, node):
    return tb.machine(node).run("ip rule").stdout


def test_the_router_is_a_member_that_joined(tb):
    assert master(tb) == "n1"


@pytest.mark.parametrize("node", ["n1", "n2", "n3"])
def test_tcp_is_dealt_out(tb, servers, node):
    account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 100, "-q", client=node)
    assert owners(account) == {"n1": 50, "n2": 50}, account


@pytest.mark.parametrize("node", ["n1", "n2", "n3"])
def test_udp_is_dealt_out_and_answered_by_the_alias(tb, servers, node):
    account = load(tb, "probe", "-a", ALIAS, "-p", ECHO, "-n", 100, "-d", 1, client=node)
    assert account["sources"] == [ALIAS]
    assert owners(account) == {"n1": 50, "n2": 50}


@pytest.mark.parametrize("node", ["n1", "n2", "n3"])
def test_one_instance_serves_all_members(tb, servers, node):
    at_client = load(tb, "short", "-a", ALIAS, "-p", SINGLE, "-n", 10, "-q")
    account = load(tb, "short", "-a", ALIAS, "-p", SINGLE, "-n", 20, "-q", client=node)
    assert list(owners(account)) == list(owners(at_client))
    assert account["ok"] == 20


def test_a_service_that_listens_nowhere_here(tb):
    with echods(tb, ["n2"], tcp=(7200,)):
        wait_listening(tb, 7200, ["n2"])
        for node in ("n1", "n3"):
            account = load(tb, "short", "-a", ALIAS, "-p", 7200, "-n", 10, "-q", client=node)
            assert owners(account) == {"n2": 10}


@pytest.mark.parametrize("node", ["n1", "n3"])
def test_a_port_nobody_listens_on_is_refused(tb, node):
    account = load(tb, "short", "-a", ALIAS, "-p", 7999, "-n", 5, "-q", client=node)
    assert account["refused"] == 5


def test_the_client_has_its_own_address(tb):
    for node in tb.nodes():
        route = tb.machine(node).run(["ip", "route", "get", ALIAS]).stdout
        assert re.search(r"dev clua0 table 3098 src %s " % re.escape(tb.address(node)), route), route


def test_ping_is_answered_once(tb):
    for node in tb.nodes():
        out = tb.machine(node).run(["ping", "-c", "3", "-i", "0.01", "-W", "2", ALIAS]).stdout
        assert "3 received" in out and "DUP" not in out


def test_what_is_sent_to_the_node_itself_stays(tb, servers):
    account = load(tb, "short", "-a", tb.address("n2"), "-p", ECHO, "-n", 10, "-q", client="n2")
    assert owners(account) == {"n2": 10}


def test_connections_outlive_a_kill_and_a_start_of_aliasd(tb, servers):
    running = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 20, "-i", 20, client="n2")
    before = rules(tb, "n2")
    for pid in tb.machine("n2").daemon_pids("aliasd"):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not tb.machine("n2").daemon_pids("aliasd"), 10, "aliasd to be gone")
    assert rules(tb, "n2") == before
    tb.start_daemon("n2", "aliasd")
    tb.wait_formed(30)
    account = running.stop()
    assert account["answered"] == 20 and account["broken"] == 0, account
    assert rules(tb, "n2") == before


def test_a_local_server_serves_while_aliasd_comes_and_goes(tb, servers):
    """Undone in order, and after a kill by hand; the kernel's own rule is where it was."""
    machine = tb.machine("n3")
    for signo in (signal.SIGTERM, signal.SIGKILL):
        assert "iif lo lookup 3098" in rules(tb, "n3")
        for pid in machine.daemon_pids("aliasd"):
            os.kill(pid, signo)
        wait_until(lambda: not machine.daemon_pids("aliasd"), 10, "aliasd to end")
        if signo == signal.SIGKILL:
            machine.run(["aliasd", "--cleanup"])
        assert rules(tb, "n3") == "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n" \
            "32767:\tfrom all lookup default\n"
        assert machine.run(["ip", "link", "show", "clua0"], check=False).returncode != 0
        tb.start_daemon("n3", "aliasd")
        tb.wait_formed(30)
    account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 10, "-q", client="n3")
    assert owners(account) == {"n1": 5, "n2": 5}


def test_an_alias_on_no_subnet(tb, servers):
    for node in ("n1", "n2"):
        tb.machine(node).run("cluamgr -a alias=%s,join,virtual" % VIRTUAL)
    for node in ("n1", "n3"):
        wait_listening(tb, ECHO, ["n1", "n2"], alias=VIRTUAL, client=node)
        account = load(tb, "short", "-a", VIRTUAL, "-p", ECHO, "-n", 20, "-q", client=node)
        assert owners(account) == {"n1": 10, "n2": 10}
    for node in ("n1", "n2"):
        tb.machine(node).run("cluamgr -a alias=%s,leave" % VIRTUAL)
        tb.machine(node).run("cluamgr -a alias=%s,leave" % VIRTUAL)
    for node in tb.nodes():
        wait_until(lambda: VIRTUAL not in tb.machine(node).run("ip route show table 3098").stdout, 10,
            "the route to be gone")
