#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""announce.py [age|rate|join]: what it takes to tell all members who owns which connection. Lines of JSON.

For rate and join the connections are made up: a program tells the owner's aliasd of them in the words of the
kernel's (owners.c), and from there on all is real: three members, their daemons, their links and their tables.

  age   real connections, each until the router's table has it: how old it is then; alone, and beside BESIDE short
        ones a second
  rate  RATE connections a second that last LIFE ms each, for SECONDS: the share of a CPU that each daemon
        takes, and how many connections the routers hold at the end and after it
  join  two members own FLOWS connections together, the third one joins: from its first view to its holding
        all of them, which makes it eligible; beside it, the same number written into a table alone
"""
import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, "tools", "lib"))
sys.dont_write_bytecode = True

import testbed_build  # noqa: E402
from testbed import DAEMONS, Testbed  # noqa: E402
from testbed_error import wait_until  # noqa: E402
from testbed_load import ALIAS, ECHO, Load, echods, wait_listening  # noqa: E402
from testbed_status import status  # noqa: E402

AGES, OWNERS, PKTCOST = (os.path.join(os.path.abspath(testbed_build.default_dir()), "tests", "bench", name)
    for name in ("ages", "owners", "pktcost"))
PORT = 7000
RATES, LIFE, SECONDS = (10000, 100000), 200, 5
FLOWS = 1000000
AGES_OF, BESIDE = 1000, (0, 2000)


def pids(tb):
    found = {(n, d): tb.machine(n).daemon_pids(d) for n in tb.nodes() for d in DAEMONS}
    return {key: pid[0] for key, pid in found.items() if pid}


def cpu_seconds(processes):
    used = {}
    for key, pid in processes.items():
        with open("/proc/%d/schedstat" % pid) as f:
            used[key] = int(f.read().split()[0]) / 1e9
    return used


def owners(tb, node, first, count, rate, life):
    return tb.machine(node).popen([OWNERS, ALIAS, *(str(n) for n in (PORT, first, count, rate, life))],
        stdout=subprocess.PIPE)


def told(proc, timeout=60):
    out, _ = proc.communicate(timeout=timeout)
    if proc.returncode != 0:
        raise SystemExit("owners: exit status %d" % proc.returncode)
    return json.loads(out)


def flows(tb, node):
    """Owner -> its connections, as this member has them in its table."""
    return {n["name"]: n["flows"] for n in status(tb, node)["nodes"]}


def wait_flows(tb, expect):
    for node in tb.nodes():
        if tb.machine(node).daemon_pids("aliasd"):
            wait_until(lambda: flows(tb, node) == expect, 20, "%s to hold %s" % (node, expect), step=0.2)


def multicasts(tb, node):
    """Messages of its port that gabd has had from the others."""
    return json.loads(tb.machine(node).run("gabconfig -j").stdout)["counters"]["unicasts"]


def rate_of(tb, rate):
    processes = pids(tb)
    idle = cpu_seconds(processes)
    time.sleep(2)
    idle = {key: (value - idle[key]) / 2 for key, value in cpu_seconds(processes).items()}
    before, messages = cpu_seconds(processes), multicasts(tb, "n1")
    account = told(owners(tb, "n2", 0, rate * SECONDS, rate, LIFE))
    wait_flows(tb, {n: 0 for n in tb.nodes()})
    seconds = account["seconds"]
    shares = {}
    for (node, daemon), value in cpu_seconds(processes).items():
        shares.setdefault(node, {})[daemon] = round((value - before[node, daemon]) / seconds, 3)
    return {"connections_per_second": round(account["told"] / seconds), "asked": rate,
        "waits": account["waits"], "messages_per_second": round((multicasts(tb, "n1") - messages) / seconds),
        "cpus": shares, "cpus_in_all": round(sum(sum(s.values()) for s in shares.values()), 3),
        "cpus_in_all_idle": round(sum(idle.values()), 3)}


def ages(tb, beside):
    """Of connections of two members, as the third one hears of them."""
    files, interfaces = tb.machine("n1").init_pid(), tb.machine("c1").init_pid()
    with echods(tb, ["n2", "n3"]):
        wait_listening(tb, ECHO, ["n2", "n3"])
        other = Load(tb, "short", "-a", ALIAS, "-p", ECHO, "-c", 50, "-r", beside, "-q") if beside else None
        done = subprocess.run(["nsenter", "--mount=/proc/%d/ns/mnt" % files, "--net=/proc/%d/ns/net" % interfaces,
            AGES, ALIAS, str(ECHO), str(AGES_OF)], stdout=subprocess.PIPE, check=True)
        if other:
            other.stop()
    return {"beside": beside, **json.loads(done.stdout)}


def said(tb, node, text):
    """When its aliasd said so, last."""
    with open(tb.log(node, "aliasd")) as f:
        lines = [line for line in f if re.search(text, line)]
    return datetime.fromisoformat(lines[-1][:23]).timestamp() if lines else 0


def floor():
    done = subprocess.run([PKTCOST, "loading"], stdout=subprocess.PIPE, check=True)
    row = next(r for r in map(json.loads, done.stdout.splitlines()) if r["name"] == "loading flows")
    return row["seconds"] * FLOWS / row["flows"]


def join(tb):
    for pid in tb.machine("n3").daemon_pids("aliasd"):
        os.kill(pid, 9)
    half = FLOWS // 2
    expect = {"n1": half, "n2": half, "n3": 0}
    for feed in [owners(tb, node, i * half, half, 100000, 0) for i, node in enumerate(("n1", "n2"))]:
        told(feed)
    wait_flows(tb, expect)
    processes = pids(tb)
    before = cpu_seconds(processes)
    started = time.time()
    tb.start_daemon("n3", "aliasd")
    wait_until(lambda: said(tb, "n3", "all members' connections are known") > started, 60,
        "n3 to know all connections", step=0.1)
    used = {"%s %s" % key: value - before.get(key, 0) for key, value in cpu_seconds(pids(tb)).items()}
    wait_flows(tb, expect)
    seconds = said(tb, "n3", "all members' connections are known") - said(tb, "n3", r"view \d+:")
    return {"flows": FLOWS, "seconds": round(seconds, 3), "table_alone_seconds": round(floor(), 3),
        "cpu_seconds": {key: round(value, 3) for key, value in used.items()}}


def main():
    what = sys.argv[1:] or ["age", "rate", "join"]
    tb = Testbed("bann%d" % os.getpid())
    try:
        tb.up(make=False, nodes=3, profile="lan")
        if "age" in what:
            for beside in BESIDE:
                print(json.dumps(ages(tb, beside)), flush=True)
        if "rate" in what:
            for rate in RATES:
                print(json.dumps(rate_of(tb, rate)), flush=True)
        if "join" in what:
            print(json.dumps(join(tb)), flush=True)
    finally:
        tb.down()


main()
