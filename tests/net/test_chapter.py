# SPDX-License-Identifier: ISC
"""The promises of the ancestor's chapter on the cluster alias, a test for each, by the number of its section.

clua(7) has the table of its features. What a section shares with another stands at the first of them.
"""
import signal
import subprocess

import pytest

import testbed_etc
from testbed_error import wait_until
from testbed_etc import VIRTUAL_ALIAS
from testbed_load import (ALIAS, ALIAS2, ECHO, SINGLE, Load, arp_answers, echods, end, load, owners,
    wait_listening, wait_master)
from testbed_net import mac_of
from testbed_status import status

ECHO2, UNLISTED, NOALIAS, NOLOCAL = 7001, 7200, 7300, 7301
SERVICES = testbed_etc.SERVICES + """\
noalias 7300/tcp   in_noalias
nolocal 7301/tcp   in_multi,in_nolocal
nolocal 7301/udp   in_multi,in_nolocal
static  7302/tcp   in_multi,static
outward 7303/tcp   out_alias
outward 7303/udp   out_alias
"""
CLUSTER = {"join": ["cluamgr -a alias=DEFAULTALIAS,join,rpri=10", "n3:cluamgr -a alias=DEFAULTALIAS,rpri=1"],
    "aliasd": 'routing = "gated";\nrouting_command = "true";\n'}


def short(tb, port, n=30, alias=ALIAS, client="c1"):
    return load(tb, "short", "-a", alias, "-p", port, "-n", n, "-q", client=client)


def alias_rows(tb, node="n1"):
    return {a["alias"]: a for a in status(tb, node)["aliases"]}


def members(tb, alias=ALIAS, node="n1"):
    return {m["name"]: m for m in alias_rows(tb, node)[alias]["members"]}


def cluamgr(tb, node, arguments, check=True):
    return tb.machine(node).run("cluamgr " + arguments, check=check)


@pytest.fixture
def second(tb):
    """A second alias, of n1 and n2, that is gone afterwards."""
    yield ALIAS2
    for node in tb.running_nodes():
        # Leaves first, is forgotten then.
        for _ in range(2):
            if ALIAS2 in alias_rows(tb, node) and node in members(tb, ALIAS2, node):
                cluamgr(tb, node, "-a alias=%s,leave" % ALIAS2, check=False)
    wait_until(lambda: ALIAS2 not in alias_rows(tb), 10, "the second alias to be gone")


def packets(tb, node, interface):
    path = "/sys/class/net/%s/statistics/rx_packets" % interface
    return int(tb.machine(node).run("cat " + path).stdout)


ASK = """\
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.3)
n = 0
for i in range(5):
    s.sendto(b"hello\\n", (sys.argv[1], int(sys.argv[2])))
    try:
        n += s.recv(100).endswith(b"hello\\n")
    except OSError:
        pass
print(n)
"""


def udp_answers(tb, address, port):
    """Of five datagrams."""
    return int(tb.machine("c1").run(["/usr/bin/python3", "-c", ASK, address, str(port)]).stdout)


# ---- 6.1 what it is ----

def test_6_1_clients_see_one_system_by_tcp_and_udp(tb):
    with echods(tb, udp=(ECHO,)):
        wait_listening(tb, ECHO, tb.nodes())
        account = short(tb, ECHO)
        assert account["ok"] == 30
        wait_until(lambda: load(tb, "probe", "-a", ALIAS, "-p", ECHO, "-n", 9, "-d", 1)["received"] == 9,
            10, "answers by UDP")
        account = load(tb, "probe", "-a", ALIAS, "-p", ECHO, "-n", 30, "-d", 2)
        assert account["sources"] == [ALIAS]


def test_6_1_a_cluster_has_several_aliases(tb, second):
    for node in ("n1", "n2"):
        cluamgr(tb, node, "-a alias=%s,join" % second)
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        wait_listening(tb, ECHO, ["n1", "n2"], alias=second)


def test_6_1_only_who_joined_is_given_packets(tb, second):
    cluamgr(tb, "n1", "-a alias=%s,join" % second)
    cluamgr(tb, "n2", "-a alias=%s" % second)
    with echods(tb):
        wait_listening(tb, ECHO, ["n1"], alias=second)
        cluamgr(tb, "n2", "-a alias=%s,join" % second)
        wait_listening(tb, ECHO, ["n1", "n2"], alias=second)


def test_6_1_the_hop_within_the_cluster_takes_the_interconnect(tb):
    router = wait_master(tb)
    other = next(n for n in tb.nodes() if n != router)
    with echods(tb, [other]):
        wait_listening(tb, ECHO, [other])
        lan, links = packets(tb, other, "eth0"), sum(packets(tb, other, "ic%d" % i) for i in (0, 1))
        account = short(tb, ECHO, 500)
        assert account["ok"] == 500
        # Each connection is five packets and more; on the LAN there are heartbeats and little else.
        assert sum(packets(tb, other, "ic%d" % i) for i in (0, 1)) - links >= 2000
        assert packets(tb, other, "eth0") - lan < 1000


def test_6_1_a_member_that_fails_is_sent_nothing_and_one_is_enough(tb):
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        try:
            for node, left in (("n3", ["n1", "n2"]), ("n1", ["n2"])):
                tb.kill(node)
                wait_listening(tb, ECHO, left)
                assert short(tb, ECHO)["ok"] == 30
        finally:
            for node in ("n1", "n3"):
                tb.start(node)
    tb.wait_formed()


# ---- 6.3 the default alias ----

def test_6_3_every_member_belongs_to_the_default_alias(tb):
    row = alias_rows(tb)[ALIAS]
    assert row["name"] == "clua" and "DEFAULT" in row["flags"]
    wait_until(lambda: {n for n, m in members(tb).items() if "JOINED" in m["flags"]} == set(tb.nodes()), 10,
        "all members to have joined")


def test_6_3_clu_alias_config_is_run_at_boot(tb):
    assert members(tb)["n1"]["rpri"] == 10
    assert members(tb)["n3"]["rpri"] == 1


# ---- 6.4 how many ----

def test_6_4_eight_unless_configured_otherwise(tb):
    more = ["10.1.0.%d" % i for i in range(181, 188)]
    try:
        for address in more:
            cluamgr(tb, "n1", "-a alias=%s,join" % address)
        done = cluamgr(tb, "n1", "-a alias=10.1.0.188,join", check=False)
        assert done.returncode != 0 and "max_aliasid" in done.stderr
        assert len(alias_rows(tb)) == 8
    finally:
        for address in more:
            for _ in range(2):
                cluamgr(tb, "n1", "-a alias=%s,leave" % address, check=False)
    wait_until(lambda: len(alias_rows(tb)) == 1, 10, "the aliases to be gone")


# ---- 6.5 where the address lies ----

@pytest.mark.parametrize("address", ["255.255.255.255", "10.1.0.255", "224.0.0.5", "127.0.0.2", "0.0.0.0"])
def test_6_5_not_a_broadcast_or_multicast_address(tb, address):
    done = cluamgr(tb, "n1", "-a alias=%s,join" % address, check=False)
    assert done.returncode != 0 and address in done.stderr
    assert address not in alias_rows(tb)


def test_6_5_not_an_address_of_the_interconnect(tb):
    tb.machine("n1").run("ip addr add 192.168.77.1/24 dev ic0")
    try:
        done = cluamgr(tb, "n1", "-a alias=192.168.77.9,join", check=False)
    finally:
        tb.machine("n1").run("ip addr del 192.168.77.1/24 dev ic0")
        for _ in range(2):
            cluamgr(tb, "n1", "-a alias=192.168.77.9,leave", check=False)
    assert done.returncode != 0 and "interconnect" in done.stderr


def test_6_5_a_virtual_subnet_is_not_on_any_interface(tb):
    """Its alias is reached by a route and served, and nobody answers ARP for it."""
    for node in tb.nodes():
        cluamgr(tb, node, "-a alias=%s,join,virtual" % VIRTUAL_ALIAS)
    try:
        tb.machine("c1").run("ip route add %s via %s" % (VIRTUAL_ALIAS, tb.address("n2")))
        with echods(tb):
            wait_listening(tb, ECHO, tb.nodes(), alias=VIRTUAL_ALIAS)
        assert arp_answers(tb, VIRTUAL_ALIAS) == []
    finally:
        tb.machine("c1").run("ip route del " + VIRTUAL_ALIAS)
        for node in tb.nodes():
            for _ in range(2):
                cluamgr(tb, node, "-a alias=%s,leave" % VIRTUAL_ALIAS)


def gated(tb, node, what):
    """Until the routing daemon's file of this member says so."""
    path = "/etc/gated.conf.member" + node[1:]
    wait_until(lambda: what(tb.machine(node).run("cat " + path).stdout), 10, "%s on %s" % (path, node))


def test_6_5_reserved_addresses_are_not_announced_unless_told_so(tb):
    gated(tb, "n1", lambda text: ALIAS not in text)
    cluamgr(tb, "n1", "-r resvok")
    gated(tb, "n1", lambda text: "host %s " % ALIAS in text)
    cluamgr(tb, "n1", "-r noresvok")
    gated(tb, "n1", lambda text: ALIAS not in text)


# ---- 6.6 routing to an alias ----

def test_6_6_2_every_member_announces_a_host_route_from_a_file_of_its_own(tb):
    for node in tb.nodes():
        cluamgr(tb, node, "-r resvok")
        gated(tb, node, lambda text: "host %s " % ALIAS in text and "interface eth0" in text)
        cluamgr(tb, node, "-r noresvok")


def test_6_6_3_virtual_adds_a_route_to_the_network(tb):
    cluamgr(tb, "n2", "-r resvok")
    cluamgr(tb, "n2", "-a alias=%s,join,virtual=t" % VIRTUAL_ALIAS)
    try:
        gated(tb, "n2", lambda text: "host %s " % VIRTUAL_ALIAS in text and "10.77.0.0" in text)
        cluamgr(tb, "n2", "-a alias=%s,virtual=f" % VIRTUAL_ALIAS)
        gated(tb, "n2", lambda text: "host %s " % VIRTUAL_ALIAS in text and "10.77.0.0" not in text)
    finally:
        for _ in range(2):
            cluamgr(tb, "n2", "-a alias=%s,leave" % VIRTUAL_ALIAS)
        cluamgr(tb, "n2", "-r noresvok")


def test_6_6_1_a_member_routes_for_an_alias_without_belonging_to_it(tb, second):
    cluamgr(tb, "n1", "-a alias=%s,rpri=90" % second)
    cluamgr(tb, "n2", "-a alias=%s,join" % second)
    wait_until(lambda: arp_answers(tb, second) == ["n1"], 10, "n1 to be the router")
    with echods(tb):
        wait_listening(tb, ECHO, ["n2"], alias=second)


def test_6_6_1_a_member_is_no_router_for_anything_else(tb):
    for node in tb.nodes():
        assert tb.machine(node).run("cat /proc/sys/net/ipv4/ip_forward").stdout.strip() == "0"
    client = tb.machine("c1")
    client.run("ip route add 10.9.0.101 via " + tb.address("n1"))
    try:
        assert client.run("ping -c 2 -W 1 10.9.0.101", check=False).returncode != 0
    finally:
        client.run("ip route del 10.9.0.101")


def test_6_6_2_one_member_answers_arp_and_another_takes_its_place(tb):
    first = wait_master(tb)
    for _ in range(10):
        assert arp_answers(tb) == [first]
    tb.kill(first)
    try:
        second = wait_master(tb, but=first)
        for _ in range(10):
            assert arp_answers(tb) == [second]
    finally:
        tb.start(first)


def test_6_6_2_aliases_may_have_different_routers(tb, second):
    cluamgr(tb, "n3", "-a alias=%s,join,rpri=80" % second)
    cluamgr(tb, "n2", "-a alias=%s,join,rpri=20" % second)
    wait_until(lambda: arp_answers(tb, second) == ["n3"], 10, "n3 to be the router of the second alias")
    assert wait_master(tb) != "n3"


def test_6_6_2_a_client_with_a_host_route_goes_by_it_whatever_rpri_says(tb):
    other = next(n for n in tb.nodes() if n != wait_master(tb))
    client = tb.machine("c1")
    before = packets(tb, other, "eth0")
    client.run("ip route add %s via %s" % (ALIAS, tb.address(other)))
    try:
        with echods(tb):
            wait_listening(tb, ECHO, tb.nodes())
            assert short(tb, ECHO, 300)["ok"] == 300
    finally:
        client.run("ip route del " + ALIAS)
    assert packets(tb, other, "eth0") - before >= 900


def test_6_6_5_a_packet_is_taken_by_one_member_only(tb):
    """Every datagram has one answer, and every request of a connection."""
    with echods(tb, udp=(ECHO,)):
        wait_listening(tb, ECHO, tb.nodes())
        account = load(tb, "probe", "-a", ALIAS, "-p", ECHO, "-n", 200, "-d", 3)
        assert account["received"] <= 200 and account["wrong"] == 0


def test_6_6_5_an_established_connection_stays_with_its_member(tb):
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        running = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 60, "-i", 20, "-d", 2)
        # Whoever is chosen for new ones meanwhile.
        cluamgr(tb, "n1", "-a alias=DEFAULTALIAS,selw=9")
        account = running.wait()
        cluamgr(tb, "n1", "-a alias=DEFAULTALIAS,selw=1")
        assert account["broken"] == 0, account


def test_6_6_5_icmp_is_answered_by_the_alias(tb):
    out = tb.machine("c1").run("ping -c 5 -i 0.2 -W 2 " + ALIAS).stdout
    assert "5 received" in out and "DUP" not in out


# ---- 6.7 in_single and in_multi ----

def test_6_7_a_service_is_in_single_unless_it_says_otherwise(tb):
    with echods(tb, tcp=(UNLISTED,)):
        wait_until(lambda: short(tb, UNLISTED, 4)["ok"] == 4, 10, "somebody to listen")
        assert len(owners(short(tb, UNLISTED, 60))) == 1


def test_6_7_in_multi_is_spread_by_weighted_round_robin(tb):
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        assert set(owners(short(tb, ECHO, 60)).values()) == {20}


def test_6_7_the_attributes_do_not_decide_where_a_service_runs(tb):
    """An instance that is not the active one runs on, and serves its member's own address."""
    with echods(tb, tcp=(SINGLE,)):
        wait_until(lambda: short(tb, SINGLE, 4)["ok"] == 4, 10, "somebody to listen")
        assert len(owners(short(tb, SINGLE))) == 1
        for node in tb.nodes():
            assert owners(short(tb, SINGLE, 5, alias=tb.address(node))) == {node: 5}


# ---- 6.8 attributes of an alias ----

def test_6_8_attributes_belong_to_a_member_and_an_alias(tb, second):
    for node in ("n1", "n2"):
        cluamgr(tb, node, "-a alias=%s,join" % second)
    cluamgr(tb, "n1", "-a alias=%s,selw=3" % second)
    with echods(tb):
        wait_listening(tb, ECHO, ["n1", "n2"], alias=second)
        assert owners(short(tb, ECHO, 40, alias=second)) == {"n1": 30, "n2": 10}
        wait_listening(tb, ECHO, tb.nodes())
        assert set(owners(short(tb, ECHO, 30)).values()) == {10}
    assert members(tb)["n1"]["selw"] == 1 and members(tb, second)["n1"]["selw"] == 3


def test_6_8_the_highest_rpri_answers_arp(tb):
    cluamgr(tb, "n3", "-a alias=DEFAULTALIAS,rpri=60")
    wait_until(lambda: arp_answers(tb) == ["n3"], 10, "n3 to answer")
    cluamgr(tb, "n3", "-a alias=DEFAULTALIAS,rpri=1")
    wait_until(lambda: arp_answers(tb) in (["n1"], ["n2"]), 10, "another to answer")


def test_6_8_selp_makes_tiers(tb):
    cluamgr(tb, "n3", "-a alias=DEFAULTALIAS,selp=5")
    for node in ("n1", "n2"):
        cluamgr(tb, node, "-a alias=DEFAULTALIAS,selp=10")
    try:
        with echods(tb) as servers:
            wait_listening(tb, ECHO, ["n1", "n2"])
            assert owners(short(tb, ECHO, 40)) == {"n1": 20, "n2": 20}
            for node in ("n1", "n2"):
                servers[node].stop()
            wait_listening(tb, ECHO, ["n3"])
    finally:
        for node in tb.nodes():
            cluamgr(tb, node, "-a alias=DEFAULTALIAS,selp=1")


def datagrams(tb, n):
    """Who answers so many datagrams, and how many of them."""
    return owners(load(tb, "probe", "-a", ALIAS, "-p", ECHO2, "-n", n, "-i", 1))


def test_6_8_selp_and_selw_count_for_messages_too(tb):
    cluamgr(tb, "n3", "-a alias=DEFAULTALIAS,selp=1")
    cluamgr(tb, "n1", "-a alias=DEFAULTALIAS,selp=10,selw=3")
    cluamgr(tb, "n2", "-a alias=DEFAULTALIAS,selp=10,selw=2")
    try:
        with echods(tb, tcp=(), udp=(ECHO2,)):
            wait_until(lambda: datagrams(tb, 100) == {"n1": 60, "n2": 40}, 10, "three to two, and none to n3")
    finally:
        for node in tb.nodes():
            cluamgr(tb, node, "-a alias=DEFAULTALIAS,selp=1,selw=1")


def test_6_8_rpri_does_not_decide_who_announces_routes(tb):
    """But for 0, which is for those who shall not."""
    for node, rpri in (("n1", 90), ("n2", 2)):
        cluamgr(tb, node, "-a alias=DEFAULTALIAS,rpri=%d" % rpri)
        cluamgr(tb, node, "-r resvok")
    try:
        for node in ("n1", "n2"):
            gated(tb, node, lambda text: "host %s metric 14 ;" % ALIAS in text)
        cluamgr(tb, "n2", "-a alias=DEFAULTALIAS,rpri=0")
        gated(tb, "n2", lambda text: ALIAS not in text)
    finally:
        for node, rpri in (("n1", 10), ("n2", 10)):
            cluamgr(tb, node, "-a alias=DEFAULTALIAS,rpri=%d" % rpri)
            cluamgr(tb, node, "-r noresvok")


def test_6_8_selp_and_selw_do_not_matter_to_in_single(tb):
    with echods(tb, ["n1"], tcp=(SINGLE,)):
        wait_listening(tb, SINGLE, ["n1"])
        with echods(tb, ["n2"], tcp=(SINGLE,)):
            cluamgr(tb, "n2", "-a alias=DEFAULTALIAS,selp=50,selw=50")
            try:
                assert owners(short(tb, SINGLE, 40)) == {"n1": 40}
            finally:
                cluamgr(tb, "n2", "-a alias=DEFAULTALIAS,selp=1,selw=1")


def test_6_8_selw_is_the_number_of_connections_before_the_next_members_turn(tb):
    cluamgr(tb, "n1", "-a alias=DEFAULTALIAS,selw=3")
    cluamgr(tb, "n2", "-a alias=DEFAULTALIAS,selw=2")
    try:
        with echods(tb, ["n1", "n2"]):
            wait_listening(tb, ECHO, ["n1", "n2"])
            assert owners(short(tb, ECHO, 100)) == {"n1": 60, "n2": 40}
    finally:
        for node in ("n1", "n2"):
            cluamgr(tb, node, "-a alias=DEFAULTALIAS,selw=1")


# ---- 6.9 attributes of a port ----

@pytest.fixture(scope="module")
def services(tb):
    for node in tb.nodes():
        testbed_etc.write(tb.machine(node).etc, "clua_services", SERVICES)
    cluamgr(tb, "n1", "-f")
    return tb


def test_6_9_the_first_instance_is_active_and_an_idle_one_takes_its_place(tb):
    with echods(tb, ["n2"], tcp=(SINGLE,)) as active:
        wait_listening(tb, SINGLE, ["n2"])
        with echods(tb, ["n1", "n3"], tcp=(SINGLE,)):
            assert owners(short(tb, SINGLE, 20)) == {"n2": 20}
            active["n2"].stop()
            wait_until(lambda: short(tb, SINGLE, 4)["ok"] == 4, 10, "another instance")
            account = short(tb, SINGLE, 20)
            assert len(owners(account)) == 1 and "n2" not in owners(account)


def test_6_9_in_multi_udp_packets_go_to_different_members(tb):
    with echods(tb, tcp=(), udp=(ECHO2,)):
        def all_answer():
            account = load(tb, "probe", "-a", ALIAS, "-p", ECHO2, "-n", 60, "-d", 1)
            return set(owners(account)) == set(tb.nodes())
        wait_until(all_answer, 10, "every member to have its turn")


def test_6_9_in_noalias_takes_nothing_from_an_alias(services):
    with echods(services, tcp=(NOALIAS,)):
        wait_until(lambda: short(services, NOALIAS, 5, alias=services.address("n1"))["ok"] == 5, 10,
            "the member's own address to be served")
        assert short(services, NOALIAS, 10)["refused"] == 10


def test_6_9_in_nolocal_takes_nothing_but_from_an_alias(services):
    with echods(services, tcp=(NOLOCAL,), udp=(NOLOCAL,)):
        wait_until(lambda: short(services, NOLOCAL, 5)["ok"] == 5, 10, "the alias to be served")
        assert short(services, NOLOCAL, 10, alias=services.address("n2"))["refused"] == 10
        assert udp_answers(services, services.address("n2"), NOLOCAL) == 0
        assert udp_answers(services, ALIAS, NOLOCAL) > 0


# Says where a connection, and a datagram, came from.
MIRROR = """\
import socket
t = socket.create_server(("0.0.0.0", 7303))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("0.0.0.0", 7303))
print("ready", flush=True)
for i in range(2):
    c, peer = t.accept()
    print(peer[0], flush=True)
    c.close()
print(u.recvfrom(100)[1][0], flush=True)
"""
OUTWARD = """\
import socket, sys
for bound in None, (sys.argv[2], 0):
    socket.create_connection((sys.argv[1], 7303), 5, bound).close()
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (sys.argv[1], 7303))
"""


def test_6_9_out_alias_leaves_from_the_default_alias_unless_a_source_is_bound(services):
    mirror = services.machine("c1").popen(["/usr/bin/python3", "-c", MIRROR], stdout=subprocess.PIPE,
        text=True)
    try:
        assert mirror.stdout.readline() == "ready\n"
        services.machine("n3").run(["/usr/bin/python3", "-c", OUTWARD, services.address("c1"),
            services.address("n3")])
        assert mirror.communicate(timeout=10)[0].split() == [ALIAS, services.address("n3"), ALIAS]
    finally:
        end(mirror, signal.SIGKILL)
        mirror.wait(10)


def test_6_9_a_static_port_is_given_to_nobody_as_a_dynamic_one(services):
    for node in services.nodes():
        wait_until(lambda n=node: "7302" in services.machine(n).run(
            "cat /proc/sys/net/ipv4/ip_local_reserved_ports").stdout, 10, "7302 to be reserved on " + node)


@pytest.mark.parametrize("attributes", ["in_multi,in_single", "in_multi,in_noalias",
    "in_single,in_noalias", "in_nolocal,in_noalias"])
def test_6_9_what_excludes_each_other_is_refused(services, attributes):
    machine = services.machine("n1")
    testbed_etc.write(machine.etc, "wrong_services", SERVICES + "wrong 7400/tcp %s\n" % attributes)
    done = machine.run("cluamgr -F /etc/wrong_services", check=False)
    assert done.returncode != 0
    assert "wrong_services:%d:" % (SERVICES.count("\n") + 1) in done.stderr


# ---- 6.10 vMAC: the rest is test_vmac.py, with a switch that is watched ----

def test_6_10_the_new_master_tells_its_hardware_address(tb):
    """The client's entry follows without a question of its own."""
    client, first = tb.machine("c1"), wait_master(tb)
    client.run("ping -c 1 -W 2 " + ALIAS)
    tb.kill(first)
    try:
        others = [mac_of("n", int(n[1:]), "eth0") for n in tb.nodes() if n != first]
        wait_until(lambda: any(mac in client.run("ip neigh show " + ALIAS).stdout for mac in others), 10,
            "the client's ARP entry to change")
    finally:
        tb.start(first)
