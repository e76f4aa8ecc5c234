# SPDX-License-Identifier: ISC
"""The story that tools/demo tells: every figure in it has been measured just now."""
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time

import testbed_build
from testbed import Testbed
from testbed_cuts import Cut
from testbed_error import TestbedError, wait_until
from testbed_load import (ALIAS, ECHO, Load, echods, load, master, nginx_requests, nginx_start, owners,
    wait_listening, wait_master)

WEIGHTS = {"n1": 3, "n2": 2, "n3": 1}
JOIN = ["%s:cluamgr -a alias=DEFAULTALIAS,join,selw=%d" % item for item in WEIGHTS.items()]
TESTBED = os.path.join(testbed_build.TREE, "tools", "testbed")


class Story:
    """Text for people: bold and colours on a terminal, plain anywhere else."""

    def __init__(self, out):
        self.out = out
        self.colour = out.isatty() and os.environ.get("TERM") != "dumb"

    def _paint(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.colour else text

    def chapter(self, text):
        print("\n" + self._paint("1;36", text), file=self.out, flush=True)

    def say(self, text=""):
        print("  " + text if text else "", file=self.out, flush=True)

    def command(self, where, text):
        self.say(self._paint("2", "%s# " % where) + self._paint("1", text))

    def output(self, text):
        for line in text.rstrip().splitlines():
            self.say(self._paint("2", "  " + line))

    def verdict(self, good, text):
        mark = self._paint("1;32", "ok") if good else self._paint("1;31", "NOT OK")
        self.say("%s  %s" % (mark, text))


class Demo:
    def __init__(self, story, keep):
        self.story, self.keep = story, keep
        self.tb = Testbed("demo%d" % os.getpid() if not keep else "tb")
        self.began = float(os.environ.get("DEMO_BEGAN", time.time()))
        self.summary = {"ok": True}
        self.scratch = None

    def check(self, good, text, **figures):
        self.summary.update(figures)
        self.summary["ok"] = self.summary["ok"] and bool(good)
        self.story.verdict(good, text)

    # ---- chapters ----

    def build(self):
        self.story.chapter("Building")
        began = time.monotonic()
        folder = testbed_build.default_dir()
        if self.keep or os.path.exists(os.path.join(folder, "Makefile")):
            testbed_build.build(folder)
        else:
            folder = self._build_aside()
        self.story.say("lltd, gabd, aliasd and cluamgr, in %.0f s" % (time.monotonic() - began))
        return folder

    def _build_aside(self):
        """Of a copy, so that the tree stays as it was."""
        self.scratch = tempfile.mkdtemp(prefix="clua-demo.")
        tree = os.path.join(self.scratch, "tree")
        shutil.copytree(testbed_build.TREE, tree, symlinks=True,
            ignore=shutil.ignore_patterns(".git", "build", "build-*", "autom4te.cache", "configure"))
        folder = os.path.join(self.scratch, "build")
        testbed_build.build(folder, tree)
        return folder

    def form(self, build):
        story = self.story
        story.chapter("Three nodes, two links between them, one address for all: %s" % ALIAS)
        began = time.monotonic()
        self.tb.up(nodes=3, build=build, make=False, join=JOIN)
        for node in self.tb.nodes():
            nginx_start(self.tb, node)
        self.summary["form_s"] = time.monotonic() - began
        story.say("up in %.1f s. Each node is a set of namespaces with its own network, /etc and /run;"
            % self.summary["form_s"])
        story.say("on each runs nginx, which knows nothing of all this. What the cluster says of itself:")
        for command in ("lltstat -n", "gabconfig -a", "cluamgr -s all"):
            story.command("n1", command)
            story.output(self.tb.machine("n1").run(command).stdout)

    def deal(self):
        story, tb = self.story, self.tb
        story.chapter("600 connections, one after another, weights 3, 2 and 1")
        wait_until(lambda: set(owners(load(tb, "short", "-a", ALIAS, "-p", 80, "-n", 6, "-H", "-q"))) ==
            set(WEIGHTS), 10, "nginx to be seen on all nodes")
        story.command("c1", "curl http://%s/" % ALIAS)
        done = tb.machine("c1").run(["curl", "-sS", "-H", "Connection: close",
            "http://%s/?[1-6]" % ALIAS])
        story.output(" ".join(done.stdout.split()) + "   (six times: who answered)")
        before = {n: nginx_requests(tb, n) for n in WEIGHTS}
        account = load(tb, "short", "-a", ALIAS, "-p", 80, "-n", 600, "-H", "-q")
        shares = owners(account)
        logged = {n: nginx_requests(tb, n) - before[n] for n in WEIGHTS}
        for node in WEIGHTS:
            story.say("%s  %-30s %d" % (node, "#" * (shares.get(node, 0) // 10), shares.get(node, 0)))
        self.check(shares == {"n1": 300, "n2": 200, "n3": 100} and logged == shares,
            "dealt out exactly by weight, and nginx's access logs agree", shares=shares, logged=logged)

    def cut(self):
        story, tb = self.story, self.tb
        dead = master(tb)
        story.chapter("The power of %s fails" % dead)
        story.say("1,000 TCP connections are open, each sends a line every 100 ms; a UDP question goes to")
        story.say("the alias every millisecond. %s answers ARP for the alias: all packets come in there." % dead)
        story.command("host", "testbed kill %s" % dead)
        account = Cut(tb, dead).run()
        survivors = account.total - account.of_dead
        story.say("%s's own %d connections died with it: the clients were told by a reset, the last after %.0f ms"
            % (dead, account.of_dead, account.reset_ms))
        self.check(not account.broken_survivors,
            "of the %d connections of the others %d broke" % (survivors, len(account.broken_survivors)),
            cut=account.json())
        self.check(account.gap_ms < 1000, "the alias was silent for %.0f ms" % account.gap_ms)
        self.check(account.longest_ms < 2000, "the longest that a surviving connection waited was %.0f ms"
            % account.longest_ms)
        now = wait_master(tb)
        story.say("%s answers ARP for the alias now" % now)
        return dead

    def come_back(self, node):
        story, tb = self.story, self.tb
        story.chapter("%s comes back" % node)
        with echods(tb):
            wait_listening(tb, ECHO, tb.running_nodes())
            conns = Load(tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", 300, "-i", 100)
            began = time.monotonic()
            tb.start(node)
            nginx_start(tb, node)
            seconds = time.monotonic() - began
            time.sleep(0.5)
            account = conns.stop()
        self.check(account["broken"] == 0, "booted and in the cluster again after %.1f s; of 300 "
            "connections %d broke" % (seconds, account["broken"]), back_s=seconds,
            back_broken=account["broken"])
        account = load(tb, "short", "-a", ALIAS, "-p", 80, "-n", 60, "-H", "-q")
        self.check(set(owners(account)) == set(WEIGHTS), "and gets its share: " +
            ", ".join("%s %d" % item for item in sorted(owners(account).items())),
            back_shares=owners(account))

    # ---- the whole ----

    def run(self):
        build = self.build()
        self.form(build)
        self.deal()
        self.come_back(self.cut())

    def goodbye(self):
        seconds = time.time() - self.began
        self.summary["seconds"] = seconds
        self.story.chapter("That was it, in %.0f s." % seconds)
        if not self.keep:
            self.story.say("Nothing is left of it on this computer, except installed packages.")
            return
        self.story.say("The cluster is still up. For example:")
        for text in ("exec n1 -- cluamgr -s all", "exec c1 -- curl http://clua/", "kill n2", "start n2",
                "cut n1 ic0", "heal", "status", "down"):
            self.story.say("  sudo %s %s" % (os.path.relpath(TESTBED), text))

    def clean_up(self):
        if not self.keep or not self.summary["ok"]:
            self.tb.down()
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)


def interrupted(signo, frame):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(prog="demo", description="Shows a cluster of three nodes.")
    parser.add_argument("-j", dest="json", action="store_true",
        help="JSON summary on standard output, the story on standard error")
    parser.add_argument("--keep", action="store_true", help="leave the cluster up")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    demo = Demo(Story(sys.stderr if args.json else sys.stdout), args.keep)
    try:
        demo.run()
    except TestbedError as e:
        demo.check(False, str(e), error=str(e))
    except KeyboardInterrupt:
        demo.check(False, "interrupted", error="interrupted")
    finally:
        demo.clean_up()
    demo.goodbye()
    if args.json:
        print(json.dumps(demo.summary, indent=1))
    return 0 if demo.summary["ok"] else 1


sys.exit(main())
