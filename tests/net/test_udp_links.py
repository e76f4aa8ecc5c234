# SPDX-License-Identifier: ISC
"""Links by UDP: n1, n2 and n3 on one LAN with links of their own, n4 behind a router with nothing else."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

import pytest

import testbed_status
from test_packets import BIG, STREAM, Server, answers, difference, forget_paths, run_tool
from testbed_error import wait_until
from testbed_load import ALIAS, ECHO, Load, echods, load, master, owners, wait_listening

CLUSTER = {"nodes": 4, "remote": ["n4"], "join": ["n1:cluamgr -a alias=DEFAULTALIAS,join,rpri=9",
    "n2:cluamgr -a alias=DEFAULTALIAS,join", "n3:cluamgr -a alias=DEFAULTALIAS,join",
    "n4:cluamgr -a alias=DEFAULTALIAS,join"]}
TUNNEL = "clua-vx"
IN_TUNNEL = 1450  # of 1500: what is around a packet takes 50


def link_of(tb, name, peer, number):
    """A link as lltd on a node sees it."""
    nodes = testbed_status.ask(tb.machine(name), "lltd")["nodes"]
    return next(n for n in nodes if n["name"] == peer)["links"][number]


def test_what_lltstat_shows(tb):
    udp = link_of(tb, "n1", "n4", 2)
    assert (udp["type"], udp["device"], udp["address"]) == ("udp", "udp2", "10.9.0.14:50000")
    assert udp["state"] == "UP" and udp["priority"] == "low"
    # n4 has no other link: by its count this one is the first.
    assert link_of(tb, "n4", "n1", 0)["address"] == "10.1.0.11:50000"
    assert link_of(tb, "n1", "n4", 0)["state"] == "DOWN"
    own = json.loads(tb.machine("n4").run(["lltstat", "-l", "-j"]).stdout)["links"][0]
    assert (own["type"], own["sap"], own["mtu"]) == ("udp", None, 1472)
    assert own["address"] == "10.9.0.14:50000"
    assert "10.9.0.14:50000" in tb.machine("n1").run(["lltconfig", "-a", "list"]).stdout


def test_one_of_two_kinds_is_cut(tb):
    """n3 keeps its place in the membership by whatever link is left."""
    generation, sessions = testbed_status.generation(tb, "n1"), testbed_status.sessions(tb, "n1")
    tb.cut("n3", "ic0", "ic1")
    wait_until(lambda: testbed_status.links_up(tb, "n1", 3) == 1, 5, "only the link by UDP to be up")
    assert link_of(tb, "n1", "n3", 2)["state"] == "UP"
    tb.heal()
    wait_until(lambda: testbed_status.links_up(tb, "n1", 3) == 3, 5, "all links to be up again")
    assert testbed_status.generation(tb, "n1") == generation
    assert testbed_status.sessions(tb, "n1") == sessions


def test_a_second_node_of_its_id(tb):
    """x1 has the configuration of n4: those that it asks know n4, and tell it where that is."""
    n4, x1 = tb.machine("n4"), tb.machine("x1")
    for name in ("lltd.conf", "llthosts", "clua.key"):
        with open("%s/%s" % (n4.etc, name)) as f:
            text = f.read()
        x1.run(["sh", "-c", "umask 077; cat >/etc/" + name], input=text.replace("10.9.0.14", "10.9.0.101"))
    # Its own name is not n4's.
    x1.run(["sh", "-c", "echo 'node = \"n4\";' >>/etc/lltd.conf"])
    sessions = testbed_status.sessions(tb, "n1")
    done = x1.run(["lltd"], check=False, timeout=20)
    assert done.returncode == 1
    assert "node 4 already exists in cluster 42" in done.stderr and "10.9.0.14:50000" in done.stderr
    assert testbed_status.sessions(tb, "n1") == sessions


# ---- connections ----

@pytest.fixture(scope="module")
def servers(tb):
    """On n2, with Ethernet links to the router n1, and on n4."""
    assert master(tb) == "n1"
    with open(os.path.join(tb.machine("n1").etc, "clua_services"), "a") as f:
        f.write("big %d/udp in_multi\nstream %d/tcp in_multi\n" % (BIG, STREAM))
    tb.machine("n1").run("cluamgr -f")
    programs = [Server(tb, node, "serve", node, BIG, STREAM) for node in ("n2", "n4")]
    wait_until(lambda: set(answers(run_tool(tb, "c1", "ask", ALIAS, BIG, 100, 8))) == {"n2", "n4"}, 10,
        "the servers")
    yield programs
    for program in programs:
        program.stop()


def counts(tb, node, what):
    return json.loads(tb.machine(node).run("cluamgr -s clua -j").stdout)["aliases"][0][what]


def path_mtu(tb, client):
    found = re.search(r"mtu (\d+)", tb.machine(client).run("ip route get " + ALIAS).stdout)
    return int(found.group(1)) if found else 0


@pytest.mark.parametrize("client", ["c1", "x1"])
def test_up_and_down_by_tcp(tb, servers, client):
    """Full packets from the client do not fit the tunnel: it is told by how much."""
    forget_paths(tb)
    before = counts(tb, "n1", "drops")
    for verb in ("stream", "fetch"):
        got = [run_tool(tb, client, verb, ALIAS, STREAM, 300000).split() for _ in range(4)]
        assert sorted(got) == [[n, "300000"] for n in ("n2", "n2", "n4", "n4")]
    assert path_mtu(tb, client) == IN_TUNNEL
    drops = difference(before, counts(tb, "n1", "drops"))
    assert [k for k in drops if k.startswith("too_big")] == ["too_big"] and drops["too_big"] < 20


@pytest.mark.parametrize("client", ["c1", "x1"])
def test_datagrams(tb, servers, client):
    """What is too large is told of; what may be taken apart arrives, in fragments or as an aggregate, too."""
    forget_paths(tb)
    wait_until(lambda: len(answers(run_tool(tb, client, "ask", ALIAS, BIG, 1460, 20))) == 20, 20,
        "answers to 1460 bytes")
    assert path_mtu(tb, client) == IN_TUNNEL
    forget_paths(tb)
    before = counts(tb, "n1", "drops")
    for flags, each in (([], 10), (["--aggregate"], 80)):
        got = answers(run_tool(tb, client, "ask", ALIAS, BIG, 1460, 20, "--may-fragment", *flags))
        assert got.count("n2") == got.count("n4") == each
    got = answers(run_tool(tb, client, "ask", ALIAS, BIG, 8192, 20))
    assert got.count("n2") == got.count("n4") == 10
    assert not [k for k in difference(before, counts(tb, "n1", "drops")) if k.startswith("too_big")]


def outer(vni, packet):
    return struct.pack("!BxxxI", 8, vni << 8) + bytes.fromhex("02636c756101" "02636c756102" "0800") + packet


def ip_udp(source, destination, port, data):
    udp = struct.pack("!HHHH", 9, port, 8 + len(data), 0) + data
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(source),
        socket.inet_aton(destination))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    return head[:10] + struct.pack("!H", 0xffff & ~(total + (total >> 16))) + head[12:] + udp


def test_a_narrow_way_between_members(tb, servers):
    """The router takes 1400 bytes: what is around packets is taken apart, until lltd knows of it."""
    router = tb.machine("r1")

    def set_ways(mtu):
        router.run("ip route replace 10.9.0.0/24 dev eth1 src 10.9.0.1 mtu %d" % mtu)
        router.run("ip route replace 10.1.0.0/24 dev eth0 src 10.1.0.1 mtu %d" % mtu)

    def streams():
        got = [run_tool(tb, "c1", "stream", ALIAS, STREAM, 300000).split() for _ in range(2)]
        assert sorted(got) == [["n2", "300000"], ["n4", "300000"]]

    def udp_mtu():
        return json.loads(tb.machine("n1").run("lltstat -l -j").stdout)["links"][2]["mtu"]

    sessions = testbed_status.sessions(tb, "n1")
    forget_paths(tb)
    set_ways(1400)
    try:
        streams()
        assert path_mtu(tb, "c1") == IN_TUNNEL
        # The frames that do not pass, and are sent again, teach the kernel.
        recv = tb.machine("n4").popen(["lltmsg", "recv", "-f", "1", "-n", "10"], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        assert b"open" in recv.stderr.readline()
        tb.machine("n1").run("lltmsg send -d 4 -s 20000 -i 1000 -n 10")
        account = json.loads(recv.communicate(timeout=30)[0])
        assert account["received"] == 10 and account["corrupt"] == account["lost"] == 0
        wait_until(lambda: udp_mtu() == 1372, 10, "lltd to know")
        streams()
        assert path_mtu(tb, "c1") == IN_TUNNEL - 100
    finally:
        set_ways(1500)
        tb.machine("n1").run("ip route flush cache")
    wait_until(lambda: udp_mtu() == 1472, 10, "lltd to know that it is wide again")
    assert testbed_status.sessions(tb, "n1") == sessions


def test_what_cluamgr_shows(tb):
    done = tb.machine("n1").run("cluamgr -s clua").stdout
    assert "memberid 4 (n4): redirected to in VXLAN, packets of at most %d bytes\n" % IN_TUNNEL in done
    nodes = json.loads(tb.machine("n1").run("cluamgr -s clua -j").stdout)["nodes"]
    assert {n["name"]: n["tunnel"] for n in nodes} == {"n1": None, "n2": None, "n3": None, "n4": IN_TUNNEL}
    services = tb.machine("n1").run("cluamgr -s clua").stdout
    assert "4789/udp" not in services  # the kernel's own socket is no service


def test_nobody_else_gets_in(tb, servers):
    """x1 knows the number of the cluster and the port, but has no member's address."""
    before = counts(tb, "n4", "drops")["tunnel_stranger"]
    data = outer(0xc10000 | 42, ip_udp("10.9.0.101", ALIAS, BIG, b"x"))
    tb.machine("x1").run(["/usr/bin/python3", "-c", "import socket; s = socket.socket(socket.AF_INET, "
        "socket.SOCK_DGRAM); s.sendto(bytes.fromhex('%s'), ('10.9.0.14', 4789))" % data.hex()])
    wait_until(lambda: counts(tb, "n4", "drops")["tunnel_stranger"] == before + 1, 5, "it to be counted")


def only_link_up(tb, number):
    return testbed_status.links_up(tb, "n1", 3) == 1 and link_of(tb, "n1", "n3", number)["state"] == "UP"


def test_ethernet_dies_and_udp_goes_on(tb):
    """Connections to n3 go over to the tunnel and back; n4's have no other way. Not one breaks."""
    with echods(tb, ["n3", "n4"]):
        wait_listening(tb, ECHO, ["n3", "n4"])
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 40, "-i", 20, "-D")
        tb.cut("n3", "ic0", "ic1")
        wait_until(lambda: only_link_up(tb, 2), 5, "UDP alone to be left")
        account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 20, "-q")
        assert account["ok"] == 20 and {o["name"] for o in account["owners"]} == {"n3", "n4"}
        tb.heal()
        wait_until(lambda: testbed_status.links_up(tb, "n1", 3) == 3, 5, "all links to be up again")
        account = conns.stop()
        assert account["broken"] == 0 and owners(account) == {"n3": 20, "n4": 20}


def test_aliasd_is_killed(tb):
    """The tunnel works on without it."""
    with echods(tb, ["n4"]):
        wait_listening(tb, ECHO, ["n4"])
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 20, "-i", 20, "-D")
        for node in ("n1", "n4"):
            for pid in tb.machine(node).daemon_pids("aliasd"):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
        for node in ("n1", "n4"):
            assert TUNNEL in tb.machine(node).run("ip -br link").stdout
            tb.start_daemon(node, "aliasd")
        wait_until(lambda: not testbed_status.not_formed(tb), 20, "the cluster to be whole")
        assert conns.stop()["broken"] == 0


def test_what_is_left_is_removed(tb):
    machine = tb.machine("n3")
    for signo, done in ((signal.SIGTERM, True), (signal.SIGKILL, False)):
        tb.start_daemon("n3", "aliasd") if not machine.daemon_pids("aliasd") else None
        wait_until(lambda: TUNNEL in machine.run("ip -br link").stdout, 10, "the tunnel")
        for pid in machine.daemon_pids("aliasd"):
            os.kill(pid, signo)
        wait_until(lambda: not machine.daemon_pids("aliasd"), 10, "aliasd to end")
        assert (TUNNEL not in machine.run("ip -br link").stdout) == done
    assert TUNNEL + " removed" in machine.run("aliasd --cleanup").stderr
    assert TUNNEL not in machine.run("ip -br link").stdout
    tb.start_daemon("n3", "aliasd")
    wait_until(lambda: not testbed_status.not_formed(tb), 20, "the cluster to be whole")


def has_tunnel(tb, node):
    return TUNNEL in tb.machine(node).run("ip -br link").stdout


def reload(tb, node, daemon):
    for pid in tb.machine(node).daemon_pids(daemon):
        os.kill(pid, signal.SIGHUP)


def test_the_last_link_by_udp_goes(tb):
    """n4 has lost power, so that n3 may do without. Then another interface takes the port of the tunnel."""
    machine, log = tb.machine("n3"), []
    path = os.path.join(machine.etc, "lltd.conf")

    def logged(pattern):
        with open(tb.log("n3", "aliasd")) as f:
            log[:] = re.findall(pattern, f.read())
        return log

    def configure(text):
        with open(path, "w") as f:
            f.write(text)
        reload(tb, "n3", "lltd")

    with open(path) as f:
        good = f.read()
    less = re.sub(r", \{ type = \"udp\".*\} \);\n", " );\n", good)
    assert less != good
    tb.kill("n4")
    wait_until(lambda: "n4" not in testbed_status.sessions(tb, "n1"), 10, "n4 to be missed")
    wait_until(lambda: not testbed_status.not_formed(tb), 20, "the others to go on")
    pids = machine.daemon_pids("aliasd")
    configure(less)
    wait_until(lambda: not has_tunnel(tb, "n3"), 5, "the tunnel to go")
    machine.run("ip link add other type vxlan id 7 dev eth0 dstport 4789")
    machine.run("ip link set other up")
    configure(good)
    wait_until(lambda: logged(r"UDP port 4789 is in use .* by the VXLAN interface other: "), 5, "a complaint")
    assert not has_tunnel(tb, "n3")
    machine.run("ip link del other")
    reload(tb, "n3", "aliasd")
    wait_until(lambda: has_tunnel(tb, "n3"), 5, "the tunnel")
    assert machine.daemon_pids("aliasd") == pids
    tb.start("n4")
    assert link_of(tb, "n2", "n4", 2)["state"] == "UP"
    with echods(tb, ["n3", "n4"]):
        wait_listening(tb, ECHO, ["n3", "n4"])
        assert load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 20, "-q")["ok"] == 20
