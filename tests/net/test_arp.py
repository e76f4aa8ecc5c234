# SPDX-License-Identifier: ISC
"""ARP: one answer from one member, whatever happens; conflicts with other hosts; nothing left behind.

The LAN is no link here: lltd does not know the members' addresses on it.
"""
import os
import signal
import time

import pytest

from testbed_error import wait_until
from testbed_lan import arp_watch, node_mac
from testbed_load import ALIAS, ECHO, Load, arp_answers, echods, load, master, wait_listening, wait_master
from testbed_net import LAN, mac_of
from testbed_status import ask, status

CLUSTER = {"nodes": 3, "profile": "lan", "clients": 2, "low_link": False}
FREE, TAKEN = "10.1.0.60", "10.1.0.61"


def alias(tb, node, address=ALIAS):
    return next((a for a in status(tb, node)["aliases"] if a["alias"] == address), None)


def signal_aliasd(tb, node, signo):
    for pid in tb.machine(node).daemon_pids("aliasd"):
        os.kill(pid, signo)
    wait_until(lambda: not tb.machine(node).daemon_pids("aliasd"), 10, "aliasd on %s to end" % node)


def ip(tb, machine, *lines):
    for line in lines:
        tb.machine(machine).run(["ip", *line.split()])


@pytest.fixture(autouse=True)
def whole(tb):
    yield
    tb.heal()
    for node in tb.nodes():
        if node not in tb.running_nodes():
            tb.start(node)
        elif not tb.machine(node).daemon_pids("aliasd"):
            tb.start_daemon(node, "aliasd")
    tb.wait_formed(30)


def move_to(tb, node, rpri):
    tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,rpri=%d" % rpri)
    wait_until(lambda: arp_answers(tb) == [node], 5, "%s to be master" % node)


def never_two(account):
    twice = [q for q in account["asked"] if len({a["mac"] for a in q["answers"]}) > 1 or
        len(q["answers"]) > 1]
    assert not twice, twice[:3]


def test_never_two_answers_while_the_master_moves(tb, figures):
    """Asked at short intervals, of all and of each member alone, while everything happens to the master."""
    watch = arp_watch(tb, ALIAS, 3, [node_mac(n) for n in tb.nodes()])
    move_to(tb, "n2", 10)
    move_to(tb, "n3", 20)
    tb.machine("n3").run("cluamgr -a alias=DEFAULTALIAS,leave")
    tb.machine("n3").run("cluamgr -a alias=DEFAULTALIAS,join")
    signal_aliasd(tb, "n3", signal.SIGTERM)
    wait_master(tb, but="n3")
    tb.start_daemon("n3", "aliasd")
    tb.wait_formed()
    move_to(tb, "n3", 20)
    signal_aliasd(tb, "n3", signal.SIGKILL)
    wait_master(tb, but="n3")
    tb.start_daemon("n3", "aliasd")
    tb.wait_formed()
    dead = master(tb)
    tb.kill(dead)
    wait_master(tb, but=dead)
    tb.start(dead)
    tb.machine("n2").run("cluamgr -a alias=DEFAULTALIAS,rpri=1")
    account = watch.stop()
    never_two(account)
    everybody = [q for q in account["asked"] if q["to"] == "ff:ff:ff:ff:ff:ff"]
    figures("%d questions to all, %d without an answer" % (len(everybody),
        sum(not q["answers"] for q in everybody)))
    # Those who are asked alone are silent unless they are master: most of the questions are not for it.
    assert sum(bool(q["answers"]) for q in account["asked"]) > len(everybody)
    assert {s["mac"] for s in account["said"]} <= {node_mac(n) for n in tb.nodes()}


@pytest.mark.parametrize("back", [False, True], ids=["another", "again"])
def test_the_next_master_leaves_the_lan_while_the_killed_one_still_answers(tb, back):
    """Its packet program goes on for a second: whoever is master next, or is so again, waits for that."""
    move_to(tb, "n3", 10)
    move_to(tb, "n2", 20)
    watch = arp_watch(tb, ALIAS, 3)
    signal_aliasd(tb, "n2", signal.SIGKILL)
    wait_until(lambda: alias(tb, "n1")["master"] == 3, 5, "n3 to be the next", step=0.005)
    tb.cut("n3", "eth0")
    wait_until(lambda: alias(tb, "n1")["master"] == 1, 5, "n1 to be the next", step=0.005)
    if back:
        tb.heal("n3", "eth0")
    wait_until(lambda: arp_answers(tb) == ["n3" if back else "n1"], 5, "another to answer")
    account = watch.stop()
    never_two(account)
    tb.machine("n3").run("cluamgr -a alias=DEFAULTALIAS,rpri=1")
    masters = list(dict.fromkeys(a["mac"] for q in account["asked"] for a in q["answers"]))
    assert masters == [node_mac("n2"), node_mac("n3" if back else "n1")]


def test_the_next_master_loses_power_while_the_killed_one_still_answers(tb):
    """It answered or not, nobody knows: the one after it waits for both."""
    move_to(tb, "n3", 10)
    move_to(tb, "n2", 20)
    watch = arp_watch(tb, ALIAS, 3)
    signal_aliasd(tb, "n2", signal.SIGKILL)
    wait_until(lambda: alias(tb, "n1")["master"] == 3, 5, "n3 to be the next", step=0.005)
    tb.kill("n3")
    wait_until(lambda: arp_answers(tb) == ["n1"], 5, "n1 to answer")
    account = watch.stop()
    never_two(account)
    masters = list(dict.fromkeys(a["mac"] for q in account["asked"] for a in q["answers"]))
    assert masters in ([node_mac("n2"), node_mac("n1")], [node_mac("n2"), node_mac("n3"), node_mac("n1")])


def test_lltd_hangs_on_the_master(tb):
    """The others do not hear it and have another; its packet program must not answer beside that one."""
    first = master(tb)
    pid = tb.machine(first).daemon_pids("lltd")[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_master(tb, but=first)
    finally:
        os.kill(pid, signal.SIGCONT)
    tb.wait_formed(30)
    master(tb)


def quorum(tb, kind):
    for node in tb.nodes():
        path = os.path.join(tb.machine(node).etc, "gabd.conf")
        with open(path) as f:
            lines = [line for line in f if not line.startswith("quorum")]
        with open(path, "w") as f:
            f.writelines([*lines, 'quorum = "%s";\n' % kind])
        for pid in tb.machine(node).daemon_pids("gabd"):
            os.kill(pid, signal.SIGHUP)


@pytest.fixture
def majority(tb):
    quorum(tb, "majority")
    yield
    quorum(tb, "none")


def test_a_member_without_quorum_takes_no_clients(tb, majority):
    """Some still hold it for the master. They get neither connections by it nor resets."""
    first = master(tb)
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        ip(tb, "c1", "neigh replace %s lladdr %s dev eth0 nud permanent" % (ALIAS, node_mac(first)))
        try:
            conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 60, "-i", 100)
            tb.cut(first, "ic0", "ic1")
            wait_until(lambda: not status(tb, first)["quorate"], 10, "%s to be without quorum" % first)
            tries = [tb.machine("c1").popen(["timeout", "3", "bash", "-c", "</dev/tcp/%s/%d" % (ALIAS, ECHO)])
                for _ in range(10)]
            assert [t.wait(20) for t in tries] == [124] * 10
            tb.heal()
            tb.wait_formed(30)
            assert conns.stop()["broken"] == 0
            assert load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 30, "-q")["ok"] == 30
        finally:
            ip(tb, "c1", "neigh del %s dev eth0" % ALIAS)


@pytest.mark.parametrize("how", ["carrier", "down"])
def test_a_lan_interface_fails(tb, how):
    first = master(tb)
    before = time.monotonic()
    if how == "carrier":
        tb.cut(first, "eth0")
    else:
        ip(tb, first, "link set eth0 down")
    second = wait_master(tb, but=first)
    assert time.monotonic() - before < 2
    watch = arp_watch(tb, ALIAS, 5)
    if how == "carrier":
        tb.heal(first, "eth0")
    else:
        ip(tb, first, "link set eth0 up")
    wait_until(lambda: next(m for m in alias(tb, second)["members"] if m["name"] == first)["attached"],
        5, "%s to be back on the LAN" % first)
    time.sleep(0.3)
    account = watch.stop()
    never_two(account)
    assert {a["mac"] for q in account["asked"] for a in q["answers"]} == {node_mac(second)}


def test_a_new_alias_that_a_host_has_is_refused(tb):
    mac = mac_of("c", 2, "eth0")
    ip(tb, "c2", "addr add %s/24 dev eth0" % TAKEN)
    try:
        done = tb.machine("n1").run("cluamgr -a alias=%s,join" % TAKEN, check=False)
        assert done.returncode == 1
        assert mac in done.stderr, done.stderr
        assert alias(tb, "n2", TAKEN) is None
        # A line in the file cannot be refused: the alias waits.
        with open(os.path.join(tb.machine("n1").etc, "clu_alias.config"), "a") as f:
            f.write("cluamgr -a alias=%s,join\n" % TAKEN)
        for pid in tb.machine("n1").daemon_pids("aliasd"):
            os.kill(pid, signal.SIGHUP)
        for node in tb.nodes():
            wait_until(lambda: (alias(tb, node, TAKEN) or {}).get("conflict") == mac, 5,
                "%s to know of the conflict" % node)
            assert not alias(tb, node, TAKEN)["in_use"]
        assert arp_answers(tb, TAKEN) == [mac]
        assert "ADDRESS CONFLICT" in tb.machine("n3").run("cluamgr -s %s" % TAKEN).stdout
    finally:
        ip(tb, "c2", "addr del %s/24 dev eth0" % TAKEN)
    wait_until(lambda: arp_answers(tb, TAKEN) == ["n1"], 15, "the alias to be taken into use")
    assert alias(tb, "n2", TAKEN)["conflict"] is None
    for _ in range(2):
        tb.machine("n1").run("cluamgr -a alias=%s,leave" % TAKEN)


def test_a_host_takes_the_address_of_an_alias(tb):
    mac, first = mac_of("c", 2, "eth0"), master(tb)
    watch = arp_watch(tb)
    ip(tb, "c2", "addr add %s/24 dev eth0" % ALIAS)
    try:
        for _ in range(3):
            tb.machine("c2").run("arping -U -c 1 -I eth0 -s %s %s" % (ALIAS, ALIAS), check=False)
        for node in tb.nodes():
            wait_until(lambda: alias(tb, node)["conflict"] == mac, 5, "%s to know of it" % node)
            assert alias(tb, node)["in_use"]
        assert "address conflict" in tb.log_tail(first, "aliasd", 100)
        # A newcomer is told.
        other = next(n for n in tb.nodes() if n != first)
        signal_aliasd(tb, other, signal.SIGTERM)
        tb.start_daemon(other, "aliasd")
        wait_until(lambda: ask(tb.machine(other), "aliasd") and
            (alias(tb, other) or {}).get("conflict") == mac, 10, "%s to be told" % other)
    finally:
        ip(tb, "c2", "addr del %s/24 dev eth0" % ALIAS)
    wait_until(lambda: all(alias(tb, n)["conflict"] is None for n in tb.nodes()), 15, "it to be over")
    said = watch.stop()["said"]
    claims = [s["at"] for s in said if s["mac"] == mac]
    defence = [s["at"] for s in said if s["mac"] == node_mac(first) and s["at"] > min(claims)]
    assert min(defence) - min(claims) < 1
    # Once in ten seconds, each time with two frames; and what the newcomer's joining brings about.
    assert len(defence) <= 4 + 24, defence


def test_members_name_no_alias_when_they_ask(tb):
    """Their own questions, for clients they have to answer, must not tell anybody where an alias is."""
    first = master(tb)
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        watch = arp_watch(tb)
        for node in tb.nodes():
            ip(tb, node, "neigh flush dev eth0")
        assert load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 30, "-q")["ok"] == 30
        said = watch.stop()["said"]
    assert {s["mac"] for s in said} <= {node_mac(first)}


def answering(tb, node, of):
    return next(m for m in alias(tb, node)["members"] if m["name"] == of)["answering"]


def test_a_master_that_does_not_answer_is_replaced(tb, figures):
    """Its status is good, another program drops ARP: the others find out, by asking as clients do."""
    first = master(tb)
    other = next(n for n in tb.nodes() if n != first)
    ours = "dev eth0 ingress pref 1 protocol arp"
    tb.machine(first).run("tc filter add %s bpf da bytecode '1,6 0 0 2,'" % ours)
    began = time.monotonic()
    wait_master(tb, but=first, timeout=15)
    figures("another master after %.1f s" % (time.monotonic() - began))
    assert not answering(tb, other, first)
    assert "NOT ANSWERING" in tb.machine(other).run("cluamgr -s all").stdout
    tb.machine(first).run("tc filter del %s" % ours)
    signal_aliasd(tb, first, signal.SIGTERM)
    tb.start_daemon(first, "aliasd")
    tb.wait_formed(30)
    assert answering(tb, other, first)


def test_a_member_that_hears_nobody_accuses_nobody(tb):
    first = master(tb)
    deaf = "n%d" % (int(first[1:]) % 3 + 1)  # it is the one who looks after the master
    switch = tb.switch()
    switch._ip(["link set %s nomaster" % switch.port(deaf, "eth0")])
    try:
        wait_until(lambda: "that may be due to us" in tb.log_tail(deaf, "aliasd", 100), 15,
            "%s to be in doubt" % deaf)
        assert master(tb) == first
        assert answering(tb, first, first)
    finally:
        switch._ip(["link set %s master %s" % (switch.port(deaf, "eth0"), LAN)])


def settings(tb, machine):
    script = "cd /proc/sys/net/ipv4/conf; for i in all eth0 ic0; do test -e $i || continue; for k in " \
        "$i/arp_* $i/rp_filter $i/accept_local; do echo $k $(cat $k); done; done; tc qdisc show dev eth0"
    return tb.machine(machine).run(["sh", "-c", script]).stdout


def test_the_settings_of_the_host_are_put_back(tb):
    node = "n3"
    tb.machine(node).run("cluamgr -r vmac")
    signal_aliasd(tb, node, signal.SIGTERM)
    before = settings(tb, node)
    assert "clsact" not in before
    tb.start_daemon(node, "aliasd")
    tb.wait_formed()
    during = settings(tb, node)
    assert during != before
    signal_aliasd(tb, node, signal.SIGKILL)
    assert settings(tb, node) == during
    tb.start_daemon(node, "aliasd")
    tb.wait_formed()
    assert settings(tb, node) == during
    # Values that were there all along are nobody's but the host's.
    assert [line for line in during.splitlines() if line.startswith("all/")] == \
        [line for line in before.splitlines() if line.startswith("all/")]
    signal_aliasd(tb, node, signal.SIGTERM)
    assert settings(tb, node) == before


def test_an_interface_that_is_no_lan_is_silent(tb):
    """The kernel answers ARP on every interface for every address it has."""
    pids = [tb.machine(m).init_pid() for m in ("n1", "c2")]
    script = "ip link add spare0 netns %d type veth peer name spare0 netns %d" % tuple(pids)
    tb.machine("sw").run(["true"])
    tb.switch()._ip([script.split(" ", 1)[1]])
    try:
        ip(tb, "c2", "addr add 10.1.0.199/32 dev spare0", "link set spare0 up")
        ip(tb, "n1", "link set spare0 up")
        done = tb.machine("c2").run(["/usr/bin/python3", "-I", tb.tool("testbed_arp.py"), "spare0",
            tb.address("n1")])
        assert done.stdout.split(), "the kernel of n1 does not answer at all: nothing is shown by this"
        done = tb.machine("c2").run(["/usr/bin/python3", "-I", tb.tool("testbed_arp.py"), "spare0",
            ALIAS])
        assert done.stdout.split() == []
    finally:
        ip(tb, "n1", "link del spare0")


def masters_seen_by(tb, client):
    return arp_answers(tb, client=client)


def winner_said_last(account, winner):
    said = [s for s in account["said"] if s["mac"] in {node_mac(n) for n in ("n1", "n2", "n3")}]
    assert said and said[-1]["mac"] == node_mac(winner), said[-5:]


def merged(account, since):
    """Seconds from the healing until only one member answers."""
    losers = [a["at"] for q in account["asked"] for a in q["answers"]
        if a["mac"] != account["asked"][-1]["answers"][0]["mac"]]
    return max(losers, default=since) - since


def test_the_interconnect_falls_apart_and_heals(tb, figures):
    first = master(tb)
    lone = "n3" if first != "n3" else "n1"
    for link in ("ic0", "ic1"):
        tb.cut(lone, link)
    wait_until(lambda: sorted(arp_answers(tb)) == sorted([first, lone]), 10, "two masters")
    watch = arp_watch(tb, ALIAS, 5)
    healed = time.monotonic()
    tb.heal()
    tb.wait_formed(30)
    wait_until(lambda: time.monotonic() > healed + 2, 5, "all announcements to be made")
    winner, account = master(tb), watch.stop()
    account["asked"] = [q for q in account["asked"] if q["at"] > healed - 0.5]
    figures("one master %.0f ms after the healing" % (merged(account, healed) * 1e3))
    assert merged(account, healed) < 1
    winner_said_last(account, winner)


def test_the_lan_and_the_interconnect_fall_apart_and_heal(tb, figures):
    first = master(tb)
    lone = "n3" if first != "n3" else "n1"
    switch = tb.switch()
    ports = [switch.port(lone, "eth0"), switch.port("c2", "eth0")]
    switch._ip(["link add lan2 type bridge stp_state 0 forward_delay 0", "link set lan2 up"] +
        ["link set %s master lan2" % p for p in ports])
    for link in ("ic0", "ic1"):
        tb.cut(lone, link)
    wait_until(lambda: masters_seen_by(tb, "c2") == [lone], 10, "a master in the other part")
    assert masters_seen_by(tb, "c1") == [first]
    watch = arp_watch(tb, ALIAS, 5, client="c2")
    healed = time.monotonic()
    switch._ip(["link set %s master %s" % (p, LAN) for p in ports] + ["link del lan2"])
    tb.heal()
    tb.wait_formed(30)
    wait_until(lambda: time.monotonic() > healed + 2, 5, "all announcements to be made")
    winner, account = master(tb), watch.stop()
    figures("one master %.0f ms after the healing" % (merged(account, healed) * 1e3))
    assert merged(account, healed) < 1
    winner_said_last(account, winner)
    assert masters_seen_by(tb, "c2") == [winner]
