# SPDX-License-Identifier: ISC
"""A cluster whose only interface is LAN and link at once."""
from testbed_cuts import Cut
from testbed_load import ALIAS, ECHO, echods, load, master, owners, wait_listening

CLUSTER = {"links": 0}


def test_shares(tb):
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 300, "-q")
        assert account["ok"] == 300
        assert owners(account) == {n: 100 for n in tb.nodes()}


def test_members_as_clients(tb):
    """What a member sends for itself by the interface has not been redirected."""
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        for node in tb.nodes():
            account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 30, "-q", client=node)
            assert account["ok"] == 30
            assert owners(account) == {n: 10 for n in tb.nodes()}


def test_the_master_dies(tb, figures):
    dead = master(tb)
    account = Cut(tb, dead, connections=300).run()
    tb.start(dead)
    figures(account.text())
    assert account.broken_survivors == []
