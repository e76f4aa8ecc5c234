# SPDX-License-Identifier: ISC
"""One power cut under load, and what it cost; tools/soak repeats it."""
import time

from testbed_load import ALIAS, ECHO, Load, echods, wait_listening

PROBE = 7001
CUT_JOIN = ["cluamgr -a alias=DEFAULTALIAS,join"]


class Account:
    """What the clients saw of one cut."""

    def __init__(self, dead, when, conns, probe):
        self.dead, self.when = dead, when
        self.total = conns["opened"]
        mine = [c for c in conns["connections"] if c["owner"] == dead]
        others = [c for c in conns["connections"] if c["owner"] != dead]
        self.of_dead = len(mine)
        self.broken_survivors = [c for c in others if c["broken"]]
        # Those of the dead node end by a reset, as soon as their next line is on its way.
        self.unaccounted_dead = [c for c in mine if c["broken"] != "reset"]
        self.longest_ms = max((c["longest_ms"] for c in others), default=0)
        self.waiting_ms = max((c["waiting_ms"] for c in others if not c["broken"]), default=0)
        self.reset_ms = max((c["broken_at_us"] / 1e3 - when * 1e3 for c in mine if c["broken"]),
            default=0)
        after = [g["ms"] for g in probe["gaps"] if g["at_us"] / 1e3 + g["ms"] > when * 1e3]
        self.gap_ms = max(after, default=0)

    def text(self):
        return ("%s died with %d of %d connections; %d others broke; UDP gap %.1f ms; longest wait "
            "%.1f ms; last reset after %.0f ms" % (self.dead, self.of_dead, self.total,
            len(self.broken_survivors), self.gap_ms, self.longest_ms, self.reset_ms))

    def json(self):
        return {"dead": self.dead, "connections": self.total, "of_dead": self.of_dead,
            "broken_survivors": len(self.broken_survivors), "not_reset": len(self.unaccounted_dead),
            "gap_ms": self.gap_ms, "longest_ms": self.longest_ms, "reset_ms": self.reset_ms}


class Cut:
    def __init__(self, tb, dead, connections=1000, settle=1.5, client="c1"):
        self.tb, self.dead, self.connections, self.settle = tb, dead, connections, settle
        self.client = client

    def load(self, *options):
        return Load(self.tb, options[0], "-a", ALIAS, *options[1:], client=self.client)

    def run(self, meanwhile=None):
        """The cut, with meanwhile() called right after it."""
        with echods(self.tb, tcp=(ECHO,), udp=(PROBE,)):
            wait_listening(self.tb, ECHO, self.tb.running_nodes(), client=self.client)
            conns = self.load("conns", "-p", ECHO, "-n", self.connections, "-i", 100)
            probe = self.load("probe", "-p", PROBE, "-i", 1)
            time.sleep(0.5)  # some lines on every connection first
            when = self.tb.kill(self.dead)
            if meanwhile:
                meanwhile()
            time.sleep(self.settle)
            return Account(self.dead, when, conns.stop(), probe.stop())
