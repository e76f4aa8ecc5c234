# SPDX-License-Identifier: ISC
"""Bad input: one clear line with file and line number; refused at start, without effect at reload."""
import json
import os
import re
import signal
import time

import pytest

import testbed_status
from testbed_error import wait_until

CLUSTER = {"nodes": 2}
NINE = "links = ( %s );" % ", ".join('{ device = "ic%d"; }' % i for i in range(9))

# file, what is added at its end (or a function of its text), the daemon that reads it, what it says
BAD = {
    "unknown key": ("lltd.conf", "colour = 3;", "lltd", r"lltd\.conf:\d+: colour: "),
    "number out of range": ("lltd.conf", lambda t: t.replace("cluster = 42", "cluster = 70000"), "lltd",
        r"lltd\.conf:\d+: cluster: .*65535"),
    "nine links": ("lltd.conf", lambda t: re.sub(r"links = .*;\n", NINE + "\n", t), "lltd",
        r"lltd\.conf:\d+: links"),
    "duplicate id": ("llthosts", "1 other", "lltd", r"llthosts:\d+: "),
    "unknown key of gabd": ("gabd.conf", "colour = 3;", "gabd", r"gabd\.conf:\d+: colour: "),
    "range of gabd": ("gabd.conf", lambda t: "seed = 70000;\n", "gabd", r"gabd\.conf:\d+: seed: "),
    "unknown key of aliasd": ("aliasd.conf", "colour = 3;", "aliasd", r"aliasd\.conf:\d+: colour: "),
    "name that does not resolve": ("clu_alias.config", "cluamgr -a alias=nosuchname,join", "aliasd",
        r"clu_alias\.config:\d+: .*nosuchname"),
    "blank after a comma": ("clu_alias.config", "cluamgr -a alias=DEFAULTALIAS, join", "aliasd",
        r"clu_alias\.config:\d+: "),
    "multi and single": ("clua_services", "odd 7200/tcp in_multi,in_single", "aliasd",
        r"clua_services:\d+: .*in_(multi|single)"),
    "port of 70000": ("clua_services", "odd 70000/tcp in_multi", "aliasd",
        r"clua_services:\d+: .*65535"),
}


@pytest.fixture(params=list(BAD))
def bad(tb, request):
    """The bad file in place on n2 while the test runs: (daemon, pattern)."""
    name, change, daemon, pattern = BAD[request.param]
    path = os.path.join(tb.machine("n2").etc, name)
    with open(path) as f:
        good = f.read()
    text = change(good) if callable(change) else good + change + "\n"
    assert text != good
    with open(path, "w") as f:
        f.write(text)
    yield daemon, pattern
    with open(path, "w") as f:
        f.write(good)


def complaints(text, pattern):
    return [line for line in text.splitlines() if re.search(pattern, line)]


def test_check_refuses(tb, bad):
    daemon, pattern = bad
    done = tb.machine("n2").run([daemon, "-n"], check=False)
    assert done.returncode == 1
    assert len(complaints(done.stderr, pattern)) == 1, done.stderr
    assert len(done.stderr.splitlines()) <= 2, done.stderr


def test_start_refuses(tb, bad):
    daemon, pattern = bad
    done = tb.machine("n2").run([daemon], check=False, timeout=10)
    assert done.returncode == 1
    assert len(complaints(done.stderr, pattern)) == 1, done.stderr


def test_reload_changes_nothing(tb, bad):
    daemon, pattern = bad
    machine = tb.machine("n2")
    pid = machine.daemon_pids(daemon)
    assert len(pid) == 1
    shown = machine.run([*testbed_status.SHOWN[daemon]]).stdout
    with open(tb.log("n2", daemon)) as f:
        f.seek(0, os.SEEK_END)
        os.kill(pid[0], signal.SIGHUP)
        news = []

        def complained():
            news.append(f.read())
            return complaints("".join(news), pattern)
        wait_until(complained, 5, "a complaint that fits %s in the log" % pattern)
    time.sleep(0.1)
    assert len(complaints("".join(news), pattern)) == 1
    assert machine.daemon_pids(daemon) == pid
    assert machine.run([*testbed_status.SHOWN[daemon]]).stdout == shown
    assert testbed_status.not_formed(tb) == []


@pytest.fixture
def links(tb):
    """A function that gives n2 other links by a reload, and says what lltd said; put back at the end."""
    machine = tb.machine("n2")
    path = os.path.join(machine.etc, "lltd.conf")
    with open(path) as f:
        good = f.read()

    def reload(links, expected):
        with open(path, "w") as f:
            f.write(re.sub(r"links = .*;\n", "links = ( %s );\n" % links, good) if links else good)
        with open(tb.log("n2", "lltd")) as f:
            f.seek(0, os.SEEK_END)
            os.kill(machine.daemon_pids("lltd")[0], signal.SIGHUP)
            wait_until(lambda: re.search(expected, f.read()), 5, "%s in the log" % expected)
    yield reload
    reload(None, "reloaded")
    wait_until(lambda: testbed_status.not_formed(tb) == [], 10, "all links to be up again")


def test_links_come_and_go_by_reload(tb, links):
    """The session and the group never notice, and the other node is told before it has to find out."""
    sessions, generation = (f(tb, "n1") for f in (testbed_status.sessions, testbed_status.generation))
    links('{ type = "none"; }, { device = "ic1"; }', "reloaded")
    shown = json.loads(tb.machine("n2").run(["lltstat", "-l", "-j"]).stdout)["links"]
    assert [(l["link"], l["device"]) for l in shown] == [(1, "ic1")]
    wait_until(lambda: testbed_status.links_up(tb, "n1", 2) == 1, 5, "n1 to leave the link that is gone")
    links('{ device = "ic0"; priority = "low"; }', "n.*1.* is reached by no link that stays")
    assert testbed_status.links_up(tb, "n2", 1) == 1
    links(None, "reloaded")
    wait_until(lambda: testbed_status.not_formed(tb) == [], 10, "all links to be up again")
    links('{ device = "ic0"; burst = 7; priority = "low"; }, { device = "ic1"; }', "reloaded")
    shown = json.loads(tb.machine("n2").run(["lltstat", "-l", "-j"]).stdout)["links"]
    assert [(l["device"], l["priority"], l["burst"]) for l in shown] == [("ic0", "low", 7), ("ic1", "high", 32)]
    assert testbed_status.sessions(tb, "n1") == sessions
    assert testbed_status.generation(tb, "n1") == generation


def test_reload_of_an_alias_that_only_the_daemon_can_refuse(tb):
    """Nothing is wrong with the file alone, and the good line before the bad one must not take effect."""
    machine = tb.machine("n2")
    path = os.path.join(machine.etc, "clu_alias.config")
    with open(path) as f:
        good = f.read()
    with open(path, "w") as f:
        f.write(good + "cluamgr -a alias=10.1.0.50,join\ncluamgr -a alias=%s,join\n" % tb.address("n2"))
    pattern = r"clu_alias\.config:\d+: %s: " % re.escape(tb.address("n2"))
    try:
        with open(tb.log("n2", "aliasd")) as f:
            f.seek(0, os.SEEK_END)
            os.kill(machine.daemon_pids("aliasd")[0], signal.SIGHUP)
            news = []

            def complained():
                news.append(f.read())
                return complaints("".join(news), pattern)
            wait_until(complained, 5, "a complaint about the host's own address")
        assert "10.1.0.50" not in machine.run(["cluamgr", "-s", "all", "-j"]).stdout
    finally:
        with open(path, "w") as f:
            f.write(good)


def test_good_files_are_fine(tb):
    for daemon in ("lltd", "gabd", "aliasd"):
        done = tb.machine("n2").run([daemon, "-n"])
        assert done.stdout + done.stderr == ""
        assert tb.machine("n2").run([daemon, "-nv"]).stdout


def test_cluamgr_says_what_is_wrong(tb):
    for line, says in (("alias=nosuchname,join", "nosuchname"), ("alias=clua,selw=70000", "selw"),
            ("alias=clua,colour=3", "colour"), ("alias=clua, join", "blank")):
        done = tb.machine("n2").run(["cluamgr", "-a", line], check=False)
        assert done.returncode in (1, 2)
        assert says in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
