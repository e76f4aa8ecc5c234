# SPDX-License-Identifier: ISC
"""Attributes of services, each with real sockets, and the file that says them, one for the cluster."""
import json
import os
import signal

import pytest

import testbed_etc
from testbed_error import TestbedError, wait_until
from testbed_load import ALIAS, Load, echods, end, load, master, owners, wait_listening, wait_master

CLUSTER = {"nodes": 3, "profile": "lan"}
NODES = ["n1", "n2", "n3"]
SERVER = "10.1.0.101"
LOCAL, CLOSED, STICKY, SHORT, OUT = 7200, 7201, 7202, 7203, 9000

SERVICES = testbed_etc.SERVICES + """\
local   7200/tcp   in_multi,in_nolocal
local   7200/udp   in_multi,in_nolocal
closed  7201/tcp   in_noalias
closed  7201/udp   in_noalias
sticky  7202/tcp   in_multi,sticky
sticky  7202/udp   in_multi,sticky
short   7203/tcp   in_multi,sticky=1
login   513/tcp    static
out     9000/tcp   out_alias
out     9000/udp   out_alias
"""

# Answers each datagram, and each connection, with where it came from.
MIRROR = """
import socket, sys, threading
def tcp(s):
    while True:
        c, peer = s.accept()
        c.sendall(("%s %d\\n" % peer).encode())
        kept.append(c)
kept = []
t = socket.create_server(("0.0.0.0", int(sys.argv[1])))
threading.Thread(target=tcp, args=(t,), daemon=True).start()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    data, peer = u.recvfrom(2048)
    u.sendto(("%s %d %s\\n" % (*peer, data.decode())).encode(), peer)
"""

# What the mirror says: KIND ADDRESS PORT COUNT [BOUND ADDRESS]
ASK = """
import json, socket, sys
kind, host, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
seen, kept = [], []
for i in range(count):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    s.settimeout(5)
    if len(sys.argv) > 5:
        s.bind((sys.argv[5], 0))
    if kind == "sendto":
        s.sendto(b"%d" % i, (host, port))
    else:
        s.connect((host, port))
        if kind == "udp":
            s.send(b"%d" % i)
    answer = s.recv(2048).decode().split()
    assert kind == "tcp" or answer[2] == str(i), answer
    seen.append((answer[0], int(answer[1])))
    kept.append(s)
print(json.dumps(seen))
"""


# "silence" if nothing comes back for a datagram, no refusal either: ADDRESS PORT
LISTEN = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.3)
s.connect((sys.argv[1], int(sys.argv[2])))
try:
    for i in range(5):
        s.send(b"x")
    print(s.recv(100))
except TimeoutError:
    print("silence")
except OSError as e:
    print(e)
"""


def python(tb, machine, script, *args, **kwargs):
    return tb.machine(machine).run(["/usr/bin/python3", "-I", "-c", script, *[str(a) for a in args]],
        **kwargs)


def ask(tb, node, kind, count=1, bound=None, host=SERVER, port=OUT):
    more = [bound] if bound else []
    return [tuple(s) for s in json.loads(python(tb, node, ASK, kind, host, port, count, *more).stdout)]


def status(tb, node):
    return json.loads(tb.machine(node).run(["cluamgr", "-s", "-j"]).stdout)


def put(tb, node, text):
    testbed_etc.write(tb.machine(node).etc, "clua_services", text)


def sysctl(tb, node, name):
    return tb.machine(node).run(["cat", "/proc/sys/net/ipv4/" + name]).stdout.split()


def kill_aliasd(tb, node, signo):
    machine = tb.machine(node)
    for pid in machine.daemon_pids("aliasd"):
        os.kill(pid, signo)
    wait_until(lambda: not machine.daemon_pids("aliasd"), 10, "aliasd on %s to end" % node)


@pytest.fixture(scope="module")
def table(tb):
    """The table above, in force everywhere."""
    for node in NODES:
        put(tb, node, SERVICES)
    done = tb.machine("n2").run(["cluamgr", "-f"])
    assert done.stdout == "n1: applied\nn2: applied\nn3: applied\n"


@pytest.fixture
def mirror(tb, table):
    proc = tb.machine("c1").popen(["/usr/bin/python3", "-I", "-c", MIRROR, str(OUT)], stdout=-1)
    assert proc.stdout.readline() == b"ready\n"
    wait_until(lambda: all(share(tb, n) for n in NODES), 10, "all members to have their ports")
    yield
    end(proc, signal.SIGKILL)
    proc.wait(10)


# ---- the file ----

def test_one_file_for_all(tb):
    put(tb, "n1", SERVICES + "extra 7300/tcp in_multi\n")
    done = tb.machine("n1").run(["cluamgr", "-f"])
    assert done.stdout == ("n1: applied\nn2: applied; its own file differs\n"
        "n3: applied; its own file differs\n")
    rows = {n["name"]: n["services_file"] for n in status(tb, "n3")["nodes"]}
    assert rows == {"n1": "same", "n2": "differs", "n3": "differs"}
    assert "memberid 2 (n2): its file of services differs" in tb.machine("n3").run("cluamgr -s").stdout
    with open(os.path.join(tb.dir, "n2", "aliasd.log")) as f:
        assert "clua_services differs from the table in force" in f.read()
    tb.machine("n2").run(["rm", "/etc/clua_services"])
    done = tb.machine("n1").run(["cluamgr", "-f", "-j"])
    assert [(n["name"], n["applied"], n["services_file"]) for n in json.loads(done.stdout)["nodes"]] == [
        ("n1", True, "same"), ("n2", True, "missing"), ("n3", True, "differs")]
    put(tb, "n2", testbed_etc.SERVICES)


def test_an_error_leaves_all_as_it_was(tb):
    put(tb, "n1", SERVICES + "bad 7300/tcp in_multi,in_noalias\nworse 7301/tcp in_nolocal,in_noalias\n")
    done = tb.machine("n1").run(["cluamgr", "-f"], check=False)
    line = SERVICES.count("\n") + 1
    assert done.returncode == 1
    assert "clua_services:%d: in_multi and in_noalias exclude each other" % line in done.stderr
    assert "clua_services:%d: in_nolocal and in_noalias exclude each other" % (line + 1) in done.stderr
    put(tb, "n1", SERVICES)


def test_changed_while_out_of_the_group(tb, table):
    """A reload counts, also if it comes when nobody can be told."""
    machine = tb.machine("n3")
    for pid in machine.daemon_pids("gabd"):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not status(tb, "n3")["in_group"], 10, "n3 to be out of the group")
    put(tb, "n3", SERVICES + "late 7301/tcp in_multi\n")
    for pid in machine.daemon_pids("aliasd"):
        os.kill(pid, signal.SIGHUP)
    wait_until(lambda: "reload" in open(os.path.join(tb.dir, "n3", "aliasd.log")).read(), 10, "the reload")
    tb.start_daemon("n3", "gabd")
    tb.wait_formed(20)
    wait_until(lambda: {n["name"]: n["services_file"] for n in status(tb, "n1")["nodes"]} ==
        {"n1": "differs", "n2": "differs", "n3": "same"}, 10, "the table of n3")
    for node in NODES:
        put(tb, node, SERVICES)
    tb.machine("n1").run(["cluamgr", "-f"])


def test_a_line_at_the_top_changes_nothing_else(tb, table):
    machine = tb.machine("n1")
    path = os.path.join(machine.etc, "clu_alias.config")
    with open(path) as f:
        before = f.read()
    machine.run(["cluamgr", "-a", "alias=DEFAULTALIAS,selw=7"])
    testbed_etc.write(machine.etc, "clu_alias.config", "cluamgr -a alias=10.1.0.99,rpri=2\n" + before)
    for pid in machine.daemon_pids("aliasd"):
        os.kill(pid, signal.SIGHUP)
    wait_until(lambda: len(status(tb, "n1")["aliases"]) == 2, 10, "the second alias")
    alias = next(a for a in status(tb, "n1")["aliases"] if a["alias"] == ALIAS)
    assert next(m for m in alias["members"] if m["name"] == "n1")["selw"] == 7
    testbed_etc.write(machine.etc, "clu_alias.config", before)
    machine.run(["cluamgr", "-a", "alias=DEFAULTALIAS,selw=1"])
    machine.run(["cluamgr", "-a", "alias=10.1.0.99,leave"])


# ---- what comes in ----

def test_in_nolocal(tb, table):
    with echods(tb, tcp=(LOCAL,), udp=(LOCAL,)):
        wait_listening(tb, LOCAL, NODES)
        for client, address in (("c1", tb.address("n2")), ("n2", tb.address("n2")), ("n2", "127.0.0.1")):
            account = load(tb, "short", "-a", address, "-p", LOCAL, "-n", 5, "-q", client=client)
            assert account["refused"] == 5, (client, address)
            assert python(tb, client, LISTEN, address, LOCAL).stdout == "silence\n", (client, address)
        wait_until(lambda: load(tb, "probe", "-a", ALIAS, "-p", LOCAL, "-n", 20, "-d", 1)["received"] > 9,
            10, "answers from the alias")


def test_in_noalias(tb, table):
    with echods(tb, tcp=(CLOSED,), udp=(CLOSED,)):
        account = load(tb, "short", "-a", tb.address("n2"), "-p", CLOSED, "-n", 5, "-q")
        assert account["ok"] == 5
        for client in ("c1", "n1"):
            account = load(tb, "short", "-a", ALIAS, "-p", CLOSED, "-n", 5, "-q", client=client)
            assert account["refused"] == 5, client
            assert python(tb, client, LISTEN, ALIAS, CLOSED).stdout == "silence\n", client


def test_static(tb, table):
    assert all(sysctl(tb, n, "ip_local_reserved_ports") != [] for n in NODES)
    assert "513" in sysctl(tb, "n1", "ip_local_reserved_ports")[0].split(",")
    tb.machine("n1").run(["sh", "-c", "echo 400,513 >/proc/sys/net/ipv4/ip_local_reserved_ports"])
    # The administrator's is beside ours, after kill -9 too, and alone when aliasd ends.
    kill_aliasd(tb, "n1", signal.SIGKILL)
    tb.start_daemon("n1", "aliasd")
    tb.wait_formed(20)
    wait_until(lambda: sysctl(tb, "n1", "ip_local_reserved_ports")[0].startswith("400,513"), 10,
        "both to be reserved")
    kill_aliasd(tb, "n1", signal.SIGTERM)
    assert sysctl(tb, "n1", "ip_local_reserved_ports") == ["400"]
    assert sysctl(tb, "n1", "ip_local_port_range") == ["32768", "60999"]
    tb.start_daemon("n1", "aliasd")
    tb.wait_formed(20)


# ---- sticky ----

def one_owner(tb, port, client="c1"):
    names = list(owners(load(tb, "short", "-a", ALIAS, "-p", port, "-n", 12, "-q", client=client)))
    assert len(names) == 1, names
    return names[0]


def udp_owner(tb, port, client="c1"):
    account = load(tb, "probe", "-a", ALIAS, "-p", port, "-n", 30, "-i", 5, "-d", 1, client=client)
    assert len(account["owners"]) == 1, account["owners"]
    return account["owners"][0]["name"]


def make_master(tb, node):
    tb.machine(node).run(["cluamgr", "-a", "alias=DEFAULTALIAS,rpri=50"])
    wait_until(lambda: master(tb) == node, 10, "%s to be master" % node)


def give_up_master(tb, node):
    tb.machine(node).run(["cluamgr", "-a", "alias=DEFAULTALIAS,rpri=1"])


def wait_all_listen(tb, port, proto):
    def right():
        rows = [s for a in status(tb, "n1")["aliases"] if a["alias"] == ALIAS for s in a["services"]
            if s["port"] == port and s["proto"] == proto]
        return bool(rows) and len(rows[0]["listeners"]) == 3
    wait_until(right, 10, "three listeners on port %d" % port)


def test_sticky(tb, table):
    with echods(tb, tcp=(STICKY,), udp=(STICKY,)) as servers:
        wait_all_listen(tb, STICKY, "tcp")
        wait_all_listen(tb, STICKY, "udp")
        own = {client: one_owner(tb, STICKY, client) for client in ("c1", "r1", "x1")}
        for node in NODES:
            make_master(tb, node)
            for client in own:
                assert one_owner(tb, STICKY, client) == own[client]
                assert udp_owner(tb, STICKY, client) == own[client]
            give_up_master(tb, node)
        # It goes: so does its client, and stays where it is when it comes back.
        first = own["c1"]
        running = Load(tb, "conns", "-a", ALIAS, "-p", STICKY, "-n", 2, "-i", 50)
        servers[first].stop(signal.SIGKILL)
        second = wait_until(lambda: next(iter(owners(load(tb, "short", "-a", ALIAS, "-p", STICKY, "-n", 4,
            "-q"))), None), 10, "another member")
        assert second != first
        running.stop()
        del servers[first]
        with echods(tb, nodes=[first], tcp=(STICKY,), udp=(STICKY,)):
            wait_all_listen(tb, STICKY, "tcp")
            held = Load(tb, "conns", "-a", ALIAS, "-p", STICKY, "-n", 1, "-i", 50)
            assert one_owner(tb, STICKY) == second
            make_master(tb, first)
            assert one_owner(tb, STICKY) == second
            give_up_master(tb, first)
            held.stop()


def test_sticky_for_a_second(tb, table):
    with echods(tb, tcp=(SHORT,)) as servers:
        wait_all_listen(tb, SHORT, "tcp")
        first = one_owner(tb, SHORT)
        servers.pop(first).stop(signal.SIGKILL)
        wait_until(lambda: first not in owners(load(tb, "short", "-a", ALIAS, "-p", SHORT, "-n", 2, "-q")),
            10, "another member")
        with echods(tb, nodes=[first], tcp=(SHORT,)):
            # A connection now and then would hold it there; so there is a pause between two.
            wait_until(lambda: owners(load(tb, "short", "-a", ALIAS, "-p", SHORT, "-n", 1, "-q")) ==
                {first: 1}, 20, "the member that is its own", step=1.5)


# ---- what goes out ----

def share(tb, node):
    """The ports of a member, once they are limited to its share."""
    first, last = (int(p) for p in sysctl(tb, node, "ip_local_port_range"))
    return range(first, last + 1) if last - first < 20000 else None


def test_out_alias(tb, mirror):
    shares = {n: share(tb, n) for n in NODES}
    assert len({p for s in shares.values() for p in s}) == sum(len(s) for s in shares.values())
    for node in NODES:
        for kind in ("tcp", "udp", "sendto"):
            for address, port in ask(tb, node, kind, 20):
                assert address == ALIAS and port in shares[node], (node, kind, address, port)
            # An address that the program chose stays.
            assert ask(tb, node, kind, 2, bound=tb.address(node))[0][0] == tb.address(node)


def peers(tb, port):
    """Addresses and ports of those who are connected to the port on the client machine."""
    done = tb.machine("c1").run(["ss", "-Htn", "state", "established", "sport", "=", ":%d" % port])
    return [tuple(line.split()[3].rsplit(":", 1)) for line in done.stdout.splitlines()]


EXHAUST = """
import errno, resource, socket, struct, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
kept, server = [], (sys.argv[1], int(sys.argv[2]))
def connect():
    s = socket.socket()
    # Closed at once, without a time of waiting.
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    kept.append(s)
    s.connect(server)
try:
    while len(kept) < 15000:
        connect()
except OSError as e:
    print(errno.errorcode[e.errno], len(kept) - 1, flush=True)
print(len({s.getsockname()[1] for s in kept[:-1]}), flush=True)
sys.stdin.readline()
for s in kept:
    s.close()
connect()
print(kept[-1].getsockname()[0])
"""


def test_a_share_is_used_up(tb, table):
    wait_until(lambda: all(share(tb, n) for n in NODES), 10, "all members to have their ports")
    size, other = len(share(tb, "n3")), "n1"
    with echods(tb, nodes=["c1"], tcp=(OUT,)):
        program = tb.machine("n3").popen(["/usr/bin/python3", "-I", "-c", EXHAUST, SERVER, str(OUT)], stdin=-1,
            stdout=-1, text=True)
        try:
            name, count = program.stdout.readline().split()
            assert name == "EADDRNOTAVAIL" and size - 100 <= int(count) <= size, (name, count, size)
            assert int(program.stdout.readline()) == int(count)
            # The others have theirs.
            load(tb, "conns", "-a", SERVER, "-p", OUT, "-n", 20, "-i", 100, "-d", 0.3, client=other)
            assert program.communicate("close\n", timeout=30)[0] == ALIAS + "\n"
        finally:
            end(program, signal.SIGKILL)
            program.wait(10)


def test_20000_connections(tb, table, figures):
    wait_until(lambda: all(share(tb, n) for n in NODES), 10, "all members to have their ports")
    with echods(tb, nodes=["c1"], tcp=(OUT,)), echods(tb, nodes=["c1"], tcp=(OUT,)):
        running = {n: Load(tb, "conns", "-a", SERVER, "-p", OUT, "-n", 6667, "-i", 8000, "-r", 1500, "-q",
            client=n) for n in NODES}
        wait_until(lambda: len(peers(tb, OUT)) == 20001, 60, "all connections to be open", step=0.5)
        seen = peers(tb, OUT)
        assert {address for address, _ in seen} == {ALIAS}
        assert len(set(seen)) == len(seen)
        # The master moves, with all of them open.
        old = master(tb)
        new = next(n for n in NODES if n != old)
        make_master(tb, new)
        give_up_master(tb, new)
        # A member loses power: those of the others go on.
        dead = next(n for n in NODES if n not in (old, new))
        tb.kill(dead)
        lost = running.pop(dead)
        wait_until(lambda: wait_master(tb) != dead, 10, "a master")
        accounts = {n: r.stop() for n, r in running.items()}
        with pytest.raises(Exception):
            lost.wait(1)
    for node, account in accounts.items():
        assert account["opened"] == account["answered"] == 6667, (node, account)
        assert account["broken"] == 0, (node, account)
        figures("%s: 6667 connections, longest wait %.0f ms" % (node, account["longest_ms"]))
    tb.start(dead)
    tb.wait_formed(20)


def is_answered(tb, node):
    try:
        return load(tb, "probe", "-a", SERVER, "-p", OUT, "-i", 2, "-d", 0.2, client=node)["received"] > 50
    except TestbedError:  # not once
        return False


def test_datagrams_from_the_alias_while_a_member_dies(tb, table, figures):
    """The one that answers for the alias loses power, and has its share again when it is back."""
    wait_until(lambda: all(share(tb, n) for n in NODES), 10, "all members to have their ports")
    shares, dead = {n: share(tb, n) for n in NODES}, master(tb)
    rest = [n for n in NODES if n != dead]
    with echods(tb, nodes=["c1"], tcp=(), udp=(OUT,)):
        running = {n: Load(tb, "probe", "-a", SERVER, "-p", OUT, "-i", 2, client=n) for n in rest}
        when = tb.kill(dead)
        wait_master(tb, but=dead)
        for node in rest:
            wait_until(lambda n=node: is_answered(tb, n), 10, "answers for " + node)
        accounts = {n: r.stop() for n, r in running.items()}
    for node, account in accounts.items():
        gap = max((g["ms"] for g in account["gaps"] if g["at_us"] / 1e3 + g["ms"] > when * 1e3), default=0)
        figures("%s: %d datagrams, %d answers, longest gap %.0f ms" % (node, account["sent"],
            account["received"], gap))
        # The socket that was open through it all has answers again.
        assert account["last_answer_us"] / 1e6 > when + gap / 1e3 and account["wrong"] == 0
    tb.start(dead)
    wait_until(lambda: {n: share(tb, n) for n in NODES} == shares, 10, "the same shares")


# Opens connections until there is an error; says which, and whether one goes when they are closed.
def test_no_more_out_alias(tb, mirror):
    for node in NODES:
        put(tb, node, SERVICES.replace("out_alias", "in_multi"))
    tb.machine("n3").run(["cluamgr", "-f"])
    for node in NODES:
        assert sysctl(tb, node, "ip_local_port_range") == ["32768", "60999"]
        assert ask(tb, node, "tcp")[0][0] == tb.address(node)
