# SPDX-License-Identifier: ISC
"""RPC programs with a port that all instances have: real portmappers, real clients, one alias."""
import collections
import errno
import os
import signal

import pytest

from test_api import registered, tool  # noqa: F401
from testbed_load import ALIAS, Program, end
from testbed_error import TestbedError, wait_until

CLUSTER = {"profile": "lan"}
PROGRAM = 0x20000042
SERVICES = "sunrpc 111/tcp in_multi\nsunrpc 111/udp in_multi\n"


class Rpcd(Program):
    """An RPC server; its ports by protocol."""

    def __init__(self, tb, node, program=PROGRAM, *options):
        self.proc = tb.machine(node).popen(["rpcd", node, "%#x" % program, *options],
            stdout=-1, bufsize=0)
        self.ports = {}
        while (line := self.proc.stdout.readline().decode()) not in ("ready\n", ""):
            self.ports[line.split()[0]] = int(line.split()[1])
        if line == "":
            raise TestbedError("%s: rpcd ended" % node)


@pytest.fixture(scope="module")
def portmappers(tb):
    for node in tb.nodes():
        tb.machine(node).spawn(["rpcbind", "-f"], os.path.join(tb.dir, node, "rpcbind.log"))
        wait_until(lambda: tb.machine(node).run("rpcinfo -p", check=False).returncode == 0, 10,
            "rpcbind on %s" % node)
    path = os.path.join(tb.machine("n1").etc, "services.rpc")
    with open(path, "w") as f:
        f.write(SERVICES)
    tb.machine("n1").run("cluamgr -F /etc/services.rpc")


@pytest.fixture(scope="module")
def servers(tb, portmappers):
    programs = {n: Rpcd(tb, n) for n in tb.nodes()}
    yield programs
    for program in programs.values():
        if program.proc.poll() is None:
            program.stop()


def ask(tb, proto, n, client="c1"):
    # libtirpc's own leaks are not ours.
    done = tb.machine(client).run(["env", "ASAN_OPTIONS=detect_leaks=0", "rpcc", ALIAS, "%#x" % PROGRAM, proto, str(n)])
    return collections.Counter(line for line in done.stdout.splitlines())


def table(tb, machine="c1"):
    """(program, version, protocol, port) that the portmapper behind the alias tells of."""
    rows = tb.machine(machine).run(["rpcinfo", "-p", ALIAS]).stdout.splitlines()[1:]
    return [tuple(r.split()[:4]) for r in rows if int(r.split()[0]) == PROGRAM]


def test_all_instances_have_one_port(tb, servers):
    for proto in ("tcp", "udp"):
        ports = {s.ports[proto] for s in servers.values()}
        assert len(ports) == 1
        port = ports.pop()
        for node in tb.nodes():
            row = registered(tb, node)[port, proto]
            assert row["attrs"] == ["in_multi", "static"] and row["transient"]
            assert row["program"] == PROGRAM and row["members"] == [1, 2, 3]
            assert not row["choosing"] and not row["reserved"]


def test_rpcinfo_shows_it_once(tb, servers):
    port = {p: str(servers["n1"].ports[p]) for p in ("tcp", "udp")}
    for _ in range(4):  # whichever member's portmapper answers
        assert sorted(table(tb)) == [(str(PROGRAM), "1", "tcp", port["tcp"]),
            (str(PROGRAM), "1", "udp", port["udp"])]


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_calls_are_dealt_out(tb, servers, proto):
    port = servers["n1"].ports[proto]
    everybody = {"%s %s %d" % (n, proto, port) for n in tb.nodes()}
    wait_until(lambda: set(ask(tb, proto, 12)) == everybody, 20, "all members to answer")
    answers = ask(tb, proto, 30)
    assert set(answers) == everybody
    assert min(answers.values()) >= 8, answers


def test_a_program_that_ends_is_left_out(tb, servers):
    servers["n2"].stop(signal.SIGKILL)
    # Its portmapper does not know that yet, but only the others have the port.
    wait_until(lambda: sorted(a.split()[0] for a in ask(tb, "tcp", 8)) == ["n1", "n3"], 10,
        "the others to answer")
    servers["n2"] = Rpcd(tb, "n2")
    assert servers["n2"].ports == servers["n1"].ports
    wait_until(lambda: len(ask(tb, "tcp", 12)) == 3, 10, "all members to answer again")


def test_the_port_ends_with_the_last_instance(tb, servers):
    for node in list(servers):
        servers.pop(node).stop()
    wait_until(lambda: registered(tb) == {}, 10, "the ports to be free")


def test_reserved_ports(tb, portmappers):
    programs = [Rpcd(tb, n, PROGRAM + 1, "resv") for n in tb.nodes()]
    ports = {p.ports["tcp"] for p in programs}
    assert len(ports) == 1 and ports.pop() < 1024
    assert all(r["reserved"] for r in registered(tb).values())
    for p in programs:
        p.stop()
    wait_until(lambda: registered(tb) == {}, 10, "the ports to be free")


def test_a_port_that_is_taken_on_one_member(tb, tool, portmappers):  # noqa: F811
    """The first that would be proposed is not free everywhere: all take another."""
    program = PROGRAM + 2
    first = int(tool("n1")("common", program, "tcp").split()[1])
    for pid in tb.machine("n1").daemon_pids("apitool"):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: registered(tb) == {}, 10, "the port to be free")
    # Bound, not listening: nobody but the kernel of n3 knows.
    taker = tb.machine("n3").popen(["/usr/bin/python3", "-c", "import socket,sys\n"
        "s = socket.socket()\ns.bind(('', %d))\nprint('ready', flush=True)\nsys.stdin.read()" % first],
        stdin=-1, stdout=-1, bufsize=0)
    assert taker.stdout.readline() == b"ready\n"
    answers = {tool(n)("common", program, "tcp") for n in tb.nodes()}
    assert len(answers) == 1
    second = int(answers.pop().split()[1])
    assert second != first
    # A second instance on one member has to be told.
    assert tool("n2")("common", program, "tcp") == "-1 errno %d" % errno.EADDRINUSE
    end(taker, signal.SIGKILL)
    taker.wait(10)


def test_a_port_that_was_taken_since(tb, tool, portmappers):  # noqa: F811
    """n3 was not asked when it was chosen, and has given it away: its program is told."""
    program = PROGRAM + 3
    tb.kill("n3")
    wait_until(lambda: len(registered(tb)) == 0 and tool("n1").status("default") == 1, 20, "n3 to be gone")
    port = int(tool("n1")("common", program, "tcp").split()[1])
    tb.start("n3")
    taker = tool("n3")
    assert taker.status("listen", port, "tcp") == 1
    assert tool("n3")("common", program, "tcp") == "-1 errno %d" % errno.EADDRINUSE
