# SPDX-License-Identifier: ISC
"""What real clients send besides plain packets: fragments, big packets on narrow ways, options, ping."""
import collections
import json
import os
import re

import pytest

from testbed_load import ALIAS, ECHO, Program, by_hand, echods, load, master, wait_listening
from testbed_error import wait_until

CLUSTER = {"profile": "lan", "join": ["n1:cluamgr -a alias=DEFAULTALIAS,join,rpri=9",
    "n2:cluamgr -a alias=DEFAULTALIAS,join", "n3:cluamgr -a alias=DEFAULTALIAS"]}
TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "packets.py")
BIG, STREAM, KINDS = 7300, 7310, ("any", "pktinfo")
VERBS = ("stream", "stream", "fetch", "fetch")  # one of each for each of two members
CONNECTED = {"same": 7320, "other": 7321, "other6": 7322}


def run_tool(tb, machine, *args, check=True, timeout=60):
    return tb.machine(machine).run(["/usr/bin/python3", "-B", TOOL, *[str(a) for a in args]],
        check=check, timeout=timeout).stdout


class Server:
    """packets.py serve on a node."""

    def __init__(self, tb, node, *args):
        self.proc = tb.machine(node).popen(["/usr/bin/python3", "-B", TOOL, *[str(a) for a in args]],
            stdout=-1, bufsize=0)
        assert self.proc.stdout.readline() == b"ready\n"

    def stop(self):
        self.proc.kill()
        self.proc.wait(10)
        self.proc.stdout.close()


@pytest.fixture(scope="module")
def servers(tb):
    assert master(tb) == "n1"
    lines = ["big%d %d/udp in_multi\n" % (i, BIG + i) for i in range(1 + len(KINDS))]
    lines += ["%s %d/udp in_multi\n" % item for item in CONNECTED.items()]
    with open(os.path.join(tb.machine("n1").etc, "clua_services"), "a") as f:
        f.write("".join(lines) + "stream %d/tcp in_multi\n" % STREAM)
    tb.machine("n1").run("cluamgr -f")
    programs = [Server(tb, node, "serve", node, BIG, STREAM) for node in ("n1", "n2")]
    wait_until(lambda: {line.split()[0] for line in
        run_tool(tb, "c1", "ask", ALIAS, BIG, 100, 8).split("\n") if line} == {"n1", "n2"}, 10,
        "the servers")
    yield programs
    for program in programs:
        program.stop()


def counters(tb, node):
    answer = json.loads(tb.machine(node).run("cluamgr -s clua -j").stdout)
    return answer["aliases"][0]["counters"]


def difference(before, after):
    return {k: after[k] - before[k] for k in after if after[k] != before[k]}


def answers(text):
    """NODE, whole or not: of the lines that packets.py ask prints."""
    return [line.split()[0] for line in text.splitlines()]


@pytest.mark.parametrize("client", ["c1", "x1", "n2", "n3"])
def test_datagrams_of_8_kib(tb, servers, client):
    before = counters(tb, "n1")
    got = answers(run_tool(tb, client, "ask", ALIAS, BIG, 8192, 40))
    assert got.count("n1") == got.count("n2") == 20
    if client in ("c1", "x1"):  # six fragments a datagram, one of them the first
        counted = difference(before, counters(tb, "n1"))
        assert counted["datagrams_received_from_network"] == 40
        assert counted["datagrams_forwarded_within_cluster"] == 20
        assert counted["fragments_received_from_network"] == 200
        assert counted["fragments_forwarded_within_cluster"] == 100


def test_fragments_without_a_first_one_are_dropped_and_counted(tb, servers):
    def lost():
        answer = json.loads(tb.machine("n1").run("cluamgr -s clua -j").stdout)
        return answer["aliases"][0]["drops"].get("fragment_lost", 0)
    before = lost()
    assert answers(run_tool(tb, "c1", "fragments", "eth0", ALIAS, BIG, "headless", 5)) == []
    wait_until(lambda: lost() - before == 25, 10, "all of them to be counted as lost")


@pytest.mark.parametrize("order", ["in", "reverse", "last-first", "mixed", "twice"])
def test_fragments_in_every_order(tb, servers, order):
    got = answers(run_tool(tb, "c1", "fragments", "eth0", ALIAS, BIG, order, 20))
    assert got.count("n1") == got.count("n2") == 10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", ["c1", "n1", "n2"])
def test_answers_come_from_the_alias(tb, servers, kind, client):
    port = BIG + KINDS.index(kind)
    got = answers(run_tool(tb, client, "ask", ALIAS, port, 100, 8))
    assert set(got) == {"n1", "n2"}, got


@pytest.fixture(scope="module")
def connected(tb, servers):
    args = ["-s", CONNECTED["same"], "-o", CONNECTED["other"], "-6", CONNECTED["other6"]]
    programs = [Program(tb, node, ["echod", "-n", node] + [str(a) for a in args])
        for node in ("n1", "n2")]
    for port in CONNECTED.values():
        wait_until(lambda: set(answers(run_tool(tb, "c1", "ask", ALIAS, port, 100, 4))) == {"n1", "n2"},
            10, "the servers")
    yield
    for program in programs:
        program.stop()


@pytest.mark.parametrize("kind", CONNECTED)
@pytest.mark.parametrize("client", ["c1", "x1", "n1", "n2", "n3"])
def test_answers_of_connected_sockets_come_from_the_alias(tb, connected, kind, client):
    """A socket that is just connected when sockets are listed is no server's, until the next list."""
    def dealt_out():
        got.append(answers(run_tool(tb, client, "ask", ALIAS, CONNECTED[kind], 100, 8)))
        assert len(got[-1]) == 8, got
        return got[-1].count("n1") == got[-1].count("n2")

    got = []
    assert dealt_out() or (kind == "same" and any(dealt_out() for _ in range(10))), got


def test_a_connected_socket_answers_from_where_it_was_asked(tb, connected):
    """The same client at the alias and at the member itself: each answer is from there."""
    for address in (ALIAS, "10.1.0.12", ALIAS):
        got = answers(run_tool(tb, "c1", "ask", address, CONNECTED["same"], 100, 4))
        assert len(got) == 4, (address, got)


def test_options_in_the_ip_header(tb, servers):
    got = answers(run_tool(tb, "c1", "ask", ALIAS, BIG, 100, 8, "--options"))
    assert got.count("n1") == got.count("n2") == 4
    assert run_tool(tb, "c1", "stream", ALIAS, STREAM, 100000, "--options").split()[1] == "100000"


def test_a_tagged_frame_is_not_ours(tb, servers):
    before = counters(tb, "n1")
    run_tool(tb, "c1", "tagged", "eth0", ALIAS, BIG, 10)
    got = answers(run_tool(tb, "c1", "ask", ALIAS, BIG, 100, 4))
    assert len(got) == 4
    assert difference(before, counters(tb, "n1")) == {"datagrams_received_from_network": 4,
        "datagrams_forwarded_within_cluster": 2}


def test_a_frame_with_a_priority_alone_is_ours(tb, servers):
    """A tag of no VLAN: the kernel takes it for the interface's own, and so must we."""
    before = {n: counters(tb, n) for n in ("n1", "n2")}
    run_tool(tb, "c1", "tagged", "eth0", ALIAS, BIG, 10, 0xa000)
    wait_until(lambda: difference(before["n1"], counters(tb, "n1")) == {
        "datagrams_received_from_network": 10, "datagrams_forwarded_within_cluster": 5} and
        difference(before["n2"], counters(tb, "n2")) == {"datagrams_received_within_cluster": 5}, 10,
        "all to be counted")


def test_ping_is_answered_by_one(tb, servers):
    for client in ("c1", "x1"):
        for size in (56, 8000):
            out = tb.machine(client).run(["ping", "-c", "5", "-i", "0.02", "-W", "2", "-s", str(size),
                ALIAS]).stdout
            assert "5 received" in out and "DUP" not in out, out


def test_counters_of_a_stream_are_exact(tb, servers):
    """Packets, and not what the kernel has put together of several on their way."""
    before = {n: counters(tb, n) for n in ("n1", "n2")}
    for _ in range(2):
        assert run_tool(tb, "c1", "stream", ALIAS, STREAM, 1000000).split()[1] == "1000000"
    got = {n: difference(before[n], counters(tb, n)) for n in ("n1", "n2")}
    assert got["n1"]["connections_received_from_network"] == 2
    assert got["n1"]["connections_forwarded_within_cluster"] == 1
    assert got["n2"] == {"connections_received_within_cluster": 1}
    # Two million bytes are 1382 segments of 1448, and what acknowledges is not many more.
    packets = got["n1"]["data_packets_received_from_network"]
    assert 1382 <= packets < 2000
    assert got["n1"]["data_packets_forwarded_within_cluster"] in range(691, packets - 690)


def sent_over_links(tb, node):
    """Packets as the kernel has them: an aggregate is one."""
    return sum(int(tb.machine(node).run("cat /sys/class/net/%s/statistics/tx_packets" % link).stdout)
        for link in ("ic0", "ic1"))


def test_aggregates_pass_whole(tb, servers):
    """Up through the router to the other member, and down past it, with checksums left to devices."""
    before, sent = counters(tb, "n1"), sent_over_links(tb, "n1")
    got = [run_tool(tb, "c1", verb, ALIAS, STREAM, 8000000).split() for verb in VERBS]
    assert sorted(got) == [[n, "8000000"] for n in ("n1", "n1", "n2", "n2")]
    packets = difference(before, counters(tb, "n1"))["data_packets_forwarded_within_cluster"]
    # Heartbeats are among what was sent.
    assert packets > 5000 and sent_over_links(tb, "n1") - sent < packets / 2


def test_syn_cookies_come_back_through_the_alias(tb, servers):
    for node in ("n1", "n2"):
        tb.machine(node).run("sysctl -qw net.ipv4.tcp_syncookies=2")
    with echods(tb, ["n1", "n2"]):
        wait_listening(tb, ECHO, ["n1", "n2"])
        account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 200, "-c", 4, "-q")
        assert account["ok"] == 200
        assert account["owners"][0]["count"] == account["owners"][1]["count"] == 100
    for node in ("n1", "n2"):
        text = tb.machine(node).run("nstat -asz TcpExtSyncookiesRecv").stdout
        assert int(re.search(r"SyncookiesRecv\s+(\d+)", text).group(1)) >= 100
        tb.machine(node).run("sysctl -qw net.ipv4.tcp_syncookies=1")


def be_master(tb, node):
    """n1, which is it by itself, or n3."""
    tb.machine("n3").run("cluamgr -a alias=DEFAULTALIAS,rpri=%d" % (20 if node == "n3" else 1))
    wait_until(lambda: master(tb) == node, 10, "%s to be the master" % node)


def test_syn_cookies_come_back_by_another_router(tb, servers):
    """Which saw no SYN: whoever sent the cookie says that it is its own."""
    for node in ("n1", "n2"):
        tb.machine(node).run("sysctl -qw net.ipv4.tcp_syncookies=2")
    with echods(tb, ["n1", "n2"]):
        wait_listening(tb, ECHO, ["n1", "n2"])
        begun = [by_hand(tb, ["n1", "n2"], "handshake", port) for port in (45001, 45002)]
        assert [p.stdout.readline() for p in begun] == [b"answered\n"] * 2
        be_master(tb, "n3")
        for p in begun:
            p.stdin.write(b"go on\n")
        # The secret of cookies is the kernel's, of which all nodes have the same here.
        assert all(p.stdout.readline() in (b"n1 hello\n", b"n2 hello\n") for p in begun)
        for p in begun:
            p.wait(10)
            p.stdin.close()
            p.stdout.close()
    for node in ("n1", "n2"):
        tb.machine(node).run("sysctl -qw net.ipv4.tcp_syncookies=1")
    be_master(tb, "n1")


@pytest.mark.parametrize("first, then, port", [("n1", "n3", 46000), ("n3", "n1", 47000)])
def test_the_answer_that_the_client_took_counts(tb, servers, first, then, port):
    """
    Its SYN got none at first and came again by another router, which gave it to another member. Then the first
    one's answer came: what follows is for that one.
    """
    be_master(tb, first)
    with echods(tb, ["n1", "n2"]):
        wait_listening(tb, ECHO, ["n1", "n2"])
        begun = by_hand(tb, ["n1", "n2"], "twice", port, 40)
        assert begun.stdout.readline() == b"answered\n"
        be_master(tb, then)
        said = collections.Counter(begun.communicate(b"go on\n", timeout=30)[0].split(b"\n")[:-1])
    be_master(tb, "n1")
    assert set(said) == {b"n1 hello", b"n2 hello"} and sum(said.values()) >= 15


@pytest.fixture(scope="module")
def narrow(tb, servers):
    """The way between the router and the client behind it takes 1400 bytes."""
    router = tb.machine("r1")
    router.run("ip route replace 10.9.0.0/24 dev eth1 src 10.9.0.1 mtu 1400")
    router.run("ip route replace 10.1.0.0/24 dev eth0 src 10.1.0.1 mtu 1400")


def too_big(tb):
    """How often the router has told a sender that a packet was too big."""
    text = tb.machine("r1").run("nstat -asz IcmpOutDestUnreachs").stdout
    return int(re.search(r"IcmpOutDestUnreachs\s+(\d+)", text).group(1))


def forget_paths(tb):
    for machine in ("n1", "n2", "c1", "x1"):
        tb.machine(machine).run("ip route flush cache")


@pytest.mark.parametrize("verb", ["fetch", "stream"])
def test_path_mtu_of_tcp(tb, narrow, verb):
    """A sender that is not told sends the same packets again until the tool gives up."""
    forget_paths(tb)
    before, served = too_big(tb), set()
    for _ in range(4):
        node, n = run_tool(tb, "x1", verb, ALIAS, STREAM, 300000).split()
        assert n == "300000"
        served.add(node)
    assert served == {"n1", "n2"}
    assert too_big(tb) > before


def test_path_mtu_of_udp(tb, narrow):
    forget_paths(tb)
    # Requests are too big for the way, and so are answers. What is lost teaches who sent it.
    def whole():
        got = answers(run_tool(tb, "x1", "ask", ALIAS, BIG, 1450, 20))
        return len(got) == 20
    wait_until(whole, 20, "answers of 1450 bytes")
    for node in ("n1", "n2"):
        assert "mtu 1400" in tb.machine(node).run("ip route get 10.9.0.101").stdout


@pytest.fixture(scope="module")
def small_links(tb, servers):
    """The links of the router take 1400 bytes, the LAN 1500."""
    machine = tb.machine("n1")
    for link in ("ic0", "ic1"):
        machine.run("ip link set %s mtu 1400" % link)
        wait_until(lambda: "%s: its MTU of 1400 is less than the LAN's 1500" % link in
            tb.log_tail("n1", "aliasd", 200), 10, "the warning")
    tb.machine("r1").run("ip route replace 10.9.0.0/24 dev eth1 src 10.9.0.1")
    tb.machine("r1").run("ip route replace 10.1.0.0/24 dev eth0 src 10.1.0.1")
    yield
    for link in ("ic0", "ic1"):
        machine.run("ip link set %s mtu 1500" % link)


def too_large(tb):
    """How many packets were too large for a link of n1, by what was done with them."""
    drops = json.loads(tb.machine("n1").run("cluamgr -s clua -j").stdout)["aliases"][0]["drops"]
    return {k: v for k, v in drops.items() if k.startswith("too_big")}


def knows_path(tb, client):
    return "mtu 1400" in tb.machine(client).run("ip route get " + ALIAS).stdout


@pytest.mark.parametrize("client", ["c1", "x1"])
def test_clients_learn_the_mtu_of_the_links_by_tcp(tb, small_links, client):
    forget_paths(tb)
    before = too_large(tb)
    got = [run_tool(tb, client, "stream", ALIAS, STREAM, 300000).split() for _ in range(4)]
    assert sorted(got) == [[n, "300000"] for n in ("n1", "n1", "n2", "n2")]
    assert knows_path(tb, client)
    assert difference(before, too_large(tb)).keys() == {"too_big"}
    # From now on aggregates are made of packets that fit, and are none the less larger than the link's MTU.
    before, passed, sent = too_large(tb), counters(tb, "n1"), sent_over_links(tb, "n1")
    got = [run_tool(tb, client, verb, ALIAS, STREAM, 3000000).split() for verb in VERBS]
    assert sorted(got) == [[n, "3000000"] for n in ("n1", "n1", "n2", "n2")]
    assert difference(before, too_large(tb)) == {}
    packets = difference(passed, counters(tb, "n1"))["data_packets_forwarded_within_cluster"]
    assert sent_over_links(tb, "n1") - sent < packets / 2


@pytest.mark.parametrize("client", ["c1", "x1"])
def test_clients_learn_the_mtu_of_the_links_by_udp(tb, small_links, client):
    forget_paths(tb)
    before = too_large(tb)
    wait_until(lambda: len(answers(run_tool(tb, client, "ask", ALIAS, BIG, 1450, 20))) == 20, 20,
        "answers to 1450 bytes")
    assert knows_path(tb, client)
    assert difference(before, too_large(tb)).keys() == {"too_big"}


@pytest.mark.parametrize("client,kind", [("c1", ""), ("c1", "--aggregate"), ("x1", "")])
def test_what_may_be_taken_apart_gets_through(tb, small_links, client, kind):
    forget_paths(tb)
    before = too_large(tb)
    flags = ["--may-fragment"] + kind.split()
    got = answers(run_tool(tb, client, "ask", ALIAS, BIG, 1450, 20, *flags))
    assert got.count("n1") == got.count("n2") == (80 if kind else 10)
    assert not knows_path(tb, client)
    assert difference(before, too_large(tb)) == {"too_big_split": 10}
    for order in ("in", "reverse"):
        got = answers(run_tool(tb, client, "fragments", "eth0", ALIAS, BIG, order, 4)) \
            if client == "c1" else ["n1", "n1", "n2", "n2"]
        assert sorted(got) == ["n1", "n1", "n2", "n2"]


def test_tcp_that_may_be_taken_apart_gets_through(tb, small_links):
    client = tb.machine("c1")
    forget_paths(tb)
    client.run("sysctl -qw net.ipv4.ip_no_pmtu_disc=1")
    before = too_large(tb)
    got = [run_tool(tb, "c1", "stream", ALIAS, STREAM, 300000).split() for _ in range(2)]
    assert sorted(got) == [["n1", "300000"], ["n2", "300000"]]
    assert difference(before, too_large(tb)).keys() == {"too_big_split"}
    client.run("sysctl -qw net.ipv4.ip_no_pmtu_disc=0")
