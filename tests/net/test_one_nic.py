# SPDX-License-Identifier: ISC
"""A cluster whose only interface is LAN and link at once."""
import re

from testbed_cuts import Cut
from testbed_load import ALIAS, ECHO, echods, load, master, owners, wait_listening

CLUSTER = {"links": 0}
SINK = """
import socket
s = socket.create_server(("", 7400))
print("ready", flush=True)
c, _ = s.accept()
n = 0
while True:
    data = c.recv(65536)
    n += data.count(b"x")
    if not data:
        break
print(n, flush=True)
"""
SOURCE = """
import socket
s = socket.create_connection(("10.9.0.101", 7400), 10)
s.sendall(b"x" * 3000000)
s.close()
"""


def forwarded(machine):
    text = machine.run("nstat -asz IpForwDatagrams").stdout
    return int(re.search(r"IpForwDatagrams\s+(\d+)", text).group(1))


def test_shares(tb):
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 300, "-q")
        assert account["ok"] == 300
        assert owners(account) == {n: 100 for n in tb.nodes()}


def test_members_as_clients(tb):
    """What a member sends for itself by the interface has not been redirected."""
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        for node in tb.nodes():
            account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 30, "-q", client=node)
            assert account["ok"] == 30
            assert owners(account) == {n: 10 for n in tb.nodes()}


def test_a_member_as_a_router(tb):
    """What it forwards by the interface, to others and by others' frames, is none of our business."""
    c1, x1, node = tb.machine("c1"), tb.machine("x1"), tb.machine("n2")
    c1.run("ip route replace 10.9.0.0/24 via 10.1.0.12")
    node.run("ip route replace 10.9.0.0/24 via 10.1.0.1")
    node.run("sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 "
        "net.ipv4.conf.eth0.send_redirects=0")
    before = forwarded(node)
    server = x1.popen(["/usr/bin/python3", "-I", "-c", SINK], stdout=-1)
    assert server.stdout.readline() == b"ready\n"
    c1.run(["/usr/bin/python3", "-I", "-c", SOURCE])
    assert server.stdout.readline() == b"3000000\n"
    server.wait(10)
    server.stdout.close()
    assert "5 received" in c1.run("ping -c 5 -i 0.02 -W 2 -s 8000 10.9.0.101").stdout
    assert forwarded(node) - before > 40  # aggregates
    # And aliases beside it.
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 30, "-q")
        assert owners(account) == {n: 10 for n in tb.nodes()}
    c1.run("ip route del 10.9.0.0/24")


def test_the_master_dies(tb, figures):
    dead = master(tb)
    account = Cut(tb, dead, connections=300).run()
    tb.start(dead)
    figures(account.text())
    assert account.broken_survivors == []
