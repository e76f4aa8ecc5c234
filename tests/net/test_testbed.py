# SPDX-License-Identifier: ISC
"""The testbed itself: machines, cables, power, and that nothing is left of it."""
import json
import os
import subprocess
import time

import pytest

import testbed_build
from testbed import STATE_ROOT, Testbed
from testbed_error import TestbedError, wait_until
from testbed_load import ECHO, Load, echods, load, owners
from testbed_machine import GROUP_PREFIX, cgroup2_root

CLUSTER = {"daemons": [], "nodes": 2}
TESTBED = os.path.join(testbed_build.TREE, "tools", "testbed")


def command(*args):
    return subprocess.run([TESTBED, *args], text=True, capture_output=True, timeout=60)


def test_a_machine_is_one_of_its_own(tb):
    run = tb.machine("n1").run
    assert run("hostname").stdout == "n1\n"
    assert run("ls /sys/class/net").stdout.split() == ["eth0", "ic0", "ic1", "lo"]
    assert run("cat /etc/llthosts").stdout == "1 n1\n2 n2\n"
    assert run("cat /proc/self/cgroup").stdout.splitlines()[-1] == "0::/"
    assert "bpf on /sys/fs/bpf" in run("mount").stdout
    assert len(run(["sh", "-c", "ls -d /proc/[0-9]*"]).stdout.split()) < 10
    run("touch /etc/only-here /run/only-here")
    assert tb.machine("n2").run("ls /etc/only-here", check=False).returncode != 0
    assert not os.path.exists("/etc/only-here") and not os.path.exists("/run/only-here")


def test_exit_status_and_both_outputs_come_through(tb):
    done = command("exec", "--name", tb.name, "n2", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_everybody_reaches_everybody(tb):
    with echods(tb):
        for client in ("c1", "x1", "n2"):
            account = load(tb, "short", "-a", tb.address("n1"), "-p", ECHO, "-n", 5, client=client)
            assert owners(account) == {"n1": 5}


def test_a_cut_cable_and_its_healing(tb):
    carrier = ["cat", "/sys/class/net/ic0/carrier"]
    command("cut", "--name", tb.name, "n2", "ic0")
    assert tb.machine("n2").run(carrier).stdout == "0\n"
    assert tb.machine("n1").run(carrier).stdout == "1\n"
    command("heal", "--name", tb.name)
    wait_until(lambda: tb.machine("n2").run(carrier).stdout == "1\n", 5, "the carrier")


def test_a_power_cut_says_no_farewell(tb):
    with echods(tb):
        conns = Load(tb, "conns", "-a", tb.address("n2"), "-p", ECHO, "-n", 10, "-i", 20)
        time.sleep(0.2)
        when = tb.kill("n2")
        assert "n2" not in tb.running_nodes()
        time.sleep(1)
        off = time.monotonic() - when
        account = conns.stop()
    # Neither FIN nor RST came: the connections hang, for as long as it is off. (The client may have been late.)
    assert account["broken"] == 0
    assert min(c["waiting_ms"] for c in account["connections"]) > off * 1e3 / 2
    tb.start("n2")
    assert tb.machine("n2").run("ls /run/only-here", check=False).returncode != 0
    with echods(tb):
        account = load(tb, "short", "-a", tb.address("n2"), "-p", ECHO, "-n", 5)
    assert owners(account) == {"n2": 5}


def test_a_cut_outlives_the_power_cut(tb):
    tb.cut("n2", "ic1")
    tb.kill("n2")
    tb.start("n2")
    assert tb.machine("n2").run("cat /sys/class/net/ic1/carrier").stdout == "0\n"
    tb.heal("n2", "ic1")
    assert tb.cuts() == []


def test_status(tb):
    status = json.loads(command("status", "--name", tb.name, "-j").stdout)
    assert status["name"] == tb.name
    assert {"name": "n1", "power": True} in status["machines"]


@pytest.mark.parametrize("args, says", [
    (["kill", "n9"], "no machine n9"),
    (["cut", "n1", "ic7"], "n1 has no ic7; it has eth0 ic0 ic1"),
    (["exec", "n1"], "no command"),
    (["up"], "is there already"),
])
def test_mistakes_are_told_in_one_line(tb, args, says):
    done = command(args[0], "--name", tb.name, *args[1:])
    assert done.returncode == 1
    assert says in done.stderr and done.stderr.count("\n") == 1


def test_two_side_by_side_and_nothing_left(tb):
    links = subprocess.run(["ip", "-o", "link"], text=True, capture_output=True).stdout
    other = Testbed(tb.name + "b")
    try:
        other.up(daemons=[], make=False, nodes=1)
        with echods(tb, ["n1"]):
            assert load(tb, "short", "-a", tb.address("n1"), "-p", ECHO, "-n", 3)["ok"] == 3
            assert load(other, "short", "-a", tb.address("n1"), "-p", ECHO, "-n", 3)["refused"] == 3
        # As after a crash: the state is lost, the processes are there.
        os.unlink(os.path.join(other.dir, "state.json"))
        with pytest.raises(TestbedError):
            Testbed(other.name).running_nodes()
    finally:
        Testbed(other.name).down()
    assert not os.path.exists(os.path.join(STATE_ROOT, other.name))
    assert not os.path.exists(os.path.join(cgroup2_root(), GROUP_PREFIX + other.name))
    assert subprocess.run(["ip", "-o", "link"], text=True, capture_output=True).stdout == links
    assert tb.machine("n1").running()
