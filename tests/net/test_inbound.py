# SPDX-License-Identifier: ISC
"""inbound=balance: the clients of a LAN are spread over the members by ARP."""
import collections
import time

import pytest

from testbed_error import TestbedError, wait_until
from testbed_hosts import CLIENTS, Hosts
from testbed_load import ALIAS, ECHO, Load, echods, wait_listening
from testbed_net import mac_of
from testbed_status import ask, status

JOIN = "n%d:cluamgr -a alias=DEFAULTALIAS,join,inbound=balance,rpri=%d"
pytestmark = pytest.mark.timing
CLUSTER = {"clients": 6, "profile": "fast", "join": [JOIN % w for w in ((1, 30), (2, 20), (3, 10))]}


def alias(tb, node):
    return status(tb, node)["aliases"][0]


def counts(tb, node):
    return {m["name"]: m["clients"] for m in alias(tb, node)["members"]}


@pytest.fixture
def clients(tb):
    # Who is not proven yet gets clients of others when it is.
    wait_until(lambda: all(i["proof"] == "proven" for n in tb.nodes()
        for i in ask(tb.machine(n), "aliasd")["interfaces"] if i["name"] == "eth0"), 10, "the LAN interfaces to be proven")
    wait_until(lambda: all(all(m["synced"] for m in alias(tb, n)["members"]) and
        len(alias(tb, n)["members"]) == 3 for n in tb.nodes()), 10, "all members to route")
    c = Hosts(tb, {mac_of("n", int(n[1:]), "eth0"): n for n in tb.nodes()})
    yield c
    c.end()


def spread(tb, clients, n1, n2, n3):
    expected = {n: c for n, c in (("n1", n1), ("n2", n2), ("n3", n3)) if c}
    try:
        wait_until(lambda: clients.spread() == expected, 10, "the clients to be spread")
    except TestbedError:
        assert clients.spread() == expected


def test_by_rpri_and_a_power_cut_moves_only_the_dead_members(tb, clients, figures):
    spread(tb, clients, 30, 20, 10)
    # What is for all (null) announces a new master, and may come before; the same may be told again.
    answers = collections.defaultdict(set)
    for i in clients.heard:
        answers[i["client"]].add(i["node"])
    answers.pop(None, None)
    assert len(answers) == CLIENTS and all(len(told) == 1 for told in answers.values()), answers
    # Everyone knows, whoever is master next.
    wait_until(lambda: all(sum(counts(tb, n).values()) >= CLIENTS for n in tb.nodes()), 10,
        "all members to know")
    before = dict(clients.told)
    cut = tb.kill("n2")
    spread(tb, clients, 45, 0, 15)
    moved = [i for i in clients.heard if i["time"] > cut and before.get(i["client"]) == "n2"]
    last = max(i["time"] for i in moved)
    figures("20 of 60 clients moved %.1f to %.1f ms after the cut" % ((moved[0]["time"] - cut) * 1e3,
        (last - cut) * 1e3))
    for n, node in before.items():
        assert node == "n2" or clients.told[n] == node
    tb.start("n2")
    spread(tb, clients, 30, 20, 10)


def test_the_masters_clients_move_too(tb, clients):
    spread(tb, clients, 30, 20, 10)
    first = next(m["name"] for m in alias(tb, "n1")["members"] if m["id"] == alias(tb, "n1")["master"])
    cut = tb.kill(first)
    left = {"n1": (0, 40, 20), "n2": (45, 0, 15), "n3": (36, 24, 0)}[first]
    spread(tb, clients, *left)
    assert not [i for i in clients.heard if i["time"] > cut + 1 and i["node"] == first]
    tb.start(first)
    spread(tb, clients, 30, 20, 10)


def test_another_weight_moves_some(tb, clients):
    spread(tb, clients, 30, 20, 10)
    tb.machine("n3").run("cluamgr -a alias=DEFAULTALIAS,rpri=30")
    # 30:20:30 of 60.
    wait_until(lambda: sorted(clients.spread().values()) in ([15, 22, 23],), 10, "another spread")
    tb.machine("n3").run("cluamgr -a alias=DEFAULTALIAS,rpri=10")
    spread(tb, clients, 30, 20, 10)


def test_switched_off_everybody_is_told_the_master(tb, clients):
    spread(tb, clients, 30, 20, 10)
    for node in tb.nodes():
        tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,inbound=master")
    wait_until(lambda: len(clients.spread()) == 1, 10, "one member for all")
    assert "BALANCED" not in alias(tb, "n1")["flags"]
    done = tb.machine("n1").run("cluamgr -a alias=DEFAULTALIAS,inbound=both", check=False)
    assert done.returncode != 0 and "inbound=balance" in done.stderr
    for node in tb.nodes():
        tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,inbound=balance")


def test_real_clients_and_their_connections(tb):
    """Six hosts with a kernel of their own, through different members, while one dies."""
    with echods(tb):
        for n in range(1, 7):
            wait_listening(tb, ECHO, tb.nodes(), client="c%d" % n)
        entries = {tb.machine("c%d" % n).run("ip neigh show " + ALIAS).stdout.split()[4] for n in range(1, 7)}
        assert len(entries) >= 2, "the clients all use one member"
        loads = [Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 30, "-i", 50, client="c%d" % n)
            for n in range(1, 7)]
        time.sleep(0.5)
        tb.kill("n3")
        time.sleep(1.5)
        accounts = [running.stop() for running in loads]
        for account in accounts:
            assert account["opened"] == 30
            for c in account["connections"]:
                assert not c["broken"] or c["owner"] == "n3", c
        assert any(c["owner"] == "n3" for a in accounts for c in a["connections"])
        tb.start("n3")
