#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""net_ratios.py [--rps] [ROUNDS [FIGURE…]]: what the alias costs on the wire, as ratios within one run. JSON.

Figures: connections (short ones per second), requests (wrk and nginx: 1 KiB, a new connection each), datagrams
(of 10 bytes, one way), up and down (bits per second of one stream); all of them if none is named.

Three ways to the same server on n2, in turn, each time beginning with another, ROUNDS times (20):
  member  its own address
  bare    an address that a minimal TC program on n1 redirects to it
  alias   the cluster alias, n1 being the router
The client has a processor of its own, and the server: where the scheduler would put them from round to round makes
more of a difference than what is looked for. What packets cost their router and their receiver the kernel does on
the sender's processor, which limits one stream up; with --rps (receive packet steering) client and server receive
on their own, as machines do, and only the router's part stays with the sender.
Of each way the median; of each ratio the mean of the rounds' own, its standard error, and the ratio of the medians.

Of the alias's connections also what the daemons of all members take to announce them: CPU time of each, and
its share of a CPU at 100,000 a second.
"""
import contextlib
import json
import math
import os
import re
import statistics
import subprocess
import sys
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, "tools", "lib"))

from testbed import Testbed  # noqa: E402
from testbed_error import wait_until  # noqa: E402
from testbed_load import ALIAS, ECHO, NGINX_CONF, Load, Program, echod, end, load, wait_listening, \
    wait_master  # noqa: E402
from testbed_net import mac_of  # noqa: E402

BARE = "10.1.0.98"
ROUTER, SERVER = "n1", "n2"
SECONDS = 1
SINK = 7001
DAEMONS = ("lltd", "gabd", "aliasd")
CPUS = sorted(os.sched_getaffinity(0))
OF_CLIENT, OF_SERVER = CPUS[0], CPUS[-1]


@contextlib.contextmanager
def on(cpu):
    """What is started meanwhile stays there."""
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, CPUS)


def receive_on(tb, machine, cpu):
    tb.machine(machine).run(["sh", "-c", "for q in /sys/class/net/*/queues/rx-*/rps_cpus; do echo %x >$q || exit 1; "
        "done" % (1 << cpu)])


def c_bytes(mac):
    return ",".join("0x" + byte for byte in mac.split(":"))


def install_bare(tb):
    """BARE is an address of the server; the router redirects to it over ic0; the client knows no better."""
    router, server, client = (tb.machine(m) for m in (ROUTER, SERVER, "c1"))
    ifindex = router.run("cat /sys/class/net/ic0/ifindex").stdout.strip()
    address = int.from_bytes(bytes(int(b) for b in BARE.split(".")), "little")
    program = os.path.join(tb.dir, "redirect_all.o")
    macs = [mac_of("n", int(n[1:]), "ic0") for n in (SERVER, ROUTER)]
    multiarch = subprocess.run(["gcc", "-print-multiarch"], text=True, capture_output=True).stdout.strip()
    subprocess.run(["clang", "--target=bpf", "-O2", "-g", "-c", "-o", program,
        "-idirafter", "/usr/include/" + multiarch, "-DADDRESS=%d" % address, "-DIFINDEX=" + ifindex,
        "-DDST=" + c_bytes(macs[0]), "-DSRC=" + c_bytes(macs[1]),
        os.path.join(TREE, "tests/bench/redirect_all.bpf.c")], check=True)
    with open(program, "rb") as f:
        inside = os.path.join(router.etc, "redirect_all.o")
        with open(inside, "wb") as copy:
            copy.write(f.read())
    router.run("tc qdisc add dev eth0 clsact", check=False)
    router.run("tc filter add dev eth0 ingress pref 1 bpf da obj /etc/redirect_all.o sec classifier")
    server.run("ip addr add %s/32 dev lo" % BARE)
    for knob in ("all", "ic0"):
        server.run(["sh", "-c", "echo 0 >/proc/sys/net/ipv4/conf/%s/rp_filter" % knob])
    client.run("ip neigh replace %s lladdr %s dev eth0" % (BARE, mac_of("n", int(ROUTER[1:]), "eth0")))


def per_second(tb, address):
    return load(tb, "short", "-a", address, "-p", ECHO, "-c", 16, "-d", SECONDS, "-q", "-z")["per_second"]


def bits_per_second(tb, address, *options):
    done = tb.machine("c1").run(["iperf3", "-c", address, "-t", str(SECONDS), "-J", *options])
    return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]


def datagrams_per_second(tb, address):
    """Those that the server got; the client sends as many as it can."""
    with on(OF_SERVER):
        sink = Program(tb, SERVER, ["echod", "-n", SERVER, "-c", str(SINK)])
    if address == ALIAS:
        time.sleep(0.3)  # UDP sockets are looked for now and then
    load(tb, "blast", "-a", address, "-p", SINK, "-r", 1000000, "-n", 1000000 * SECONDS, "-d", SECONDS, "-o")
    end(sink.proc)
    return int(sink.proc.communicate(timeout=10)[0]) / SECONDS


def requests_per_second(tb, address):
    done = tb.machine("c1").run(["wrk", "-t", "1", "-c", "32", "-d", "%ds" % SECONDS, "-H", "Connection: close",
        "http://%s/" % address])
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))


FIGURES = {
    "connections": per_second,
    "requests": requests_per_second,
    "datagrams": datagrams_per_second,
    "up": bits_per_second,
    "down": lambda tb, address: bits_per_second(tb, address, "-R"),
}


def measure(tb, ways, rounds, what):
    """way -> what each round found; the ways take turns, so that what disturbs one disturbs all."""
    found = {way: [] for way in ways}
    turns = list(ways)
    for _ in range(rounds):
        for way in turns:
            with on(OF_CLIENT):
                found[way].append(what(tb, ways[way]))
        turns.append(turns.pop(0))
    return found


def ratio(values, floor):
    rounds = [v / f for v, f in zip(values, floor)]
    error = statistics.stdev(rounds) / math.sqrt(len(rounds)) if len(rounds) > 1 else None
    return {"mean": statistics.mean(rounds), "standard_error": error,
        "of_medians": statistics.median(values) / statistics.median(floor)}


def cpu_seconds(tb):
    """Of our daemons, in all members together."""
    used = dict.fromkeys(DAEMONS, 0.0)
    for node in tb.nodes():
        for daemon in DAEMONS:
            for pid in tb.machine(node).daemon_pids(daemon):
                with open("/proc/%d/stat" % pid) as f:
                    fields = f.read().rpartition(")")[2].split()
                used[daemon] += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def announcing(tb):
    """What the members take for connections that last so long that they have to be announced."""
    before = cpu_seconds(tb)
    conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 9000, "-r", 9000, "-i", 1000)
    time.sleep(1)
    conns.stop()
    after = cpu_seconds(tb)
    before_short = cpu_seconds(tb)
    account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-c", 64, "-d", 3, "-q", "-z")
    after_short = cpu_seconds(tb)
    short = account["connections"]
    each = {d: (after_short[d] - before_short[d]) / short * 1e6 for d in DAEMONS}
    return {"lasting_us_each": {d: (after[d] - before[d]) / 9000 * 1e6 for d in DAEMONS},
        "short_us_each": each, "short_per_second": account["per_second"],
        "short_cpus_at_100000_per_second": sum(each.values()) / 10}


def bench(tb, rounds, with_alias, names):
    ways = {"member": tb.address(SERVER), "bare": BARE}
    if with_alias:
        ways["alias"] = ALIAS
        wait_listening(tb, ECHO, [SERVER])
        wait_until(lambda: wait_master(tb) == ROUTER, 10, "%s to be the router" % ROUTER)
    machine = tb.machine(SERVER)
    os.makedirs(os.path.join(machine.etc, "nginx"), exist_ok=True)
    with open(os.path.join(machine.etc, "nginx", "nginx.conf"), "w") as f:
        f.write(NGINX_CONF.replace("$hostname\\n", "x" * 1024).replace("/var/log/nginx/access.log", "off"))
    with on(OF_SERVER):
        machine.run("nginx")
        server = machine.popen(["iperf3", "-s"], stdout=subprocess.DEVNULL)
    result = {}
    try:
        time.sleep(1)
        for name in names or FIGURES:
            found = measure(tb, ways, rounds, FIGURES[name])
            result[name] = {way: statistics.median(values) for way, values in found.items()}
            result[name]["bare_to_member"] = ratio(found["bare"], found["member"])
            if with_alias:
                result[name]["alias_to_member"] = ratio(found["alias"], found["member"])
                result[name]["alias_to_bare"] = ratio(found["alias"], found["bare"])
            print(name, json.dumps(result[name]), file=sys.stderr, flush=True)
        if with_alias and not names:
            result["announcing"] = announcing(tb)
    finally:
        end(server)
    return result


def main():
    args = [a for a in sys.argv[1:] if a != "--rps"]
    rounds = int(args[0]) if args else 20
    bare = os.environ.get("BENCH_BARE_ONLY") is not None
    tb = Testbed("bench%d" % os.getpid())
    try:
        tb.up(nodes=3, daemons=[] if bare else None, join=["n1:cluamgr -a alias=DEFAULTALIAS,join,rpri=50",
            "n2:cluamgr -a alias=DEFAULTALIAS,join", "n3:cluamgr -a alias=DEFAULTALIAS,join"])
        install_bare(tb)
        if "--rps" in sys.argv:
            receive_on(tb, SERVER, OF_SERVER)
            receive_on(tb, "c1", OF_CLIENT)
        with on(OF_SERVER):
            server = echod(tb, SERVER)
        print(json.dumps(bench(tb, rounds, not bare, args[1:]), indent=1))
        server.stop()
    finally:
        tb.down()


main()
