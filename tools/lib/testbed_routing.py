# SPDX-License-Identifier: ISC
"""Routing daemons in the machines of a testbed: BIRD and FRR, with short timers, and what they know."""
import contextlib
import json
import os
import re
import signal

import testbed_etc
from testbed_error import wait_until

CLUSTER = {"profile": "lan", "join": ["cluamgr -a alias=DEFAULTALIAS,join",
    "cluamgr -a alias=%s,virtual=t,mask=255.255.255.0,join" % testbed_etc.VIRTUAL_ALIAS],
    "aliasd": 'resvok = true;\nn1:routing = "bird";\nn2:routing = "bird";\nn3:routing = "frr";\n'}
# The same with the protocols set up by aliasd, which leaves OSPF its usual timers.
WRITTEN = {**CLUSTER, "aliasd": CLUSTER["aliasd"] + 'routing_protocols = [ "ospf" ];\nrouting_bfd = true;\n'}
USUAL = (10, 40)
FRR_DAEMONS = ["zebra", "staticd", "ripd", "ospfd", "bfdd"]
# Until a router knows that a neighbour is dead: OSPF's own way, in seconds.
HELLO, DEAD = 1, 4
# Of real time: all machines share the processors of one, and BFD takes who gets none for half a second for dead.
PRIORITY = 1

BIRD_MEMBER = """\
log stderr all;
router id %(address)s;
protocol device { scan time 5; }
include "/run/clua-routes/bird*.conf";
protocol kernel { ipv4 { import none; export where proto != "clua"; }; }
"""

BIRD_ROUTER = """\
log stderr all;
router id %(address)s;
protocol device { scan time 5; }
protocol kernel { merge paths on; ipv4 { import none; export all; }; }
"""

# Half a second until a dead neighbour is noticed. RIP of BIRD has it from those it hears, and
# a member hears no router that has nothing to announce; RIP of FRR 8.4 does not have it at all.
BIRD_BFD = """\
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
	area 0 { interface "eth0" { hello %(hello)d; dead count %(count)d; wait 2; retransmit 2;
		rx buffer large; priority %(priority)d; bfd %(bfd)s; }; };
}
"""

FRR_OSPF = """\
router ospf
 ospf router-id %(address)s
%(redistribute)s timers throttle spf 10 50 200
exit
interface eth0
 ip ospf hello-interval %(hello)d
 ip ospf dead-interval %(dead)d
 ip ospf retransmit-interval 1
 ip ospf priority %(priority)d
 ip ospf area 0
exit
"""

FRR_OSPF_BFD = """\
bfd
 profile quick
  detect-multiplier 5
  transmit-interval 100
  receive-interval 100
 exit
exit
interface eth0
 ip ospf bfd
 ip ospf bfd profile quick
exit
"""

FRR_RIP = """\
router rip
 version 2
 network eth0
%(redistribute)s timers basic 5 11 5
%(ecmp)sexit
"""


def _values(tb, name, bfd, timers):
    router = name[0] == "r"
    hello, dead = timers
    return {"address": tb.cables(name)["eth0"][1].split("/")[0], "hello": hello, "dead": dead,
        "count": dead // hello, "take": "all" if router else "none", "priority": 10 if router else 0,
        "give": "none" if router else 'where proto = "clua"', "bfd": "yes" if bfd else "no",
        "ecmp": " allow-ecmp\n" if router else "",
        "redistribute": "" if router else " redistribute static route-map clua\n"}


def log(tb, name, daemon):
    return os.path.join(tb.dir, name, daemon + ".log")


def start_bird(tb, name, protocols, bfd=True, timers=(HELLO, DEAD)):
    """protocols: of "rip" and "ospf"; timers: hello and dead interval of OSPF, in seconds."""
    machine, values = tb.machine(name), _values(tb, name, bfd, timers)
    text = (BIRD_ROUTER if name[0] == "r" else BIRD_MEMBER) % values + (BIRD_BFD if bfd else "")
    text += "".join({"rip": BIRD_RIP, "ospf": BIRD_OSPF}[p] % values for p in protocols)
    machine.run(["sh", "-c", "mkdir -p /run/bird /run/clua-routes && chown bird:bird /run/bird"])
    os.makedirs(os.path.join(machine.etc, "bird"), exist_ok=True)
    os.chmod(os.path.join(machine.etc, "bird"), 0o755)
    testbed_etc.write(os.path.join(machine.etc, "bird"), "bird.conf", text)
    machine.spawn(["bird", "-f", "-u", "bird", "-g", "bird"], log(tb, name, "bird"), PRIORITY)
    wait_until(lambda: machine.run("birdc show status", check=False).returncode == 0, 10,
        "bird on %s" % name)


def start_frr(tb, name, protocols, bfd=True, timers=(HELLO, DEAD)):
    """As start_bird()."""
    machine, values = tb.machine(name), _values(tb, name, bfd, timers)
    text = "frr defaults traditional\nhostname %s\n" % name
    text += "".join({"rip": FRR_RIP, "ospf": FRR_OSPF}[p] % values for p in protocols)
    if bfd and "ospf" in protocols:
        text += FRR_OSPF_BFD
    machine.run(["sh", "-c", "mkdir -p /run/frr && chown frr:frr /run/frr"])
    forget_sockets(machine)
    testbed_etc.write(os.path.join(machine.etc, "frr"), "frr.conf", text)
    for daemon in FRR_DAEMONS:
        machine.spawn(["/usr/lib/frr/" + daemon, "-F", "traditional"], log(tb, name, daemon), PRIORITY)
        # Who does not find zebra looks for it again after ten seconds, and misses what happens till then.
        sockets = [daemon + ".vty"] + (["zserv.api"] if daemon == "zebra" else [])
        wait_until(lambda: all(os.path.exists("/proc/%d/root/run/frr/%s" % (machine.init_pid(), s))
            for s in sockets), 10, "%s on %s" % (daemon, name))
    machine.run("vtysh -b")


def start(tb, name, *args, kind=None, **kwargs):
    """The routing daemon of a machine, as CLUSTER has it; kind: "bird" or "frr" for a router."""
    frr = (kind or ("frr" if name == "n3" else "bird")) == "frr"
    (start_frr if frr else start_bird)(tb, name, *args, **kwargs)


def prepare_router(tb, name):
    """A Linux router chooses a way for each connection, not for each pair of addresses."""
    tb.machine(name).run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy"])


def forget_sockets(machine):
    """What a daemon that has ended left behind is not taken for the next one's."""
    machine.run(["sh", "-c", "rm -f /run/frr/*.vty /run/frr/zserv.api"])


def stop(tb, name, *daemons):
    """In order: what they said is taken back. Without daemons: all of them."""
    machine, daemons = tb.machine(name), daemons or ("bird", *FRR_DAEMONS)
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


def frr_routes(tb, name, protocol):
    """The same of FRR. Its RIP keeps each way only in the routing table, without its metric: None then."""
    done = tb.machine(name).run(["vtysh", "-c", "show ip route %s json" % protocol])
    names, table = {tb.address(n): n for n in tb.nodes()}, {}
    for destination, entries in json.loads(done.stdout or "{}").items():
        for entry in entries:
            for hop in entry["nexthops"]:
                if "ip" in hop:
                    table.setdefault(destination, {})[names.get(hop["ip"], hop["ip"])] = entry["metric"]
    return table


def bfd_up(tb, name):
    """The neighbours of a machine whose BFD session is up, as names."""
    names = {tb.address(n): n for n in tb.nodes() + ["r1"]}
    machine = tb.machine(name)
    if machine.daemon_pids("bird"):
        rows = [line.split() for line in machine.run("birdc show bfd sessions").stdout.splitlines()]
        return sorted(names[r[0]] for r in rows if len(r) > 2 and r[0] in names and r[2] == "Up")
    peers = json.loads(machine.run(["vtysh", "-c", "show bfd peers json"]).stdout or "[]")
    return sorted(names[p["peer"]] for p in peers if p["status"] == "up")


def _ask(tb, name, bird, frr):
    """What the routing daemon of a machine answers, whichever it is."""
    machine = tb.machine(name)
    argv = ["birdc", *bird.split()] if machine.daemon_pids("bird") else ["vtysh", "-c", frr]
    return machine.run(argv).stdout


def ospf_full(tb, name):
    """The neighbours with which a machine shares all that it knows by OSPF, as addresses."""
    text = _ask(tb, name, "show ospf neighbors", "show ip ospf neighbor")
    return set(re.findall(r"^([\d.]+) .*\bFull/", text, re.M))


def ospf_linked(tb, name):
    """Whom the network has, by what its designated router says and by what they say themselves, as addresses."""
    text = _ask(tb, name, "show ospf state", "show ip ospf database network")
    if "BIRD" in text:
        listed = re.findall(r"^\t\trouter (\S+)", text, re.M)
        said = re.findall(r"^\trouter (\S+)\n(?:\t\t.*\n)*?\t\tnetwork ", text, re.M)
    else:
        listed = re.findall(r"Attached Router: (\S+)", text)
        blocks = _ask(tb, name, "", "show ip ospf database router").split("LS age: ")
        said = [re.search(r"Advertising Router: (\S+)", b).group(1) for b in blocks if "a Transit Network" in b]
    return set(listed) & set(said)


def ospf_database(tb, name):
    """(id, who said it, which edition) of everything that a machine knows by OSPF."""
    text = _ask(tb, name, "show ospf lsadb", "show ip ospf database")
    return set(re.findall(r"^(?: 000\d +)?([\d.]+) +([\d.]+) +(?:\d+ 0x)?([0-9a-f]{8}) ", text, re.M))


def wait_settled(tb, router, nodes, bfd=True, timeout=60):
    """Until a router, the designated one of its network, has the routes of all nodes by OSPF to keep.

    That it has them is no sign of that: they may be RIP's, as long as OSPF has none at all; those of a member
    that was started anew may be what its earlier life said; and what made the router or the member lose sight
    of the other for a moment takes the routes away up to five seconds later, when they may speak again.
    """
    nodes, aliases = sorted(nodes), (testbed_etc.DEFAULT_ALIAS, testbed_etc.VIRTUAL_ALIAS)
    members = {tb.address(n) for n in nodes}

    def settled():
        known = ospf_database(tb, router)
        said = {(what, who) for what, who, _ in known}
        return (not bfd or bfd_up(tb, router) == nodes) and ospf_full(tb, router) == members and \
            ospf_linked(tb, router) == members | {tb.address(router)} and \
            all((alias, member) in said for alias in aliases for member in members) and \
            all(ospf_database(tb, n) == known for n in nodes) and \
            all(routes(tb, router, alias) == nodes for alias in aliases)
    wait_until(settled, timeout, "OSPF of %s to be settled with %s" % (router, " ".join(nodes)), step=0.05)
