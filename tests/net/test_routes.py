# SPDX-License-Identifier: ISC
"""Routing for the aliases: who does it, and what a router outside the cluster makes of it.

n1 and n2 have BIRD, n3 has FRR; r1 is a router with BIRD, then with FRR, and x1 a client behind it. tools/soak
routes has each of them by itself: with RIP, with OSPF, without BFD.
"""
import os
import re
import sys
import time

import pytest

import testbed_etc
import testbed_routing as rt
from route_cuts import cut, wait_all_ways
from testbed_error import wait_until
from testbed_load import ALIAS, ECHO, Load, arp_answers, echods, load, master, owners, wait_listening, wait_master
from testbed_status import ask

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "routes"))
import gated_syntax  # noqa: E402

VIRTUAL = testbed_etc.VIRTUAL_ALIAS
CLUSTER = rt.CLUSTER
ALL = ["n1", "n2", "n3"]


def routing(tb, node):
    return ask(tb.machine(node), "aliasd")["routing"]


def wait_told(tb, node, state="done", count=3):
    """Until the routing daemon of a node has answered so, and has so many routes."""
    wait_until(lambda: (routing(tb, node)["state"], len(routing(tb, node)["routes"])) == (state, count), 15,
        "%s to be %s with %d routes: %s" % (node, state, count, routing(tb, node)))


@pytest.fixture(scope="module")
def net(tb):
    """The routing daemons run, and r1 has the routes of all members."""
    rt.prepare_router(tb, "r1")
    rt.start(tb, "r1", ["rip", "ospf"])
    for node in ALL:
        wait_told(tb, node, "failed")
        assert "cannot reach" in routing(tb, node)["text"] or "vtysh" in routing(tb, node)["text"]
        rt.start(tb, node, ["rip", "ospf"])
    for node in ALL:
        wait_told(tb, node)
    rt.wait_settled(tb, "r1", ALL)
    rt.wait_routes(tb, "r1", "10.77.0.0/24", ALL)
    return tb


def learned(table, metric):
    return table.get(ALIAS + "/32") == table.get("10.77.0.0/24") == table.get(VIRTUAL + "/32") == \
        {n: metric for n in ALL}


def test_the_router_learns_all_routes_by_rip_and_ospf(net):
    # A router adds one to what it hears by RIP, and nothing to an external metric of OSPF.
    wait_until(lambda: learned(rt.bird_routes(net, "r1", "ospf1"), 14), 20, "routes by OSPF")
    wait_until(lambda: learned(rt.bird_routes(net, "r1", "rip1"), 15), 40, "routes by RIP")


def test_the_preferred_member_has_the_better_metric(net):
    net.machine("n1").run("cluamgr -a alias=DEFAULTALIAS,rpri=100")
    rt.wait_routes(net, "r1", ALIAS, ["n1"])
    rt.wait_routes(net, "r1", VIRTUAL, ALL)
    wait_until(lambda: rt.bird_routes(net, "r1", "rip1").get(ALIAS + "/32") == {"n1": 11}, 20, "metric 10")
    net.machine("n1").run("cluamgr -a alias=DEFAULTALIAS,rpri=0")
    rt.wait_routes(net, "r1", ALIAS, ["n2", "n3"])
    net.machine("n1").run("cluamgr -a alias=DEFAULTALIAS,rpri=1")
    rt.wait_routes(net, "r1", ALIAS, ALL)


def test_a_client_behind_the_router_reaches_both_kinds_of_alias(net):
    with echods(net):
        wait_listening(net, ECHO, ALL)
        for alias in (ALIAS, VIRTUAL):
            account = load(net, "short", "-a", alias, "-p", ECHO, "-n", 60, "-q", client="x1")
            # Each member deals out in turns what comes to it.
            assert set(owners(account)) == set(ALL)
            assert all(abs(n - 20) <= 5 for n in owners(account).values()), owners(account)


def test_routes_are_withdrawn_when_a_member_stops_routing(net):
    first = master(net)
    with echods(net):
        wait_listening(net, ECHO, ALL)
        conns = Load(net, "conns", "-a", ALIAS, "-p", ECHO, "-n", 200, "-i", 100, client="x1")
        net.machine(first).run("cluamgr -r stop")
        assert routing(net, first)["options"] == ["stop", "resvok", "gated", "novmac"]
        assert routing(net, first)["state"] == "done" and routing(net, first)["routes"] == []
        rt.wait_routes(net, "r1", ALIAS, [n for n in ALL if n != first])
        rt.wait_routes(net, "r1", VIRTUAL, [n for n in ALL if n != first])
        assert wait_master(net, but=first) != first
        # It still serves what others redirect to it.
        assert set(owners(load(net, "short", "-a", ALIAS, "-p", ECHO, "-n", 30, "-q"))) == set(ALL)
        net.machine(first).run("cluamgr -r start")
        assert len(routing(net, first)["routes"]) == 3
        rt.wait_routes(net, "r1", ALIAS, ALL)
        assert conns.stop()["broken"] == 0
    # A tie: the present master stays.
    assert len(arp_answers(net)) == 1 and master(net) != first


def test_reserved_addresses_and_a_daemon_left_alone(net):
    machine = net.machine("n3")
    machine.run("cluamgr -r nogated")
    machine.run("cluamgr -r noresvok")
    assert routing(net, "n3")["state"] == "left alone"
    rt.wait_routes(net, "r1", ALIAS, ALL)
    machine.run("cluamgr -r gated")
    assert routing(net, "n3")["state"] == "done" and routing(net, "n3")["routes"] == []
    rt.wait_routes(net, "r1", ALIAS, ["n1", "n2"])
    machine.run("cluamgr -r resvok")
    rt.wait_routes(net, "r1", ALIAS, ALL)


def test_the_lan_interface_fails(net):
    net.cut("n2", "eth0")
    wait_told(net, "n2", count=0)
    net.heal("n2", "eth0")
    wait_told(net, "n2")
    rt.wait_routes(net, "r1", ALIAS, ALL)


def test_a_routing_daemon_dies_and_comes_back(net):
    """aliasd tells what is wrong, and sees to it that the routes are there again."""
    rt.stop(net, "n3", "staticd")
    wait_told(net, "n3", "failed")
    net.machine("n3").spawn(["/usr/lib/frr/staticd", "-F", "traditional"], rt.log(net, "n3", "staticd"))
    wait_told(net, "n3")
    rt.stop(net, "n1", "bird")
    wait_told(net, "n1", "failed")
    rt.start(net, "n1", ["rip", "ospf"])
    wait_told(net, "n1")
    rt.wait_routes(net, "r1", ALIAS, ALL)


def test_a_process_where_frr_has_blackhole_routes(net):
    """n3 routes the alias of the virtual subnet and has not joined it."""
    net.machine("n3").run("cluamgr -a alias=%s,leave" % VIRTUAL)
    net.machine("n3").run("cluamgr -a alias=%s,virtual=t,mask=255.255.255.0" % VIRTUAL)
    wait_told(net, "n3")
    assert "blackhole" in net.machine("n3").run("ip route show").stdout
    with echods(net):
        wait_listening(net, ECHO, ["n1", "n2"], alias=VIRTUAL, client="n3")
    net.machine("n3").run("cluamgr -a alias=%s,join" % VIRTUAL)


def start_aliasd(tb, node, groups):
    """As its unit does: root, but with these capabilities alone, and in these groups."""
    with open(os.path.join(HERE, "..", "..", "etc", "aliasd.service.in")) as f:
        names = re.search(r"^CapabilityBoundingSet=(.*)$", f.read(), re.M).group(1).lower().split()
    capabilities = ",".join(["-all"] + ["+" + n.removeprefix("cap_") for n in names])
    tb.machine(node).spawn(["setpriv", "--bounding-set", capabilities, "--inh-caps", "-all", "--no-new-privs",
        *(["--groups", groups] if groups else ["--clear-groups"]), "aliasd"], tb.log(node, "aliasd"))


def test_the_rights_that_the_unit_gives(net):
    """The sockets of the routing daemons are for their own groups."""
    for groups, state in (({"n1": "", "n3": ""}, "failed"), ({"n1": "bird", "n3": "frr,frrvty"}, "done")):
        for node in groups:
            rt.stop(net, node, "aliasd")
        for node in groups:
            done = net.machine(node).run("cluamgr -s", check=False)
            assert done.returncode == 3 and "aliasd is not running" in done.stderr
        for node, names in groups.items():
            start_aliasd(net, node, names)
        net.wait_formed()
        for node in groups:
            wait_told(net, node, state)
        if state == "failed":
            assert "Permission denied" in routing(net, "n1")["text"]
            assert "failed to connect" in routing(net, "n3")["text"]
        for node in groups:
            with open(net.log(node, "aliasd")) as f:
                assert "somebody removed the packet program" not in f.read()
    for destination in (ALIAS, VIRTUAL):
        rt.wait_routes(net, "r1", destination, ALL)


def test_the_member_that_carries_the_route_loses_power(net, figures):
    rt.wait_settled(net, "r1", ALL)
    net.machine("n2").run("cluamgr -a alias=DEFAULTALIAS,rpri=100")
    rt.wait_routes(net, "r1", ALIAS, ["n2"])
    # OSPF does not tell of the same thing twice within five seconds: n1 was the last one.
    time.sleep(5)
    with echods(net):
        wait_listening(net, ECHO, ALL, client="x1")
        conns = Load(net, "conns", "-a", ALIAS, "-p", ECHO, "-n", 300, "-i", 100, client="x1")
        # So many at once that those who wait for the dead member do not keep others from beginning.
        short = Load(net, "short", "-a", ALIAS, "-p", ECHO, "-c", 200, "-r", 50, client="x1")
        when = net.kill("n2")
        rt.wait_routes(net, "r1", ALIAS, ["n1", "n3"])
        found = time.monotonic()
        # A request that was on its way is repeated after a second, then after twice as long.
        time.sleep(found - when + 1.5)
        account, new = conns.stop(), short.stop()
    net.start("n2")
    rt.start(net, "n2", ["rip", "ospf"])
    rt.wait_settled(net, "r1", ALL)
    broken = [c for c in account["connections"] if c["broken"]]
    assert {c["owner"] for c in broken} <= {"n2"}, broken[:5]
    later = [r for r in new["records"] if r["start_us"] > found * 1e6]
    assert later and all(r["result"] == "ok" for r in later)
    figures("the other way after %.1f s; longest wait of a survivor's connection %.1f s" % (found - when,
        max(c["longest_ms"] for c in account["connections"] if c["owner"] != "n2") / 1e3))


def test_a_member_leaves_and_joins_while_all_share_the_flows(net, figures):
    with echods(net, ["n1", "n2"]):
        wait_listening(net, ECHO, ["n1", "n2"], client="x1")
        rt.wait_settled(net, "r1", ALL)
        before = {n: packets(net, n) for n in ALL}
        conns = Load(net, "conns", "-a", ALIAS, "-p", ECHO, "-n", 1000, "-i", 100, client="x1")
        share = {n: packets(net, n) - before[n] for n in ALL}
        assert all(n > 100 for n in share.values()), share
        rt.stop(net, "n3", "aliasd")
        rt.wait_routes(net, "r1", ALIAS, ["n1", "n2"])
        net.start_daemon("n3", "aliasd")
        net.wait_formed()
        rt.wait_routes(net, "r1", ALIAS, ALL)
        time.sleep(0.5)
        account = conns.stop()
    figures("packets by member %s; longest wait %.0f ms" % (share, account["longest_ms"]))
    assert account["broken"] == 0


def packets(tb, node):
    """What a member has taken from the network for the default alias."""
    return next(a for a in ask(tb.machine(node), "aliasd")["aliases"] if a["alias"] == ALIAS)["counters"][
        "data_packets_received_from_network"]


def test_frr_as_the_router_learns_all_routes_by_rip_and_ospf(net):
    rt.stop(net, "r1")
    rt.start(net, "r1", ["rip", "ospf"], kind="frr")
    wait_until(lambda: learned(rt.frr_routes(net, "r1", "ospf"), 14), 60, "routes by OSPF")
    wait_until(lambda: learned(rt.frr_routes(net, "r1", "rip"), 15), 60, "routes by RIP")
    wait_all_ways(net, ALL)
    with echods(net):
        wait_listening(net, ECHO, ALL)
        for alias in (ALIAS, VIRTUAL):
            account = load(net, "short", "-a", alias, "-p", ECHO, "-n", 30, "-q", client="x1")
            assert set(owners(account)) == set(ALL)


def test_a_member_loses_power_while_all_share_the_flows(net, figures):
    rt.wait_settled(net, "r1", ALL)
    account, found = cut(net, "n3")
    figures("the other ways after %.1f s; %s" % (found, account.text()))
    assert account.total == 1000 and account.of_dead > 200
    assert not account.broken_survivors and not account.unaccounted_dead
    assert account.waiting_ms < 1000


def test_gated_has_its_file_and_its_command(net):
    machine = net.machine("n1")
    rt.stop(net, "n1", "aliasd")
    rt.wait_routes(net, "r1", ALIAS, ["n2"])
    testbed_etc.write(machine.etc, "aliasd.conf", 'default_alias = "clua";\nresvok = true;\n'
        'routing = "gated";\nrouting_command = "cp /etc/gated.conf.member1 /run/gated.told";\n')
    net.start_daemon("n1", "aliasd")
    net.wait_formed()
    wait_told(net, "n1")
    told = machine.run("cat /run/gated.told").stdout
    gated_syntax.check(told)
    assert "host %s metric 14 ;" % ALIAS in told and "interface eth0 noripin ripout" in told


@pytest.mark.parametrize("alias,why", [("10.1.0.255", "broadcast"), ("255.255.255.255", "broadcast"),
    ("10.1.0.0", "address of a subnet"), ("224.0.0.5", "multicast"), ("127.0.0.2", "loopback"),
    ("0.0.0.0", "no host's address"), ("10.1.0.11", "of this host itself"), ("10.1.0.12", "another member"),
    ("192.0.2.50", "interconnect"), ("10.1.0.98,virtual", "must have none"),
    ("10.0.0.5,virtual,mask=255.0.0.0", "must have none")])
def test_addresses_that_cannot_be_aliases(tb, alias, why):
    machine = tb.machine("n1")
    machine.run("ip addr replace 192.0.2.1/24 dev ic0")
    done = machine.run(["cluamgr", "-a", "alias=%s" % alias], check=False)
    assert done.returncode == 1 and why in done.stderr, done.stderr
    assert alias.split(",")[0] not in [a["alias"] for a in ask(machine, "aliasd")["aliases"]]


@pytest.mark.parametrize("words,why", [("restart", "unknown routing option"),
    ("start,stop", "exclude each other")])
def test_wrong_options_are_refused(tb, words, why):
    done = tb.machine("n1").run(["cluamgr", "-r", words], check=False)
    assert done.returncode == 2 and why in done.stderr
