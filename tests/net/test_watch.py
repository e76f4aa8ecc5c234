# SPDX-License-Identifier: ISC
"""cluamgr -w, and scripts that are run when something happens."""
import contextlib
import json
import os
import subprocess

import pytest

import testbed_etc
from testbed_error import wait_until
from testbed_load import ALIAS, SINGLE, echods, end

CLUSTER = {"profile": "lan", "join": ["cluamgr -a alias=DEFAULTALIAS,join",
    "n1:cluamgr -a alias=DEFAULTALIAS,rpri=9"]}
NOTE = "/run/hooks.note"
SCRIPTS = {
    "note": "#!/bin/sh\necho \"$1 $2 $3 $CLUA_ALIAS $CLUA_NODE_NAME $CLUA_PORT\" >>%s\n" % NOTE,
    "slow": "#!/bin/sh\nsleep 1\necho \"slow $1\" >>%s\n" % NOTE,
    "fails": "#!/bin/sh\necho about to fail\nexit 7\n",
    "hangs": "#!/bin/sh\nexec sleep 600\n",
    "env": "#!/bin/sh\nenv >/run/hooks.env\n",
}
HOOKS = """hooks = (
    { event = "any"; run = "/etc/clua-note"; },
    { event = "member_down"; run = "/etc/clua-slow"; timeout = 30000; },
    { event = "member_down"; run = "/etc/clua-fails"; },
    { event = "member_down"; run = "/etc/clua-hangs"; timeout = 200; },
    { event = "master"; run = "/etc/clua-env"; }
);
"""


@pytest.fixture(scope="module")
def hooked(tb):
    """Scripts on n2, which is the next master after n1."""
    etc = tb.machine("n2").etc
    for name, text in SCRIPTS.items():
        testbed_etc.write(etc, "clua-" + name, text, 0o755)
    with open(os.path.join(etc, "aliasd.conf")) as f:
        testbed_etc.write(etc, "aliasd.conf", f.read() + HOOKS)
    reload(tb, "n2")
    wait_until(lambda: master(tb) == 1, 10, "n1 to be master")


def reload(tb, node):
    for pid in tb.machine(node).daemon_pids("aliasd"):
        os.kill(pid, 1)


def master(tb):
    return json.loads(tb.machine("n3").run("cluamgr -s -j " + ALIAS).stdout)["aliases"][0]["master"]


def notes(tb, path=NOTE):
    return tb.machine("n2").run("cat " + path, check=False).stdout.split("\n")[:-1]


@contextlib.contextmanager
def watching(tb, node, tmp_path):
    """A running "cluamgr -w -j"; called, it gives the events until now."""
    path = tmp_path / "events"
    with open(path, "wb") as out:
        proc = tb.machine(node).popen("cluamgr -w -j", stdout=out, stderr=subprocess.DEVNULL)

    def events():
        return [json.loads(line) for line in path.read_text().split("\n")[:-1]]
    wait_until(lambda: any(e["event"] == "synced" for e in events()), 10, "the snapshot")
    try:
        yield events
    finally:
        end(proc)
        proc.wait(10)


def find(events, **want):
    return [e for e in events if all(e.get(k) == v for k, v in want.items())]


def test_watch_snapshot_and_events(tb, hooked, tmp_path):
    with watching(tb, "n3", tmp_path) as events:
        snapshot = [e for e in events() if e["snapshot"]]
        assert find(snapshot, event="master", alias=ALIAS, node=1)
        assert len(find(snapshot, event="member", state="up")) == 3
        with echods(tb, tcp=(SINGLE,)):
            wait_until(lambda: find(events(), event="service", port=SINGLE, state="listening"), 10,
                "the service")
        wait_until(lambda: find(events(), event="service", port=SINGLE, state="gone"), 10, "its end")
        tb.machine("n3").run("cluamgr -a alias=%s,join" % testbed_etc.SECOND_ALIAS)
        tb.machine("n3").run("cluamgr -a alias=%s,leave" % testbed_etc.SECOND_ALIAS)
        tb.machine("n3").run("cluamgr -a alias=%s,leave" % testbed_etc.SECOND_ALIAS)
        wait_until(lambda: find(events(), event="alias", alias=testbed_etc.SECOND_ALIAS, state="gone"), 10,
            "the alias to go")
        numbers = [e["seq"] for e in events() if e["seq"]]
        synced = find(events(), event="synced")[0]["seq"]
        first = numbers.index(synced) if synced else -1
        after = numbers[first + 1:]
        assert after == list(range(synced + 1, synced + 1 + len(after)))
    text = tb.machine("n3").run("timeout 1 cluamgr -w", check=False).stdout
    assert "master elected alias=%s" % ALIAS in text


def test_scripts_run_in_order_whatever_they_do(tb, hooked, tmp_path):
    tb.machine("n2").run("rm -f " + NOTE)
    with watching(tb, "n2", tmp_path) as events:
        tb.kill("n1")
        wait_until(lambda: find(events(), event="member", node=1, state="down"), 10, "n1 to be missed")
        wait_until(lambda: find(events(), event="master", alias=ALIAS, node=2), 10, "n2 to be master")
        # A slow script, one that fails and one that hangs stand between these two.
        wait_until(lambda: any(line.startswith("master") for line in notes(tb)), 20, "the script for it")
    lines = notes(tb)
    order = [lines.index(line) for line in ("member_down n1   n1 ", "slow member_down",
        "master %s  clua n2 " % ALIAS)]
    assert order == sorted(order)
    log = tb.log_tail("n2", "aliasd", 200)
    assert "/etc/clua-fails: about to fail" in log
    assert "/etc/clua-fails member_down: exit status 7" in log
    assert "/etc/clua-hangs member_down: killed, for it took longer than 0.200 s" in log
    wait_until(lambda: notes(tb, "/run/hooks.env"), 10, "the script that shows its environment")
    env = dict(line.split("=", 1) for line in notes(tb, "/run/hooks.env"))
    assert env["CLUA_EVENT"] == "master" and env["CLUA_ADDRESS"] == ALIAS
    assert env["CLUA_SELF_NAME"] == "n2" and env["PATH"] == "/usr/sbin:/usr/bin:/sbin:/bin"
    assert "HOME" not in env

    tb.start("n1")
    wait_until(lambda: any(line.startswith("backup %s" % ALIAS) for line in notes(tb)), 20,
        "the script for the loss of mastership")
    lines = notes(tb)
    assert lines.index("member_up n1   n1 ") < lines.index("backup %s  clua n2 " % ALIAS)


def test_a_script_that_went_missing(tb, hooked):
    os.unlink(os.path.join(tb.machine("n2").etc, "clua-env"))
    tb.machine("n1").run("cluamgr -a alias=DEFAULTALIAS,rpri=1")
    tb.machine("n2").run("cluamgr -a alias=DEFAULTALIAS,rpri=20")
    wait_until(lambda: "/etc/clua-env master: cannot be run: No such file" in
        tb.log_tail("n2", "aliasd", 50), 10, "the log to say so")
    reload(tb, "n2")
    wait_until(lambda: "run: /etc/clua-env: No such file or directory" in
        tb.log_tail("n2", "aliasd", 50), 10, "the reload to be refused")
    assert master(tb) == 2
