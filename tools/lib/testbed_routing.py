# SPDX-License-Identifier: ISC
"""Routing daemons in the machines of a testbed: BIRD and FRR, with short timers, and what they know."""
import contextlib
import os
import signal

import testbed_etc
from testbed_error import wait_until

FRR_DAEMONS = ["zebra", "staticd", "ripd", "ospfd", "bfdd"]
# Until a router knows that a neighbour is dead: OSPF's own way, in seconds.
HELLO, DEAD = 1, 4

BIRD_MEMBER = """\
log stderr all;
router id %(address)s;
protocol device { scan time 5; }
include "/run/clua-routes/bird*.conf";
protocol kernel { ipv4 { import none; export where proto != "clua"; }; }
protocol bfd { interface "eth0" { min rx interval 100 ms; min tx interval 100 ms; multiplier 5; }; }
"""

BIRD_ROUTER = """\
log stderr all;
router id %(address)s;
protocol device { scan time 5; }
protocol kernel { merge paths on; ipv4 { import none; export all; }; }
protocol bfd { interface "eth0" { min rx interval 100 ms; min tx interval 100 ms; multiplier 5; }; }
"""

BIRD_RIP = """\
protocol rip rip1 {
	ipv4 { import %(take)s; export %(give)s; };
	interface "eth0" { version 2; update time 2; timeout time 6; garbage time 4; };
}
"""

BIRD_OSPF = """\
protocol ospf v2 ospf1 {
	ecmp yes; merge external yes;
	ipv4 { import %(take)s; export %(give)s; };
	area 0 { interface "eth0" { hello %(hello)d; dead count %(count)d; wait 2; rx buffer large;
		priority %(priority)d; bfd yes; }; };
}
"""

FRR_OSPF = """\
router ospf
 ospf router-id %(address)s
 redistribute static route-map clua
 timers throttle spf 10 50 200
exit
interface eth0
 ip ospf area 0
 ip ospf hello-interval %(hello)d
 ip ospf dead-interval %(dead)d
 ip ospf priority 0
 ip ospf bfd 5 100 100
exit
"""

FRR_RIP = """\
router rip
 version 2
 network eth0
 redistribute static route-map clua
 timers basic 5 15 10
exit
"""


def _values(tb, name):
    router = name[0] == "r"
    return {"address": tb.cables(name)["eth0"][1].split("/")[0], "hello": HELLO, "dead": DEAD,
        "count": DEAD // HELLO, "take": "all" if router else "none", "priority": 10 if router else 0,
        "give": "none" if router else 'where proto = "clua"'}


def log(tb, name, daemon):
    return os.path.join(tb.dir, name, daemon + ".log")


def start_bird(tb, name, protocols):
    """protocols: of "rip" and "ospf"."""
    machine, values = tb.machine(name), _values(tb, name)
    text = (BIRD_ROUTER if name[0] == "r" else BIRD_MEMBER) % values
    text += "".join({"rip": BIRD_RIP, "ospf": BIRD_OSPF}[p] % values for p in protocols)
    machine.run("mkdir -p /run/bird /run/clua-routes")
    os.makedirs(os.path.join(machine.etc, "bird"), exist_ok=True)
    testbed_etc.write(os.path.join(machine.etc, "bird"), "bird.conf", text)
    machine.spawn(["bird", "-f"], log(tb, name, "bird"))
    wait_until(lambda: machine.run("birdc show status", check=False).returncode == 0, 10,
        "bird on %s" % name)


def start_frr(tb, name, protocols):
    machine, values = tb.machine(name), _values(tb, name)
    text = "frr defaults traditional\nhostname %s\n" % name
    text += "".join({"rip": FRR_RIP, "ospf": FRR_OSPF}[p] % values for p in protocols)
    machine.run(["sh", "-c", "mkdir -p /run/frr && chown frr:frr /run/frr"])
    testbed_etc.write(os.path.join(machine.etc, "frr"), "frr.conf", text)
    for daemon in FRR_DAEMONS:
        machine.spawn(["/usr/lib/frr/" + daemon, "-F", "traditional"], log(tb, name, daemon))
        wait_until(lambda: os.path.exists("/proc/%d/root/run/frr/%s.vty" % (machine.init_pid(), daemon)),
            10, "%s on %s" % (daemon, name))
    machine.run("vtysh -b")


def stop(tb, name, *daemons):
    """In order: what they said is taken back."""
    machine = tb.machine(name)
    for daemon in daemons:
        for pid in machine.daemon_pids(daemon):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not any(machine.daemon_pids(d) for d in daemons), 10,
        "%s on %s to end" % (" ".join(daemons), name))


def routes(tb, name, destination):
    """The next hops that the kernel of a machine has for exactly this destination, as names of nodes."""
    done = tb.machine(name).run(["ip", "route", "show", "exact", destination])
    names = {tb.address(n): n for n in tb.nodes()}
    words = done.stdout.split()
    return sorted(names.get(b, b) for a, b in zip(words, words[1:]) if a == "via")


def wait_routes(tb, name, destination, nodes, timeout=30):
    wait_until(lambda: routes(tb, name, destination) == sorted(nodes), timeout,
        "routes of %s to %s by %s" % (name, destination, " ".join(nodes) or "nobody"), step=0.05)


def bird_routes(tb, name, protocol):
    """Destination -> node -> its metric, as BIRD on a machine has learned it by a protocol."""
    done = tb.machine(name).run(["birdc", "show", "route", "all", "protocol", protocol])
    names, table, destination, via = {tb.address(n): n for n in tb.nodes()}, {}, None, []
    for line in done.stdout.splitlines():
        words = line.split()
        if "unicast" in words:
            destination = words[0] if line[0] != " " else destination
            via = []
        elif words[:1] == ["via"]:
            via.append(names.get(words[1], words[1]))
        elif words[:1] in (["RIP.metric:"], ["OSPF.metric2:"]):
            for node in via:
                table.setdefault(destination, {})[node] = int(words[1])
    return table
