# SPDX-License-Identifier: ISC
"""How the packet program is attached: by XDP, beside others' programs, proven, and removed again."""
import json
import os
import signal
import time

import pytest

from testbed_cuts import PROBE, Cut
from testbed_etc import udp_link, write
from testbed_load import ALIAS, ECHO, Load, echods, load, master, owners, wait_listening, wait_master
from testbed_error import wait_until
from testbed_status import status

CLUSTER = {"xdp": True, "aliasd": 'attach = "xdp";\n'}
ETC = "default_alias = \"clua\";\n"
BIG = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
for i in range(6):
    text = bytes([i]) * 8192
    s.sendto(text, ("%s", %d))
    answer, source = s.recvfrom(65536)
    assert text[:1024] in answer and source[0] == "%s", (i, len(answer), source)
"""


def interface(tb, node):
    """What aliasd says of eth0."""
    return next(i for i in status(tb, node)["interfaces"] if i["name"] == "eth0")


def attached(tb, mode, nodes=None):
    return all((i["attached"], i["proof"]) == (mode, "proven") for i in (interface(tb, n)
        for n in nodes or tb.running_nodes()))


def end(tb, node, signo=signal.SIGKILL):
    pids = tb.machine(node).daemon_pids("aliasd")
    for pid in pids:
        os.kill(pid, signo)
    wait_until(lambda: not tb.machine(node).daemon_pids("aliasd"), 10, "aliasd on %s to end" % node)


def restart(tb, node, conf=None, signo=signal.SIGKILL):
    end(tb, node, signo)
    if conf is not None:
        write(tb.machine(node).etc, "aliasd.conf", ETC + conf)
    tb.start_daemon(node, "aliasd")
    tb.wait_formed()


def whole(tb):
    """Shares, UDP, and datagrams of several fragments."""
    with echods(tb, udp=(ECHO,)):
        wait_listening(tb, ECHO, tb.nodes())
        account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 300, "-c", 1, "-q")
        assert account["ok"] == 300
        assert owners(account) == {n: 100 for n in tb.nodes()}
        tb.machine("c1").run(["/usr/bin/python3", "-I", "-c", BIG % (ALIAS, ECHO, ALIAS)])


def test_native(tb):
    wait_until(lambda: attached(tb, "xdp"), 10, "all to be proven")
    whole(tb)


ASK = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.1)
for _ in range(%d):
    s.sendto(b"x" * 1450, ("%s", %d))
    try:
        s.recv(65536)
    except socket.timeout:
        pass
"""


def all_learn_the_path(tb):
    """Answers are too large for the way to x1: each member is told so, whichever the router told."""
    for machine in tb.nodes():
        tb.machine(machine).run("ip route flush cache")
    tb.machine("r1").run("ip route replace 10.9.0.0/24 dev eth1 src 10.9.0.1 mtu 1400")

    def learned():
        tb.machine("x1").run(["/usr/bin/python3", "-I", "-c", ASK % (len(tb.nodes()), ALIAS, ECHO)])
        return all("mtu 1400" in tb.machine(n).run("ip route get 10.9.0.101").stdout
            for n in tb.nodes())
    with echods(tb, udp=(ECHO,)):
        wait_listening(tb, ECHO, tb.nodes())
        wait_until(learned, 20, "all members to know the path MTU")
    tb.machine("r1").run("ip route replace 10.9.0.0/24 dev eth1 src 10.9.0.1")


def test_icmp_errors_with_native(tb):
    all_learn_the_path(tb)


def test_the_master_dies_with_native(tb, figures):
    dead = master(tb)
    account = Cut(tb, dead, connections=300).run()
    tb.start(dead)
    figures(account.text())
    assert account.broken_survivors == []
    wait_until(lambda: attached(tb, "xdp"), 10, "all to be proven")


def test_restart_with_native_loses_nothing(tb, figures):
    """Also with another program in place of the old: each load makes one anew."""
    node = master(tb)
    with echods(tb, udp=(PROBE,)):
        wait_listening(tb, ECHO, tb.nodes())
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 100, "-i", 50)
        probe = Load(tb, "probe", "-a", ALIAS, "-p", PROBE, "-i", 1)
        restart(tb, node)
        time.sleep(0.5)
        answers, account = probe.stop(), conns.stop()
    figures("%d asked, %d answered, longest gap %.1f ms" % (answers["sent"], answers["received"],
        answers["longest_ms"]))
    assert account["broken"] == 0
    wait_until(lambda: attached(tb, "xdp"), 10, "all to be proven")


def test_native_gives_way_to_a_tunnel(tb):
    """And comes back when the last link by UDP has gone."""
    machine = tb.machine("n3")
    path = os.path.join(machine.etc, "lltd.conf")
    with open(path) as f:
        without = f.read()
    link = udp_link({n: tb.address(n) for n in tb.nodes()}, low=True)

    def configure(text):
        write(machine.etc, "lltd.conf", text)
        for pid in machine.daemon_pids("lltd"):
            os.kill(pid, signal.SIGHUP)
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 60, "-i", 50)
        configure(without.replace(" );", ", %s );" % link, 1))
        wait_until(lambda: attached(tb, "tc", ["n3"]), 10, "n3 to leave XDP")
        assert "clua-vx" in interface(tb, "n3")["note"]
        configure(without)
        wait_until(lambda: attached(tb, "xdp", ["n3"]), 10, "n3 to be back")
        assert not interface(tb, "n3").get("note")
        assert conns.stop()["broken"] == 0
    whole(tb)


def test_generic(tb):
    """Everybody from native to generic; aggregates of the senders included."""
    for node in tb.nodes():
        restart(tb, node, 'attach = "xdp-generic";\n')
    wait_until(lambda: attached(tb, "xdp-generic"), 10, "all to be proven")
    whole(tb)
    all_learn_the_path(tb)
    router = master(tb)
    other = next(n for n in tb.nodes() if n != router)
    tb.machine(other).run("sh -c 'iperf3 -s -1 -D >/dev/null'")
    wait_listening_iperf(tb, other)
    done = tb.machine("c1").run("iperf3 -c %s -n 50M -J" % ALIAS)
    assert json.loads(done.stdout)["end"]["sum_sent"]["bytes"] >= 50e6


def wait_listening_iperf(tb, node):
    def there():
        return [s for s in status(tb, node)["aliases"][0]["services"] if s["port"] == 5201 and s["targets"]]
    wait_until(there, 10, "iperf3 to be known")


def test_another_xdp_program_stays(tb):
    machine = tb.machine("n3")
    end(tb, "n3", signal.SIGTERM)
    machine.run("ip link set eth0 xdpgeneric object %s section xdp" % tb.foreign_programs())
    tb.start_daemon("n3", "aliasd")
    tb.wait_formed()
    wait_until(lambda: attached(tb, "tc", ["n3"]), 10, "n3 to be proven")
    assert "xdp_pass" in interface(tb, "n3")["note"]
    assert "prog/xdp" in machine.run("ip link show eth0").stdout
    end(tb, "n3", signal.SIGTERM)
    assert "prog/xdp" in machine.run("ip link show eth0").stdout
    machine.run("ip link set eth0 xdpgeneric off")
    tb.start_daemon("n3", "aliasd")
    tb.wait_formed()


def test_what_somebody_removes_comes_back(tb):
    for node in tb.nodes():
        restart(tb, node, "")
    node = master(tb)
    machine = tb.machine(node)
    # At once: one by one, and each within less than the time after which it is looked at anyway.
    for i, device in enumerate(("eth0", "ic0", "clua0", "eth0")):
        machine.run("tc qdisc del dev %s clsact" % device)
        wait_until(lambda: "clua_" in machine.run("tc filter show dev %s ingress" % device).stdout, 3,
            "the program to be attached again to " + device)
        assert tb.log_tail(node, "aliasd", 200).count("somebody removed the packet program") == i + 1
    machine.run("tc filter del dev eth0 ingress")
    wait_until(lambda: "clua_" in machine.run("tc filter show dev eth0 ingress").stdout, 3,
        "the program to be attached again")
    whole(tb)


def test_not_proven_is_not_master(tb):
    """n1, which would be the master, does not see the probes."""
    machine = tb.machine("n1")
    end(tb, "n1", signal.SIGTERM)
    machine.run("tc qdisc add dev eth0 clsact")
    machine.run("tc filter add dev eth0 ingress pref 1 bpf da obj %s sec tc" % tb.foreign_programs())
    machine.run("sed -i s/join/join,rpri=9/ /etc/clu_alias.config")
    tb.start_daemon("n1", "aliasd")
    tb.wait_formed()
    wait_until(lambda: interface(tb, "n1")["proof"] == "not proven", 10, "n1 to say so")
    assert master(tb) != "n1"
    machine.run("tc filter del dev eth0 ingress pref 1")
    assert wait_until(lambda: master(tb) == "n1", 30, "n1 to be proven, and master")
    machine.run("sed -i s/,rpri=9// /etc/clu_alias.config")
    # What was there before stays.
    end(tb, "n1", signal.SIGTERM)
    assert "clsact" in machine.run("tc qdisc show dev eth0").stdout
    machine.run("tc qdisc del dev eth0 clsact")
    tb.start_daemon("n1", "aliasd")
    tb.wait_formed()


TRACES = ("tc qdisc show", "tc filter show dev eth0 ingress", "tc filter show dev ic0 ingress",
    "ip -o addr show", "ip -o link show", "ip rule show", "ip route show table all",
    "sysctl net.ipv4.conf", "find /run/clua /sys/fs/bpf")


def traces(tb, node):
    return {c: sorted(tb.machine(node).run("sh -c '%s'" % c).stdout.splitlines()) for c in TRACES}


@pytest.mark.parametrize("mode", ["tc", "xdp", "xdp-generic"])
def test_cleanup(tb, mode):
    node = "n2"
    end(tb, node, signal.SIGTERM)
    before = traces(tb, node)
    write(tb.machine(node).etc, "aliasd.conf", ETC + 'attach = "%s";\n' % mode)
    tb.start_daemon(node, "aliasd")
    tb.wait_formed()
    refused = tb.machine(node).run("aliasd --cleanup", check=False)
    assert refused.returncode == 1 and "aliasd is running" in refused.stderr
    end(tb, node)
    assert traces(tb, node) != before
    done = tb.machine(node).run("aliasd --cleanup")
    assert "eth0: " in done.stderr and ALIAS in done.stderr, done.stderr
    after = traces(tb, node)
    assert after == before
    assert "nothing to remove" in tb.machine(node).run("aliasd --cleanup").stderr
    tb.start_daemon(node, "aliasd")
    tb.wait_formed()
