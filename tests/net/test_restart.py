# SPDX-License-Identifier: ISC
"""One daemon of one member ends, alone, and is started again by hand; and what is refused."""
import collections
import json
import os
import re
import signal
import time

import pytest

from testbed_load import ALIAS, ECHO, Load, echods, load, master, owners, wait_listening, wait_master
from testbed_error import wait_until
from testbed_status import ask, links_up, nodes

CLUSTER = {}
DAEMONS = ("lltd", "gabd", "aliasd")
NOBODY = "02:00:00:00:00:01"


def whole(tb):
    """Every member sees all members, and all hold every connection."""
    for node in tb.running_nodes():
        if not ask(tb.machine(node), "aliasd"):
            return False
        if not all(nodes(tb, node, "synced").values()):
            return False
    return True


def pids(tb):
    return {(n, d): tb.machine(n).daemon_pids(d) for n in tb.running_nodes() for d in DAEMONS}


def end(tb, node, daemons, signo=signal.SIGKILL):
    for daemon in daemons:
        for pid in tb.machine(node).daemon_pids(daemon):
            os.kill(pid, signo)


def restart(tb, node, daemons, signo):
    end(tb, node, reversed(daemons), signo)
    time.sleep(1)
    for daemon in daemons:
        assert not tb.machine(node).daemon_pids(daemon), "%s does not end" % daemon
        tb.start_daemon(node, daemon)


# While lltd is away its host is as good as dead, and its clients are told.
@pytest.mark.parametrize("daemons, signo, breaks", [
    (["gabd"], signal.SIGKILL, False),
    (["aliasd"], signal.SIGKILL, False),
    (["gabd", "aliasd"], signal.SIGKILL, False),
    (["lltd"], signal.SIGKILL, True),
    (["lltd", "gabd", "aliasd"], signal.SIGTERM, True),
])
@pytest.mark.parametrize("who", ["master", "member"])
def test_daemons_of_one_member_are_away(tb, who, daemons, signo, breaks):
    first = master(tb)
    victim = first if who == "master" else [n for n in tb.nodes() if n != first][-1]
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        before = pids(tb)
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 120, "-i", 50)
        time.sleep(0.5)
        restart(tb, victim, daemons, signo)
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
        account = conns.stop()
        assert load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 30, "-q")["ok"] == 30
    broken = collections.Counter(c["owner"] for c in account["connections"] if c.get("broken_at_us"))
    assert set(broken) <= ({victim} if breaks else set()), broken
    after = pids(tb)
    assert all(after[k] == before[k] for k in before if k[0] != victim or k[1] not in daemons)
    master(tb)


def test_gabd_is_away_while_another_member_becomes_router(tb):
    """Its connections are kept for its host, also by who never saw them begin."""
    first = master(tb)
    victim, other = [n for n in tb.nodes() if n != first]
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 120, "-i", 50)
        wait_until(lambda: nodes(tb, other, "flows")[victim] == 40, 5, "40 connections of %s" % victim)
        end(tb, victim, ["gabd"])
        for node in (first, other):
            wait_until(lambda: not nodes(tb, node, "member")[victim], 5, "a view without it")
            assert nodes(tb, node, "flows")[victim] == 40
        tb.machine(other).run("cluamgr -a alias=DEFAULTALIAS,rpri=50")
        assert wait_master(tb, but=first) == other
        time.sleep(3)  # after a loss nobody is reset for a while
        tb.start_daemon(victim, "gabd")
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
        assert conns.stop()["broken"] == 0
    tb.machine(other).run("cluamgr -a alias=DEFAULTALIAS,rpri=1")


@pytest.mark.parametrize("away", [False, True], ids=["told", "away"])
def test_a_host_that_one_member_does_not_reach_is_a_dead_one(tb, away):
    """Two members share no link. The third reaches both, is in a group with one, and gives the other up.

    Also if its aliasd was away just then, and has a table of its earlier life.
    """
    first = master(tb)
    pair = [n for n in tb.nodes() if n != first]
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 120, "-i", 50)
        wait_until(lambda: all(nodes(tb, first, "flows")[n] == 40 for n in pair), 5, "all connections")
        if away:
            end(tb, first, ["aliasd"])
        tb.part(*pair)
        if away:
            wait_until(lambda: not all(links_up(tb, pair[0], int(n[1:])) for n in pair[1:]), 10, "them to be parted")
            tb.start_daemon(first, "aliasd")
            wait_until(lambda: (ask(tb.machine(first), "aliasd") or {}).get("synced"), 20, "%s to be back" % first)
        wait_until(lambda: not all(nodes(tb, first, "member").values()), 10, "a view of two")
        out = next(n for n in pair if not nodes(tb, first, "member")[n])
        assert links_up(tb, first, int(out[1:])) > 0
        wait_until(lambda: nodes(tb, first, "flows")[out] == 0, 5, "its connections to be given up")
        tb.join(*pair)
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
        account = conns.stop()
    assert {c["owner"] for c in account["connections"] if c["broken"]} <= {out}


def test_who_is_cut_off_gives_nobody_up(tb):
    """It loses one host after the other. That it lost one that is without aliasd says nothing about that one."""
    stays, cut_off, absent = tb.nodes()
    tb.machine(stays).run("cluamgr -a alias=DEFAULTALIAS,rpri=50")
    wait_until(lambda: master(tb) == stays, 10, "%s to be master" % stays)
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 120, "-i", 50)
        wait_until(lambda: nodes(tb, stays, "flows")[absent] == 40, 5, "all connections")
        end(tb, absent, ["aliasd"])
        wait_until(lambda: not nodes(tb, stays, "member")[absent], 5, "a view without it")
        tb.part(cut_off, absent)
        wait_until(lambda: nodes(tb, cut_off, "flows")[absent] == 0, 10, "them to be parted", step=0.01)
        tb.cut(cut_off, "eth0", "ic0", "ic1")
        wait_until(lambda: not nodes(tb, stays, "member")[cut_off], 10, "a view without it")
        time.sleep(3)  # long enough for others to be reset
        assert nodes(tb, stays, "flows")[absent] == 40
        tb.start_daemon(absent, "aliasd")
        tb.join(cut_off, absent)
        tb.heal()
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
        account = conns.stop()
    tb.machine(stays).run("cluamgr -a alias=DEFAULTALIAS,rpri=1")
    assert {c["owner"] for c in account["connections"] if c["broken"]} == {cut_off}


def test_who_was_cut_off_tells_nobody_that_he_was_given_up(tb):
    """A member that was cut off gave all others up. They kept the one whose aliasd was away when it came back."""
    stays, cut_off, absent = tb.nodes()
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        # They say nothing that would show that they live.
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 120, "-i", 600000)
        wait_until(lambda: nodes(tb, stays, "flows")[absent] == 40, 5, "all connections")
        tb.cut(cut_off, "eth0", "ic0", "ic1")
        wait_until(lambda: nodes(tb, cut_off, "flows")[absent] == 0, 10, "it to give all others up")
        time.sleep(3)  # until then nobody whom it gave up has been reset
        end(tb, absent, ["aliasd"])
        wait_until(lambda: not nodes(tb, stays, "member")[absent], 5, "a view without it")
        tb.heal()
        wait_until(lambda: nodes(tb, stays, "synced")[cut_off], 20, "the host to be back")
        assert nodes(tb, cut_off, "flows")[absent] == 40
        tb.start_daemon(absent, "aliasd")
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
        for node in tb.nodes():
            assert nodes(tb, node, "flows")[absent] == 40
        account = conns.stop()
    assert {c["owner"] for c in account["connections"] if c["broken"]} <= {cut_off}


def erase_flows(machine):
    """All of the table of connections, as if it had never had one."""
    maps = "/sys/fs/bpf/clua/"
    overflow = json.loads(machine.run("bpftool -j map dump pinned %soverflow" % maps).stdout)
    commands = ["map update pinned %sflows key hex %02x %02x 00 00 value hex %s" %
        (maps, i & 255, i >> 8, "00 " * 64) for i in range(1024)]
    commands += ["map delete pinned %soverflow key hex %s" % (maps, " ".join(b[2:] for b in row["key"]))
        for row in overflow]
    machine.run("bpftool batch file -", input="\n".join(commands) + "\n")


def test_sockets_that_no_table_names(tb):
    """Any of them may be what is left of a connection that its client gave up: those live that get something."""
    node = [n for n in tb.nodes() if n != master(tb)][0]
    with echods(tb, [node]):
        wait_listening(tb, ECHO, [node])
        idle = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 50, "-i", 600000)
        busy = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 70, "-i", 50)
        wait_until(lambda: nodes(tb, node, "flows")[node] == 120, 5, "all connections")
        end(tb, node, ["aliasd"])
        wait_until(lambda: not tb.machine(node).daemon_pids("aliasd"), 5, "its end")
        erase_flows(tb.machine(node))
        tb.start_daemon(node, "aliasd")
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
        wait_until(lambda: all(nodes(tb, n, "flows")[node] == 70 for n in tb.nodes()), 10, "those that are busy")
        assert idle.stop()["broken"] + busy.stop()["broken"] == 0


def test_a_newcomer_learns_what_is_kept_for_an_absent_host(tb):
    first = master(tb)
    absent, newcomer = [n for n in tb.nodes() if n != first]
    with echods(tb, [first, absent]):
        wait_listening(tb, ECHO, [first, absent])
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 100, "-i", 50)
        wait_until(lambda: nodes(tb, newcomer, "flows")[absent] == 50, 5, "50 connections")
        tb.kill(newcomer)
        end(tb, absent, ["aliasd"])
        wait_until(lambda: not nodes(tb, first, "member")[absent], 5, "a view without it")
        tb.start(newcomer, wait=False)
        wait_until(lambda: (ask(tb.machine(newcomer), "aliasd") or {}).get("synced"), 20,
            "the newcomer to hold everything")
        assert nodes(tb, newcomer, "flows")[absent] == 50
        end(tb, first, ["aliasd"])  # now the newcomer is the router
        assert wait_master(tb, but=first) == newcomer
        time.sleep(1)
        for node in (first, absent):
            tb.start_daemon(node, "aliasd")
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
        assert nodes(tb, newcomer, "flows")[absent] == 50
        assert conns.stop()["broken"] == 0


def flows(tb, node):
    return {n: count for n, count in nodes(tb, node, "flows").items() if count > 0}


@pytest.fixture
def few_ports(tb):
    """A function that has clients take one of few ports, and what hosts have left of earlier ones is gone."""
    def limit(ports):
        for node in tb.nodes():  # one that was cut off did not hear of its connections' end
            tb.machine(node).run(["ss", "-tK", "src", ALIAS])
        wait_until(lambda: not any(flows(tb, node) for node in tb.nodes()), 10, "no connections to be left")
        client.run(["sh", "-c", "echo %s >%s" % (ports, path)])
    client, path = tb.machine("c1"), "/proc/sys/net/ipv4/ip_local_port_range"
    before = client.run(["cat", path]).stdout
    yield limit
    client.run(["sh", "-c", "echo %s >%s" % (" ".join(before.split()), path)])


@pytest.mark.parametrize("first", ["dies", "comes back"])
def test_a_socket_that_its_client_gave_up_is_not_its_connection(tb, few_ports, first):
    """
    A client has begun anew, with another member, from the port of a connection that a host has which is cut
    off. When that member is dead it is told so, also if the host says that it has such a connection.
    """
    stays, cut_off, dies = tb.nodes()  # of two that come together without a quorum the first is right
    count = 300
    few_ports("23000 23399" if first == "dies" else "24000 24399")
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", count, "-i", 50, "-R")
        wait_until(lambda: sum(flows(tb, stays).values()) == count, 10, "all connections to be known")
        tb.cut(cut_off, "eth0", "ic0", "ic1")
        wait_until(lambda: set(flows(tb, stays)) == {dies, stays} and sum(flows(tb, stays).values()) == count,
            20, "all connections to be others'")
        if first == "dies":
            tb.kill(dies)
            wait_until(lambda: not nodes(tb, stays, "member")[dies], 10, "a view without it")
        tb.heal()
        wait_until(lambda: nodes(tb, stays, "synced")[cut_off], 20, "the host to be back")
        if first != "dies":
            tb.kill(dies)
        time.sleep(8)
        account = conns.stop()
    tb.start(dies)
    wait_until(lambda: whole(tb), 20, "the cluster to be whole")
    again = {c["port"] for c in account["replaced"]} & {c["port"] for c in account["connections"]}
    assert len(again) > 30, "the clients took other ports"
    assert {c["owner"] for c in account["replaced"]} <= {cut_off, dies, ""}
    assert {c["owner"] for c in account["connections"]} == {cut_off, stays}
    assert max(c["waiting_ms"] for c in account["connections"]) < 1000


def sockets(tb, node):
    """Of established connections: the client's port -> what names the socket."""
    rows = tb.machine(node).run(["ss", "-tneH", "state", "established", "src", ALIAS]).stdout.splitlines()
    return {row.split()[3].rsplit(":", 1)[1]: re.search(r"sk:\S+", row).group() for row in rows}


def test_what_a_host_has_left_of_a_port_ends_without_its_daemon(tb, few_ports):
    """
    It was cut off, and has sockets that its clients gave up. Who takes such a port again and is given to this
    very host gets a connection, also while its daemon answers nobody.
    """
    router = master(tb)
    owner = next(n for n in tb.nodes() if n != router)
    connected = ["ss", "-tnH", "state", "established", "dst", ALIAS]
    few_ports("26000 26069")
    with echods(tb, [owner]):
        wait_listening(tb, ECHO, [owner])
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 60, "-i", 50)
        wait_until(lambda: nodes(tb, router, "flows")[owner] == 60, 10, "60 connections")
        tb.cut(owner, "eth0", "ic0", "ic1")
        wait_until(lambda: not tb.machine("c1").run(connected).stdout, 20, "the clients to be told")
        assert conns.stop()["broken"] == 60
        tb.heal()
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
        left = sockets(tb, owner)  # but of those that had something on its way to the client
        assert len(left) > 30
        end(tb, owner, ["aliasd"], signal.SIGSTOP)
        try:
            account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 60, "-c", 60)
            now = set(sockets(tb, owner).items())
        finally:
            end(tb, owner, ["aliasd"], signal.SIGCONT)
        assert owners(account) == {owner: 60} and account["ok"] == 60
        assert len(left.items() - now) > 20, "the clients took other ports"
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")


def test_who_was_given_to_a_host_that_leaves_the_lan_is_given_to_another(tb):
    """Its first SYN got no answer. Those that come again go to the same host, unless it cannot answer."""
    router = master(tb)
    owner, other = [n for n in tb.nodes() if n != router]
    half_open = ["ss", "-tnH", "state", "syn-recv", "src", ALIAS]
    with echods(tb, [owner, other]):
        wait_listening(tb, ECHO, [owner, other])
        tb.machine(other).run("cluamgr -a alias=DEFAULTALIAS,selw=0")
        # What it sends to the client goes to nobody.
        neighbour = [tb.address("c1"), "dev", "eth0"]
        tb.machine(owner).run(["ip", "neigh", "replace", *neighbour, "lladdr", NOBODY, "nud", "permanent"])
        short = Load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 20, "-c", 20)
        wait_until(lambda: len(tb.machine(owner).run(half_open).stdout.splitlines()) == 20, 10, "20 SYNs")
        tb.machine(other).run("cluamgr -a alias=DEFAULTALIAS,selw=1")
        tb.cut(owner, "eth0")
        account = short.wait()
        tb.machine(owner).run(["ip", "neigh", "del", *neighbour])
        tb.heal()
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
    assert owners(account) == {other: 20} and account["ok"] == 20


@pytest.mark.parametrize("cut_off, killed, stays, ports", [("n1", "n2", "n3", "20000 20399"),
    ("n2", "n3", "n1", "21000 21399"), ("n3", "n1", "n2", "22000 22399")])
def test_two_come_back_at_once(tb, few_ports, cut_off, killed, stays, ports):
    """
    One was cut off: its clients began anew from the same ports, and its sockets know nothing of it. The
    daemon of another was away meanwhile. Whatever they say first, the clients keep what they have.
    """
    count = 300
    few_ports(ports)
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", count, "-i", 50, "-R")
        wait_until(lambda: sum(flows(tb, stays).values()) == count, 10, "all connections to be known")
        tb.cut(cut_off, "eth0", "ic0", "ic1")
        wait_until(lambda: set(flows(tb, stays)) == {killed, stays} and sum(flows(tb, stays).values()) == count,
            20, "all connections to be others'")
        end(tb, killed, ["aliasd"])
        wait_until(lambda: not nodes(tb, stays, "member")[killed], 10, "the others to miss its daemon")
        tb.start_daemon(killed, "aliasd")
        since = time.monotonic()
        tb.heal()
        wait_until(lambda: whole(tb), 20, "the cluster to be whole")
        time.sleep(1)
        account = conns.stop()
    late = [c for c in account["replaced"] if c["broken_at_us"] > since * 1e6]
    assert not late, late[:5]
    assert {c["owner"] for c in account["replaced"]} <= {cut_off, ""}
    again = {c["port"] for c in account["replaced"]} & {c["port"] for c in account["connections"]}
    assert len(again) > 30, "the clients took other ports"
    assert max(c["longest_ms"] for c in account["connections"]) < 5000


def test_what_nobody_may_have_is_refused_at_once(tb):
    def short():
        account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 20, "-q")
        return account["ok"], account["refused"]

    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        for change, back in (("selw=0", "selw=1"), ("leave", "join")):
            for node in tb.nodes():
                tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,%s" % change)
            assert short() == (0, 20)
            for node in tb.nodes():
                tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,%s" % back)
            assert short() == (20, 0)


def test_aliasd_starts_first(tb):
    """Nobody has made /run/clua: the next one has to wait for its lock all the same."""
    node = [n for n in tb.nodes() if n != master(tb)][0]
    machine = tb.machine(node)
    tb.kill(node)
    tb.start(node, daemons=False)
    machine.run("rmdir /run/clua")
    tb.start_daemon(node, "aliasd")
    wait_until(lambda: machine.run("test -S /run/clua/aliasd.sock", check=False).returncode == 0, 10, "aliasd")
    assert machine.run("flock -n /run/clua/aliasd.lock true", check=False).returncode == 1
    for daemon in ("lltd", "gabd"):
        tb.start_daemon(node, daemon)
    wait_until(lambda: whole(tb) and tb.running_nodes() == tb.nodes(), 20, "the cluster to be whole")
