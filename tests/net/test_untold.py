# SPDX-License-Identifier: ISC
"""Connections of which the kernel did not tell aliasd when they began.

It runs no program about sockets within itself: while a process changes the state of a socket, a timer's
interrupt may bring in packets that begin connections on the same processor. Here one processor does hardly
anything else, and the clients' SYNs come by such timers, because the first ones are lost.
"""
import contextlib
import json
import subprocess

from testbed_load import ALIAS, ECHO, echods, end, wait_listening
from testbed_error import wait_until
from testbed_status import nodes

CLUSTER = {}
CONNS, SERVER = 500, "n2"

# Listens and leaves it again: two changes of state, hardly anything between them.
BUSY = """
import ctypes, os, socket
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
libc, nobody = ctypes.CDLL(None), bytes(16)
sock = socket.socket()
sock.bind(("127.0.0.1", 9))
fd, listen, connect = sock.fileno(), libc.listen, libc.connect
while listen(fd, 1) == 0 and connect(fd, nobody, 16) == 0:
    pass
"""

# A connection every millisecond; says so when the last SYN is out, and when all have been answered.
CLIENTS = """
import os, select, socket, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
poll, socks = select.poll(), {}
for i in range(int(sys.argv[3])):
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex((sys.argv[1], int(sys.argv[2])))
    poll.register(sock, select.POLLOUT)
    socks[sock.fileno()] = sock
    time.sleep(0.001)
print("sent", flush=True)
left = set(socks)
while left:
    for fd, event in poll.poll():
        assert event == select.POLLOUT, socks[fd].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        poll.unregister(fd)
        left.remove(fd)
print("connected", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def script(tb, machine, text, *args):
    program = tb.machine(machine).popen(["/usr/bin/python3", "-I", "-c", text, *[str(a) for a in args]],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield program
    finally:
        end(program)
        program.communicate(timeout=10)


@contextlib.contextmanager
def connections(tb):
    """Whose first SYNs go to nobody."""
    c1 = tb.machine("c1")
    c1.run(["ip", "neigh", "replace", ALIAS, "lladdr", "02:00:5e:00:53:01", "dev", "eth0", "nud", "permanent"])
    with script(tb, "c1", CLIENTS, ALIAS, ECHO, CONNS) as program:
        assert program.stdout.readline() == "sent\n"
        c1.run(["ip", "neigh", "del", ALIAS, "dev", "eth0"])
        assert program.stdout.readline() == "connected\n"
        yield


def untold(tb):
    """How often the kernel left the program out."""
    n2 = tb.machine(SERVER)
    link = json.loads(n2.run("bpftool -j link show pinned /sys/fs/bpf/clua/link_sock").stdout)
    program = json.loads(n2.run("bpftool -j prog show id %d" % link["prog_id"]).stdout)
    return program.get("recursion_misses", 0)


def known(tb):
    return {node: nodes(tb, node, "flows")[SERVER] for node in tb.nodes()}


def all_know(tb, n):
    wait_until(lambda: set(known(tb).values()) == {n}, 10, "all members to know %d connections" % n)


def test_all_members_know_them_all_the_same(tb):
    with echods(tb, [SERVER]):
        wait_listening(tb, ECHO, [SERVER])
        for _ in range(5):
            with script(tb, SERVER, BUSY) as busy, connections(tb):
                all_know(tb, CONNS)
                assert busy.poll() is None
            all_know(tb, 0)
            if untold(tb):
                break
    assert untold(tb) > 0
