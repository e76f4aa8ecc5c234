# SPDX-License-Identifier: ISC
"""Virtual MACs: the same for clients and switches whoever is master, and nobody but the master uses it."""

import pytest

from testbed_error import wait_until
from testbed_lan import arp_watch, learned_at, senders
from testbed_load import ALIAS, ECHO, Load, arp_answers, echods, load, wait_listening
from testbed_status import status

CLUSTER = {"nodes": 3, "profile": "lan"}
VMAC = "aa:01:0a:01:00:64"


def holder(tb):
    """Who is master, as the members agree."""
    names = {n["id"]: n["name"] for n in status(tb, tb.running_nodes()[0])["nodes"]}
    seen = {names.get(status(tb, n)["aliases"][0]["master"]) for n in tb.running_nodes()}
    return seen.pop() if len(seen) == 1 else None


def wait_holder(tb, but=None):
    return wait_until(lambda: (h := holder(tb)) and h != but and h, 10, "another master")


def taken(tb, node):
    return VMAC in tb.machine(node).run("bridge fdb show dev eth0").stdout


@pytest.fixture(scope="module", autouse=True)
def vmac(tb):
    for node in tb.nodes():
        with open(tb.machine(node).etc + "/aliasd.conf", "a") as f:
            f.write("vmac = true;\n")  # for those that boot later
        tb.machine(node).run("cluamgr -r vmac")
    wait_until(lambda: arp_answers(tb) == [VMAC], 5, "the virtual MAC")


@pytest.fixture(autouse=True)
def whole(tb):
    yield
    for node in tb.nodes():
        if node not in tb.running_nodes():
            tb.start(node)
    tb.wait_formed(30)


def test_status_tells_it_and_who_differs(tb):
    assert all(status(tb, n)["aliases"][0]["vmac"] == VMAC for n in tb.nodes())
    tb.machine("n2").run("cluamgr -r novmac")
    wait_until(lambda: [n["name"] for n in status(tb, "n1")["nodes"] if n["vmac_differs"]] == ["n2"], 5,
        "n1 to see that n2 differs")
    assert "n2) is set otherwise" in tb.machine("n3").run("cluamgr -s all").stdout
    tb.machine("n2").run("cluamgr -r vmac")
    wait_until(lambda: not any(n["vmac_differs"] for n in status(tb, "n1")["nodes"]), 5, "all alike")


def test_the_switch_learns_each_move_at_once(tb):
    """Only the master sends from it, and it does so before anybody has to ask."""
    watch = senders(tb, VMAC)
    for rpri, node in enumerate(("n2", "n3", "n1"), 2):
        tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,rpri=%d" % rpri)
        wait_until(lambda: holder(tb) == node, 5, "%s to be master" % node)
        wait_until(lambda: learned_at(tb, VMAC) == node + ".eth0", 1, "the switch to know")
        assert [n for n in tb.nodes() if taken(tb, n)] == [node]
        # Everybody is asked, all are silent but the holder.
        assert arp_answers(tb) == [VMAC]
    seen = watch.stop()
    for node in tb.nodes():
        tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,rpri=1")
    ports = [port for _, port in seen]
    order = [p for i, p in enumerate(ports) if i == 0 or ports[i - 1] != p]
    assert order[-3:] == ["n2.eth0", "n3.eth0", "n1.eth0"], order
    assert len(order) <= 4, order  # it never went back


def test_a_client_with_a_permanent_entry_notices_no_failover(tb, figures):
    client, first = tb.machine("c1"), holder(tb)
    client.run("ip neigh replace %s lladdr %s dev eth0 nud permanent" % (ALIAS, VMAC))
    try:
        with echods(tb, udp=(ECHO,)):
            wait_listening(tb, ECHO, tb.nodes())
            conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 60, "-i", 50)
            watch, asked = senders(tb, VMAC), arp_watch(tb, ALIAS, 0, (), "c1")
            tb.kill(first)
            second = wait_holder(tb, but=first)
            assert load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 40, "-q")["ok"] == 40
            account, seen, said = conns.stop(), watch.stop(), asked.stop()["said"]
    finally:
        client.run("ip neigh del %s dev eth0" % ALIAS)
    broken = [c for c in account["connections"] if c["broken"] and c["owner"] != first]
    assert broken == []
    assert {s["mac"] for s in said} == {s["from"] for s in said} == {VMAC}
    ports = [port for _, port in seen]
    assert ports[-1] == second + ".eth0"
    assert set(ports[ports.index(ports[-1]):]) == {ports[-1]}, ports
    assert learned_at(tb, VMAC) == second + ".eth0"
    figures("longest wait of a survivor's connection %.0f ms" % max(c["longest_ms"]
        for c in account["connections"] if c["owner"] != first))


def test_who_is_killed_and_who_ends_leaves_nothing(tb):
    node = holder(tb)
    for pid in tb.machine(node).daemon_pids("aliasd"):
        tb.machine(node).run(["kill", "-KILL", tb.machine(node).run("pidof aliasd").stdout.strip()])
    second = wait_holder_without(tb, node)
    tb.start_daemon(node, "aliasd")
    tb.wait_formed(30)
    wait_until(lambda: [n for n in tb.nodes() if taken(tb, n)] == [second], 5, "one to have it")
    tb.machine(second).run(["kill", tb.machine(second).run("pidof aliasd").stdout.strip()])
    wait_until(lambda: not taken(tb, second), 5, "it to be taken off")
    tb.start_daemon(second, "aliasd")  # which may have to wait until its predecessor has ended
    tb.wait_formed(30)
    tb.machine(second).run("cluamgr -r vmac")


def wait_holder_without(tb, node):
    others = [n for n in tb.running_nodes() if n != node]

    def one():
        names = {n["id"]: n["name"] for n in status(tb, others[0])["nodes"]}
        seen = {names.get(status(tb, n)["aliases"][0]["master"]) for n in others}
        return seen.pop() if len(seen) == 1 and not seen & {node, None} else None
    return wait_until(one, 10, "another master")


def test_without_it_clients_are_told_the_real_address(tb):
    for node in tb.nodes():
        tb.machine(node).run("cluamgr -r novmac")
    wait_until(lambda: arp_answers(tb) == [holder(tb)], 5, "the real address")
    assert not any(taken(tb, n) for n in tb.nodes())
