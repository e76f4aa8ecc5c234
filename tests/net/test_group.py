# SPDX-License-Identifier: ISC
"""Memberships and ordered messages, with real daemons: who is a member, and that all agree on what came.

gabtool checks each node's own messages; here the nodes are compared. How often nodes are lost under the
faults depends on this computer; whatever happens, no node may see another order.
"""
import json
import os
import random
import re
import signal
import threading
import time

import pytest

from testbed_error import wait_until

CLUSTER = {"nodes": 4, "daemons": ["lltd", "gabd"]}
PORT = "h"
ALL = ["ic0", "ic1", "eth0"]


class Member:
    """A gabtool on a node."""

    def __init__(self, tb, node, *args):
        self.node, self.machine = node, tb.machine(node)
        self.path = os.path.join(tb.dir, node, "gabtool-%d.out" % time.monotonic_ns())
        with open(self.path, "wb") as out:
            self.proc = self.machine.popen(["gabtool", *[str(a) for a in args], PORT], stdout=out)

    def events(self, what=None):
        with open(self.path) as f:
            lines = [line for line in f if line.endswith("\n")]
        events = [json.loads(line) for line in lines]
        return [e for e in events if what in (None, e["event"])]

    def wait_view(self, count):
        wait_until(lambda: any(len(v["members"]) == count for v in self.events("view")), 20,
            "a view of %d on %s" % (count, self.node))

    def wait_again(self, lost):
        """gabd was lost so many times, and all four are in a view again."""
        def there():
            events = [e for e in self.events() if e["event"] in ("lost", "view")]
            return len(self.events("lost")) == lost and len(events[-1].get("members", [])) == 4
        wait_until(there, 20, "%s to come back" % self.node)

    def wait(self):
        # nsenter stops itself when the program in it is stopped, and does not go on by itself.
        os.kill(self.proc.pid, signal.SIGCONT)
        self.proc.wait(60)

    def end(self):
        if self.proc.poll() is None:
            for pid in self.machine.daemon_pids("gabtool"):
                os.kill(pid, signal.SIGKILL)
            self.wait()


@pytest.fixture
def member(tb):
    members = []

    def start(node, *args):
        members.append(Member(tb, node, *args))
        return members[-1]
    yield start
    for m in members:
        m.end()


def agree(members):
    """No violation, and whoever goes from one view to the next together has delivered the same."""
    steps = {}
    for m in members:
        assert m.events("violation") == [], m.node
        before = None
        for view in m.events("view"):
            if before is not None and view["before"] == before["gen"] and not view["fresh"]:
                step = (before["gen"], str(before["members"]), view["gen"], str(view["members"]))
                steps.setdefault(step, {})[m.node] = (view["delivered"], view["digest"])
            before = view
    for step, seen in steps.items():
        assert len(set(seen.values())) == 1, (step, seen)
    return [list(seen) for seen in steps.values() if len(seen) > 1]


def gabconfig(tb, node, *args):
    return tb.machine(node).run(["gabconfig", *args]).stdout


def port_a(tb, node, who="members"):
    ports = json.loads(gabconfig(tb, node, "-j"))["ports"]
    return next((p[who] for p in ports if p["port"] == "a"), [])


# ---- the administrator's view ----

def test_every_node_shows_the_same(tb, member):
    for node in ("n1", "n3"):
        member(node).wait_view(1 if node == "n1" else 2)
    rows = {}
    for node in tb.nodes():
        text = gabconfig(tb, node, "-a")
        assert text.startswith("GAB Port Memberships\n====")
        rows[node] = [line for line in text.splitlines() if line.startswith("Port")]
        assert port_a(tb, node) == [1, 2, 3, 4]
    assert len({tuple(r) for r in rows.values()}) == 1
    shown = [re.sub("gen +[0-9a-f]+ ", "", line) for line in rows["n1"]]
    assert shown == ["Port a membership ;1234", "Port h membership ;13", "Port h visible ;24"]


def test_a_node_leaves_by_command_and_comes_back(tb):
    gabconfig(tb, "n4", "-U")
    wait_until(lambda: port_a(tb, "n1") == [1, 2, 3], 10, "the others to go on")
    assert "Unconfigured" in gabconfig(tb, "n4", "-l")
    assert port_a(tb, "n4") == []
    refused = tb.machine("n4").run(["gabtool", "-t", "1", PORT], check=False)
    assert '"refused"' in refused.stdout
    gabconfig(tb, "n4", "-c")
    tb.wait_formed(20)


def test_seeds_by_hand(tb):
    gabconfig(tb, "n4", "-U")
    for interface in ALL:
        tb.cut("n4", interface)
    try:
        gabconfig(tb, "n4", "-c", "-n", "4")
        assert "Node count           : 4" in gabconfig(tb, "n4", "-l")
        wait_until(lambda: port_a(tb, "n1") == [1, 2, 3], 10, "the others to go on")
        assert port_a(tb, "n4") == []
        gabconfig(tb, "n4", "-x")
        wait_until(lambda: port_a(tb, "n4") == [4], 10, "a membership of its own")
    finally:
        tb.heal()
    tb.wait_formed(20)


@pytest.mark.parametrize("failing", ["n1", "n2"])
def test_who_loses_its_links_one_by_one_takes_nobody_along(tb, member, failing):
    """n3 has one link left, which is the first that goes there. It is well, and a member all the time."""
    others = [n for n in tb.nodes() if n != failing]
    tb.cut("n3", "ic0", "ic1")
    try:
        wait_until(lambda: all(3 in port_a(tb, n, "jeopardy") for n in tb.nodes() if n != "n3"), 10, "jeopardy")
        members = [member(n) for n in others]
        for m in members:
            m.wait_view(3)
        time.sleep(0.5)  # until then it is n3 whose links fail
        before = {m.node: len(m.events("view")) for m in members}
        tb.cut(failing, "eth0")
        tb.cut(failing, "ic0", "ic1")
        stay = [int(n[1:]) for n in others]
        wait_until(lambda: all(port_a(tb, n) == stay for n in others), 10, "a view without %s" % failing)
        for m in members:
            assert [v for v in m.events("view")[before[m.node]:] if v["fresh"] or v["members"] != stay] == []
    finally:
        tb.heal()
    tb.wait_formed(20)


# ---- messages ----

def test_all_deliver_the_same(tb, member):
    members = [member(n, "-u", "-m", 3, "-c", 1000000, "-r", 1000, "-t", 8) for n in ("n1", "n2", "n3")]
    members[0].wait_view(3)
    wait_until(lambda: json.loads(gabconfig(tb, "n1", "-j"))["counters"]["ordered"] > 500, 20, "messages")
    member("n4").wait_view(4)
    for m in members:
        m.wait()
    assert ["n1", "n2", "n3"] in agree(members)
    assert all(m.events("end")[0]["unicasts"] > 0 for m in members)


def test_a_power_cut_under_a_stream(tb, member):
    members = [member(n, "-m", 3, "-c", 1000000, "-r", 1000, "-t", 8) for n in ("n1", "n2", "n3")]
    members[0].wait_view(3)
    wait_until(lambda: json.loads(gabconfig(tb, "n2", "-j"))["counters"]["ordered"] > 500, 20, "messages")
    # n1 numbers the messages of all.
    tb.kill("n1")
    try:
        for m in members[1:]:
            wait_until(lambda: any(1 in v["left"] for v in m.events("view")), 20, "the loss of n1")
            m.wait()
        assert ["n2", "n3"] in agree(members[1:])
    finally:
        tb.start("n1")


# ---- faults again and again ----

def pause(pid, seconds):
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


def cut(tb, node, interfaces, seconds):
    for interface in interfaces:
        tb.cut(node, interface)
    time.sleep(seconds)
    for interface in interfaces:
        tb.heal(node, interface)


def fault(tb, rng):
    node, seconds = rng.choice(tb.nodes()), rng.choice([0.005, 0.02, 0.04, 0.08, 0.15])
    what = rng.choice(["lltd", "lltd", "gabd", "gabd", "gabtool", "cut"])
    if what == "cut":
        return threading.Thread(target=cut, args=(tb, node, rng.choice([ALL, ALL[:2]]), seconds))
    pids = tb.machine(node).daemon_pids(what)
    return threading.Thread(target=pause, args=(pids[0], seconds))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sleepers_and_cut_links(tb, member, figures, seed):
    rng = random.Random(seed)
    members = [member(n, "-u", "-m", 4, "-c", 1000000, "-r", 500, "-s", rng.choice([60, 2000]), "-t", 20)
        for n in tb.nodes()]
    for m in members:
        m.wait_view(4)
    began = time.monotonic()
    while time.monotonic() < began + 12:
        threads = [fault(tb, rng) for _ in range(rng.choice([1, 1, 2, 3]))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        time.sleep(rng.choice([0, 0.005, 0.05, 0.2]))
    tb.heal()
    for m in members:
        m.wait()
    figures("%d steps from view to view were gone together" % len(agree(members)))
    tb.wait_formed(20)


def test_all_gabds_begin_again_under_a_stream(tb, member):
    """Generations are ahead of the clock, then everybody forgets them."""
    members = [member(n, "-u", "-m", 2, "-c", 1000000, "-r", 2000, "-t", 18) for n in tb.nodes()]
    members[0].wait_view(4)
    # Every client that comes and goes takes two generations.
    tb.machine("n2").run(["sh", "-c", "for i in $(seq 30); do timeout -s KILL 0.1 gabtool i; done; true"])
    for lost, daemon in enumerate(("gabd", "lltd", "gabd"), 1):
        for node in tb.nodes():
            for pid in tb.machine(node).daemon_pids(daemon):
                os.kill(pid, signal.SIGKILL)
        for node in tb.nodes():
            tb.start_daemon(node, daemon)
        for m in members:
            m.wait_again(lost)
    for m in members:
        m.wait()
    agree(members)
