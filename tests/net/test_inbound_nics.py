# SPDX-License-Identifier: ISC
"""inbound=balance over two LAN interfaces of each member; an overloaded member; and with XDP, as virtual MACs."""
import os
import signal
import time

import pytest

from testbed_error import TestbedError, wait_until
from testbed_etc import write
from testbed_hosts import CLIENTS, Hosts
from testbed_load import ALIAS, ECHO, Program, arp_answers, echods, load, wait_listening
from testbed_net import mac_of
from testbed_status import nodes, status

CLUSTER = {"nodes": 2, "lan_nics": 2, "xdp": True,
    "join": ["cluamgr -a alias=DEFAULTALIAS,join,inbound=balance,rpri=10"]}
NICS = {mac_of("n", n, nic): "n%d.%s" % (n, nic) for n in (1, 2) for nic in ("eth0", "eth1")}
ALIKE = dict.fromkeys(NICS.values(), CLIENTS // 4)
VMAC = "aa:01:0a:01:00:64"
CONF = 'default_alias = "clua";\n'
# Forty large datagrams a millisecond, for nobody in particular.
FLOOD = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print("ready", flush=True)
while True:
    for i in range(40):
        s.sendto(bytes(1400), ("%s", 9))
    time.sleep(0.001)
"""


def synced(tb):
    members = [m for n in tb.nodes() for m in status(tb, n)["aliases"][0]["members"]]
    return len(members) == 4 and all(m["synced"] for m in members)


def is_master(tb, node):
    """Not by asking: who asks is one client more."""
    log = tb.log_tail(node, "aliasd", 1000)
    return ": ARP master" in log[log.rindex(" starts\n"):]


def wait_routing(tb):
    wait_until(lambda: synced(tb), 10, "all members to route")
    wait_until(lambda: any(is_master(tb, n) for n in tb.nodes()), 10, "a master that answers")


@pytest.fixture
def hosts(tb):
    wait_routing(tb)
    h = Hosts(tb, NICS)
    yield h
    h.end()


def wait_spread(hosts, expected):
    try:
        wait_until(lambda: hosts.spread() == expected, 10, "the clients to be spread")
    except TestbedError:
        assert hosts.spread() == expected


def test_over_all_interfaces_and_one_dies(tb, hosts, figures):
    wait_spread(hosts, ALIKE)
    again = Hosts(tb, NICS)
    wait_spread(again, ALIKE)
    again.end()
    # A master that is new says some answers a second time.
    assert len({(i["client"], i["mac"]) for i in again.heard}) == CLIENTS, "every host has one answer"
    assert again.told == hosts.told
    before, when = dict(hosts.told), time.monotonic()
    tb.cut("n2", "eth1")
    # Who has one interface left gets no fewer clients for that.
    wait_spread(hosts, {"n1.eth0": 15, "n1.eth1": 15, "n2.eth0": 30})
    moved = [i["time"] for i in hosts.heard if i["time"] > when and before[i["client"]] == "n2.eth1"]
    figures("15 of 60 clients moved within %.0f ms after the interface was cut" % ((max(moved) - when) * 1e3))
    assert all(hosts.told[n] == nic for n, nic in before.items() if nic != "n2.eth1")
    tb.heal("n2", "eth1")
    wait_spread(hosts, ALIKE)


def test_the_interface_of_the_master_that_answers_dies(tb, hosts):
    wait_spread(hosts, ALIKE)
    master = "n%d" % status(tb, "n1")["aliases"][0]["master"]
    tb.cut(master, "eth0")
    wait_until(lambda: master + ".eth0" not in hosts.told.values(), 10, "its clients to be moved")
    answers = wait_until(lambda: arp_answers(tb), 10, "an answer to who asks then")
    assert len(answers) == 1 and NICS.get(answers[0], answers[0]) != master + ".eth0"
    tb.heal(master, "eth0")
    wait_spread(hosts, ALIKE)


def conf(tb, node, text):
    machine = tb.machine(node)
    write(machine.etc, "aliasd.conf", CONF + text)
    for pid in machine.daemon_pids("aliasd"):
        os.kill(pid, signal.SIGHUP)


def share(tb, node):
    return nodes(tb, node, "inbound_share")


def test_an_overloaded_member_gets_fewer(tb, hosts):
    wait_spread(hosts, ALIKE)
    conf(tb, "n2", "overload_receive = 1;\n")
    flood = Program(tb, "c1", ["/usr/bin/python3", "-I", "-c", FLOOD % "10.1.0.12"])
    wait_until(lambda: share(tb, "n1")["n2"] < 100, 30, "n2 to say that it is overloaded")
    # At once, and a quarter at a time: 100:75 of 60 is 34 and 26.
    wait_until(lambda: sum(n.startswith("n1.") for n in hosts.told.values()) >= 34, 10, "n1 to get more")
    flood.stop()
    assert share(tb, "n2")["n1"] == 100
    assert "OVERLOADED: memberid 2 (n2) takes " in tb.machine("n1").run("cluamgr -s all").stdout
    assert "overloaded: " in tb.log_tail("n2", "aliasd", 50)


def restart(tb, mode):
    for node in tb.nodes():
        machine = tb.machine(node)
        write(machine.etc, "aliasd.conf", CONF + 'attach = "%s";\n' % mode)
        for pid in machine.daemon_pids("aliasd"):
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not machine.daemon_pids("aliasd"), 10, "aliasd on %s to end" % node)
    for node in tb.nodes():
        tb.start_daemon(node, "aliasd")
    tb.wait_formed()
    wait_routing(tb)
    wait_until(lambda: {(i["attached"], i["proof"]) for n in tb.nodes() for i in status(tb, n)["interfaces"]}
        == {(mode, "proven")}, 10, "XDP on all interfaces")


def connects(tb):
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        assert load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 100, "-c", 1, "-q")["ok"] == 100


def test_with_xdp(tb):
    restart(tb, "xdp")
    hosts = Hosts(tb, NICS)
    try:
        wait_spread(hosts, ALIKE)
    finally:
        hosts.end()
    connects(tb)


def test_virtual_mac_with_xdp(tb):
    """Generic: a veth with native XDP keeps it in mind that a frame was for another MAC, as no NIC does."""
    restart(tb, "xdp-generic")
    for node in tb.nodes():
        tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,inbound=master")
        tb.machine(node).run("cluamgr -r vmac")
    wait_until(lambda: arp_answers(tb) == [VMAC], 10, "the virtual MAC")
    connects(tb)
    former = status(tb, "n1")["aliases"][0]["master"]
    tb.machine("n%d" % former).run("cluamgr -a alias=DEFAULTALIAS,rpri=1")
    wait_until(lambda: status(tb, "n1")["aliases"][0]["master"] not in (former, None), 10, "another master")
    wait_until(lambda: arp_answers(tb) == [VMAC], 10, "the virtual MAC of the next master")
    connects(tb)
