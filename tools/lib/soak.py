# SPDX-License-Identifier: ISC
"""Long runs: power cuts, fuzzing, simulation."""
import argparse
import glob
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import chaos as chaos_lib
import moves
import testbed_build
import testbed_routing
from old_kernel import OldKernel
from route_cuts import RouteCuts
from testbed import Testbed
from testbed_cuts import CUT_JOIN, Cut
from testbed_error import TestbedError
from testbed_load import master
from testbed_machine import require_root

SIMULATOR = "tests/sim/gabsim"
SEEDS = 20  # of one run of it
WORK = os.path.join(testbed_build.TREE, "build-test")


def seconds(text):
    """"90", "90s", "10m", "2h"."""
    found = re.fullmatch(r"(\d+)([smh]?)", text)
    if not found:
        raise TestbedError("not a time: %s (90s, 10m, 2h)" % text)
    return int(found.group(1)) * {"": 1, "s": 1, "m": 60, "h": 3600}[found.group(2)]


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- power cuts ----

def spread(values):
    return {"p50": statistics.median(values), "max": max(values), "all": [round(v, 1) for v in values]}


def cuts(argument):
    count = int(argument or 20)
    require_root()
    tb = Testbed("soak%d" % os.getpid())
    accounts = []
    try:
        tb.up(join=CUT_JOIN)
        for i in range(count):
            account = Cut(tb, master(tb)).run()
            say("%2d: %s" % (i + 1, account.text()))
            accounts.append(account)
            tb.start(account.dead)
    finally:
        tb.down()
    broken = sum(len(a.broken_survivors) for a in accounts)
    not_reset = sum(len(a.unaccounted_dead) for a in accounts)
    return {"cuts": count, "broken_survivors": broken, "not_reset": not_reset,
        "gap_ms": spread([a.gap_ms for a in accounts]),
        "longest_wait_ms": spread([a.longest_ms for a in accounts]),
        "ok": broken == 0 and not_reset == 0}


# ---- chaos ----

def chaos(argument, seed):
    """argument: how many events, or a time with its unit."""
    require_root()
    amount = {"events": int(argument or 200)} if (argument or "200").isdigit() else \
        {"seconds": seconds(argument)}
    seed = int(time.time()) if seed is None else seed
    say("seed %d" % seed)
    tb = Testbed("chaos%d" % os.getpid())
    try:
        tb.up(**chaos_lib.CLUSTER)
        result = chaos_lib.Chaos(tb, seed, say=say).run(**amount)
        if os.environ.get("CHAOS_LOGS"):
            shutil.copytree(tb.dir, os.environ["CHAOS_LOGS"], dirs_exist_ok=True, symlinks=True,
                ignore=lambda folder, names: [n for n in names if n in ("etc", "log")])
    finally:
        tb.down()
    return {"seed": seed, **result}


# ---- moves of the ARP master ----

def move(argument):
    """At 50,000 datagrams a second."""
    require_root()
    tb = Testbed("move%d" % os.getpid())
    try:
        tb.up(**moves.CLUSTER)
        return moves.Moves(tb, int(os.environ.get("SOAK_RATE", 50000)), seconds(argument or "10")).run()
    finally:
        tb.down()


# ---- routers ----

def routes(argument):
    """Every protocol with every router."""
    require_root()
    results = []
    for written, cluster in ((False, testbed_routing.CLUSTER), (True, testbed_routing.WRITTEN)):
        tb = Testbed("routes%d" % os.getpid())
        try:
            tb.up(**cluster)
            results += RouteCuts(tb, say, written).all(int(argument or 1))
        finally:
            tb.down()
    return {"cuts": results, "ok": all(r["ok"] for r in results)}


# ---- fuzzing ----

def fuzz_one(program, corpus, limit, scratch):
    """Runs one target in scratch; what libFuzzer says of it."""
    name = os.path.basename(program)
    grown = os.path.join(scratch, name)
    os.makedirs(grown)
    done = subprocess.run(["nice", program, "-max_total_time=%d" % limit, "-print_final_stats=1",
        "-artifact_prefix=%s/" % os.path.join(WORK, name + "-"), grown, corpus], text=True,
        errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    runs = re.search(r"stat::number_of_executed_units:\s+(\d+)", done.stdout)
    covered = re.findall(r"cov: (\d+)", done.stdout)
    if done.returncode != 0:
        say(done.stdout[-4000:])
    return {"target": name, "runs": int(runs.group(1)) if runs else 0,
        "coverage": int(covered[-1]) if covered else 0, "ok": done.returncode == 0}


def fuzz(argument):
    limit = seconds(argument or "10m")
    folder = os.path.join(WORK, "fuzz")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "build.log"), "a") as log:
        def run(*command):
            if subprocess.run(command, cwd=folder, stdout=log, stderr=log).returncode != 0:
                raise TestbedError("building failed; see %s" % log.name)
        if not os.path.exists(os.path.join(testbed_build.TREE, "configure")):
            subprocess.run(["./autogen.sh"], cwd=testbed_build.TREE, stdout=log, stderr=log)
        if not os.path.exists(os.path.join(folder, "Makefile")):
            run(os.path.join(testbed_build.TREE, "configure"), "CC=clang", "--enable-fuzzers",
                "--enable-sanitizers")
        names = sorted(os.path.basename(s)[:-2] for s in
            glob.glob(os.path.join(testbed_build.TREE, "tests/fuzz/fuzz_*.c")))
        run("make", "-s", "-j%d" % (os.cpu_count() or 1), *["tests/fuzz/" + n for n in names])
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            corpus = os.path.join(testbed_build.TREE, "tests/fuzz/corpus", name[len("fuzz_"):])
            results.append(fuzz_one(os.path.join(folder, "tests/fuzz", name), corpus, limit, scratch))
            say("%(target)s: %(runs)d runs, coverage %(coverage)d, ok %(ok)s" % results[-1])
    return {"seconds_each": limit, "targets": results,
        "ok": bool(results) and all(r["ok"] for r in results)}


# ---- simulation ----

def sim(argument):
    """One seed after the other; what gabsim counts is added up."""
    limit = seconds(argument or "10m")
    build = testbed_build.default_dir()
    testbed_build.build(build, targets=[SIMULATOR])
    program = os.path.join(build, SIMULATOR)
    end, total = time.monotonic() + limit, {}
    first = seed = int(time.time())
    while time.monotonic() < end:
        done = subprocess.run(["nice", program, "--seed", str(seed), "--seeds", str(SEEDS)], text=True,
            capture_output=True)
        counts = json.loads(done.stdout.strip().splitlines()[-1]) if done.stdout.strip() else {}
        for key, value in counts.items():
            if isinstance(value, (int, float)) and key not in ("schema", "first_seed"):
                total[key] = total.get(key, 0) + value
        if done.returncode != 0:
            say(done.stdout + done.stderr)
            return {"from_seed": first, "failed_in": [seed, seed + SEEDS - 1], **total, "ok": False}
        seed += SEEDS
    return {"from_seed": first, **total, "ok": True}


# ---- the oldest kernel ----

# What waits for a daemon to be back within seconds waits in vain: loading the programs takes ten, emulated.
KERNEL_TESTS = ("local_clients", "untold", "drain", "one_nic")
KERNEL_SCRIPT = """cd %(build)s/tests/bpf
for t in *_test; do
	[ -x $t ] || continue
	./$t >/result/$t.log 2>&1
	echo $t $? $(grep -o '^[0-9]*%%: .*' /result/$t.log)
done
cd %(tree)s
export CLUA_BUILD=%(build)s
for t in %(tests)s; do
	/usr/bin/python3 -B -m pytest -p no:cacheprovider -q -m "not timing" tests/net/test_$t.py >/result/$t.log 2>&1
	echo $t $? $(tail -n 1 /result/$t.log)
done
"""


def kernel(argument):
    """TIME: how long all of it may take."""
    require_root()
    build = testbed_build.default_dir()
    testbed_build.build(build)
    testbed_build.build(build, targets=["check", "TESTS="])
    vm = OldKernel(os.path.join(WORK, "kernel"))
    say("Linux %s; logs in %s" % (vm.release, vm.result))
    _, output = vm.run(KERNEL_SCRIPT % {"build": build, "tree": testbed_build.TREE,
        "tests": " ".join(KERNEL_TESTS)}, seconds(argument or "1h"))
    suites = [line.split(" ", 2) for line in output.splitlines()]
    ok = len(suites) > len(KERNEL_TESTS) and all(len(s) > 1 and s[1] == "0" for s in suites)
    return {"kernel": vm.release, "suites": {s[0]: s[-1] for s in suites}, "ok": ok}


def systemd(argument):
    """TIME: how long all of it may take."""
    require_root()
    build = os.path.join(WORK, "systemd")
    files = os.path.join(build, "files")
    shutil.rmtree(files, ignore_errors=True)
    testbed_build.build(build, configure_args=["-q", "--prefix=/usr", "--sysconfdir=/etc"])
    testbed_build.build(build, targets=["install", "DESTDIR=" + files])
    vm = OldKernel(os.path.join(WORK, "kernel"))
    status, output = vm.run_under_systemd("tests/systemd/host.sh", seconds(argument or "20m"), files)
    say(output.rstrip("\n"))
    return {"kernel": vm.release, "seen": len(re.findall("^ok: ", output, re.M)), "ok": status == 0}


TARGETS = {"chaos": chaos, "cuts": cuts, "fuzz": fuzz, "kernel": kernel, "move": move, "routes": routes, "sim": sim,
    "systemd": systemd}


def main():
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("amount", nargs="?", metavar="TIME or count")
    parser.add_argument("--seed", type=int)
    args = parser.parse_intermixed_args()
    try:
        if args.target == "chaos":
            result = chaos(args.amount, args.seed)
        else:
            result = TARGETS[args.target](args.amount)
    except TestbedError as e:
        sys.exit("soak: %s" % e)
    print(json.dumps(result, indent=1))
    return 0 if result["ok"] else 1


sys.exit(main())
