#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""net_ratios.py [ROUNDS]: what the alias costs on the wire, each figure as a ratio within one run. JSON.

Three ways to the same server on n2, in turn, ROUNDS times:
  member  its own address
  bare    an address that a minimal TC program on n1 redirects to it
  alias   the cluster alias, n1 being the router
"""
import json
import os
import statistics
import subprocess
import sys
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, "tools", "lib"))

from testbed import Testbed  # noqa: E402
from testbed_error import wait_until  # noqa: E402
from testbed_load import ALIAS, ECHO, echods, end, load, wait_listening, wait_master  # noqa: E402
from testbed_net import mac_of  # noqa: E402

BARE = "10.1.0.98"
ROUTER, SERVER = "n1", "n2"
SECONDS = 3


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


def bits_per_second(tb, address):
    done = tb.machine("c1").run(["iperf3", "-c", address, "-t", str(SECONDS), "-J"])
    return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]


def measure(tb, ways, rounds, what):
    """way -> what each round found; the ways take turns, so that what disturbs one disturbs all."""
    found = {way: [] for way in ways}
    for _ in range(rounds):
        for way, address in ways.items():
            found[way].append(what(tb, address))
    return found


def ratio(found, way, to):
    """The median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(found[way], found[to]))


def medians(found):
    return {way: statistics.median(values) for way, values in found.items()}


def bench(tb, rounds, with_alias):
    ways = {"member": tb.address(SERVER), "bare": BARE}
    if with_alias:
        ways["alias"] = ALIAS
        wait_listening(tb, ECHO, [SERVER])
        wait_until(lambda: wait_master(tb) == ROUTER, 10, "%s to be the router" % ROUTER)
    server = tb.machine(SERVER).popen(["iperf3", "-s"], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        connections = measure(tb, ways, rounds, per_second)
        stream = measure(tb, ways, rounds, bits_per_second)
    finally:
        end(server)
    result = {"connections_per_second": medians(connections), "bits_per_second": medians(stream)}
    for way in ways:
        result["connections_%s_to_member" % way] = ratio(connections, way, "member")
        result["stream_%s_to_member" % way] = ratio(stream, way, "member")
    if with_alias:
        result["connections_alias_to_bare"] = ratio(connections, "alias", "bare")
    return result


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    bare = os.environ.get("BENCH_BARE_ONLY") is not None
    tb = Testbed("bench%d" % os.getpid())
    try:
        tb.up(nodes=3, daemons=[] if bare else None, join=["n1:cluamgr -a alias=DEFAULTALIAS,join,rpri=50",
            "n2:cluamgr -a alias=DEFAULTALIAS,join", "n3:cluamgr -a alias=DEFAULTALIAS,join"])
        install_bare(tb)
        with echods(tb, [SERVER]):
            print(json.dumps(bench(tb, rounds, not bare), indent=1))
    finally:
        tb.down()


main()
