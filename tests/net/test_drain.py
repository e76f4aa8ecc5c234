# SPDX-License-Identifier: ISC
"""A member is taken out of service: no new connections, and what becomes of those it has."""
import json

import pytest

from testbed_load import ALIAS, ECHO, Load, by_hand, echods, load, owners, wait_listening
from testbed_error import wait_until

CLUSTER = {"nodes": 3, "profile": "lan"}
WHO = "n2"
COUNT = 60


def cluamgr(tb, change, node=WHO):
    return tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS," + change).stdout


def draining(tb):
    status = json.loads(tb.machine(WHO).run("cluamgr -s DEFAULTALIAS -j").stdout)
    return status["aliases"][0]["draining"]


def address(tb):
    return ALIAS + "/32" in tb.machine(WHO).run("ip -4 addr show dev lo").stdout


def new(tb):
    account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 30, "-q")
    assert account["ok"] == 30
    return set(owners(account))


@pytest.fixture
def conns(tb):
    """Connections to all three members; at the end every member serves again."""
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        running = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", COUNT, "-i", 20, "-D")
        yield running
        if running.proc.poll() is None:
            running.stop()
        cluamgr(tb, "join,selw=1")


def test_without_a_weight(tb, conns):
    assert draining(tb) is None
    assert cluamgr(tb, "selw=0") == "DEFAULTALIAS: 20 connections left\n"
    assert new(tb) == {"n1", "n3"}
    assert draining(tb) == {"left": 20, "reset_in": None}
    assert "draining: 20 connections left\n" in tb.machine(WHO).run("cluamgr -s").stdout
    account = conns.stop()
    assert account["broken"] == 0 and owners(account)[WHO] == 20
    wait_until(lambda: draining(tb)["left"] == 0, 10, "the last connection to end")
    assert address(tb)


def test_leave_lasts_until_the_last_connection_ends(tb, conns):
    assert cluamgr(tb, "leave") == "DEFAULTALIAS: 20 connections left\n"
    assert new(tb) == {"n1", "n3"}
    assert draining(tb) == {"left": 20, "reset_in": None}
    assert address(tb)
    account = conns.stop()
    assert account["broken"] == 0 and owners(account)[WHO] == 20
    wait_until(lambda: not address(tb), 10, "the alias to leave the member")
    assert draining(tb) is None


def test_leave_with_a_limit_resets_the_rest(tb, conns):
    assert cluamgr(tb, "leave=2") == "DEFAULTALIAS: 20 connections left, to be reset in 2 s\n"
    assert draining(tb)["left"] == 20
    wait_until(lambda: not address(tb), 10, "the alias to leave the member")
    assert new(tb) == {"n1", "n3"}
    account = conns.stop()
    ended = [(c["owner"], c["broken"]) for c in account["connections"] if c["broken"]]
    assert ended == [(WHO, "reset")] * 20


def test_a_new_join_ends_the_limit(tb, conns):
    cluamgr(tb, "leave=3600")
    assert draining(tb)["reset_in"] in range(3500, 3601)
    assert cluamgr(tb, "join") == ""
    assert draining(tb) is None
    cluamgr(tb, "leave")
    assert draining(tb) == {"left": 20, "reset_in": None}
    cluamgr(tb, "join")
    assert new(tb) == set(tb.nodes())
    assert conns.stop()["broken"] == 0


def test_leave_waits_for_who_is_just_beginning(tb):
    """The client's SYN was answered before; all else of its comes after."""
    with echods(tb, [WHO]):
        wait_listening(tb, ECHO, [WHO])
        begun = by_hand(tb, [WHO], "handshake", 45001)
        assert begun.stdout.readline() == b"answered\n"
        assert cluamgr(tb, "leave") == "DEFAULTALIAS: 0 connections left\n"
        begun.stdin.write(b"go on\n")
        assert begun.stdout.readline() == b"%s hello\n" % WHO.encode()
        begun.communicate(timeout=10)
        assert draining(tb)["left"] == 1
        cluamgr(tb, "leave=0")
    wait_until(lambda: not address(tb), 10, "the alias to leave the member")
    cluamgr(tb, "join")
    assert address(tb)
