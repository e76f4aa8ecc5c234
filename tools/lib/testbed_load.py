# SPDX-License-Identifier: ISC
"""What a client of the testbed does: load, servers, and questions to the cluster."""
import contextlib
import json
import os
import signal
import subprocess
import time

import testbed_etc
from testbed_build import TREE
from testbed_error import TestbedError, wait_until
from testbed_net import mac_of

ALIAS, ALIAS2 = testbed_etc.DEFAULT_ALIAS, testbed_etc.SECOND_ALIAS
ECHO, SINGLE = 7000, 7100
PACKETS = os.path.join(TREE, "tests/net/packets.py")
# Above this computer's other work, below the daemons. What takes as much time as it gets must not have a
# real-time priority: who uses up what the kernel allows to all such processes stops the heartbeats too.
EAGER, PUNCTUAL = ["nice", "-n", "-15"], ["chrt", "-r", "20"]


def end(proc, signo=signal.SIGINT):
    """Signals the program inside the machine; proc itself is the nsenter that waits for it."""
    try:
        with open("/proc/%d/task/%d/children" % (proc.pid, proc.pid)) as f:
            children = [int(pid) for pid in f.read().split()]
    except FileNotFoundError:
        children = []
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signo)


class Program:
    """A program in a machine that says "ready" on its first line."""

    def __init__(self, tb, machine, argv):
        greedy = argv[0] == "loadgen" and argv[1] in ("blast", "flood", "short")
        scheduling = EAGER if greedy else PUNCTUAL
        # Unbuffered: communicate() shall find all that comes after the first line.
        self.proc = tb.machine(machine).popen([*scheduling, *argv],
            stdout=subprocess.PIPE, bufsize=0)
        line = self.proc.stdout.readline()
        if line != b"ready\n":
            raise TestbedError("%s: %s said %r" % (machine, argv, line))

    def stop(self, signo=signal.SIGTERM):
        end(self.proc, signo)
        self.proc.wait(10)
        self.proc.stdout.close()


class Load(Program):
    """A running loadgen."""

    def __init__(self, tb, *args, client="c1"):
        super().__init__(tb, client, ["loadgen", *[str(a) for a in args]])

    def wait(self, timeout=120):
        out, _ = self.proc.communicate(timeout=timeout)
        return json.loads(out)

    def stop(self):
        end(self.proc)
        return self.wait(20)


def load(tb, *args, client="c1", timeout=120):
    """loadgen from beginning to end; its account."""
    return Load(tb, *args, client=client).wait(timeout)


def owners(account):
    return {o["name"]: o["count"] for o in account["owners"]}


def echod(tb, node, tcp=(ECHO,), udp=()):
    argv = ["echod", "-n", node]
    for port in tcp:
        argv += ["-t", str(port)]
    for port in udp:
        argv += ["-u", str(port)]
    return Program(tb, node, argv)


@contextlib.contextmanager
def echods(tb, nodes=None, tcp=(ECHO,), udp=()):
    """Servers on several nodes; node -> Program. What died with its node needs no end."""
    programs = {n: echod(tb, n, tcp, udp) for n in nodes or tb.running_nodes()}
    try:
        yield programs
    finally:
        for program in programs.values():
            if program.proc.poll() is None:
                program.stop()


def by_hand(tb, nodes, what, *args):
    """
    packets.py handshake or twice, on c1, from an address that no kernel answers for, where these nodes find it.
    """
    nobody = "10.1.0.150"
    for node in nodes:
        tb.machine(node).run("ip neigh replace %s lladdr %s dev eth0" % (nobody, mac_of("c", 1, "eth0")))
    return tb.machine("c1").popen(["/usr/bin/python3", "-B", PACKETS, what, "eth0", ALIAS, str(ECHO), nobody,
        *[str(a) for a in args]], stdin=-1, stdout=-1, bufsize=0)


# ---- nginx ----

NGINX_CONF = """\
worker_processes 1;
worker_rlimit_nofile 16384;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
events { worker_connections 8192; }
http {
    access_log /var/log/nginx/access.log;
    server {
        listen 80 backlog=4096;
        location / { return 200 "$hostname\\n"; }
    }
}
"""


def nginx_start(tb, node):
    machine = tb.machine(node)
    testbed_etc.write(os.path.join(machine.etc, "nginx"), "nginx.conf", NGINX_CONF)
    machine.run("nginx")


def nginx_stop(tb, node):
    """At once, as when it dies; the time at which it was gone."""
    machine = tb.machine(node)
    for pid in machine.daemon_pids("nginx"):
        with contextlib.suppress(ProcessLookupError):  # the master may have told it already
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not machine.daemon_pids("nginx"), 10, "nginx on %s to end" % node, step=0.001)
    return time.monotonic()


def nginx_requests(tb, node):
    """Lines in its access log."""
    with open(os.path.join(tb.machine(node).logs, "nginx", "access.log")) as f:
        return sum(1 for _ in f)


# ---- questions ----

def wait_listening(tb, port, nodes, alias=ALIAS, proto="tcp", client="c1"):
    """Until connections to the port arrive at exactly these nodes."""
    def right():
        account = load(tb, "short", "-a", alias, "-p", port, "-n", 4 * max(1, len(nodes)), "-q",
            client=client)
        return set(owners(account)) == set(nodes)
    wait_until(right, 10, "port %d to be served by %s" % (port, " ".join(nodes)))


def arp_answers(tb, address=ALIAS, client="c1"):
    """Names of the nodes that answer an ARP request, one for every answer."""
    done = tb.machine(client).run(["/usr/bin/python3", "-I", tb.tool("testbed_arp.py"), "eth0",
        address])
    names = {mac_of("n", int(n[1:]), "eth0"): n for n in tb.nodes()}
    return [names.get(mac, mac) for mac in done.stdout.split()]


def master(tb, address=ALIAS):
    """The one node that answers ARP for the address."""
    answers = arp_answers(tb, address)
    assert len(answers) == 1, "ARP answers for %s from: %s" % (address, answers or "nobody")
    return answers[0]


def wait_master(tb, address=ALIAS, but=None, timeout=10):
    def one():
        answers = arp_answers(tb, address)
        return answers[0] if len(answers) == 1 and answers[0] != but else None
    return wait_until(one, timeout, "one master of %s" % address)


def monotonic_ms(account_us, when):
    """Milliseconds from when (time.monotonic()) to a time of an account."""
    return account_us / 1e3 - when * 1e3
