# SPDX-License-Identifier: ISC
"""Which nodes see each other, now and at any time before: what memberships have to follow."""
import copy
import itertools
import time


class State:
    """Of all nodes: which are off, whose cables are cut, and who is kept apart by the switches."""

    def __init__(self, nodes, interfaces):
        self.nodes, self.interfaces = list(nodes), list(interfaces)
        self.cuts = {n: set() for n in nodes}
        self.parted, self.off = set(), set()

    def copy(self):
        other = copy.copy(self)
        other.cuts = {n: set(c) for n, c in self.cuts.items()}
        other.parted, other.off = set(self.parted), set(self.off)
        return other

    def sees(self, a, b):
        return not {a, b} & self.off and not {a, b} <= self.parted and \
            any(i not in self.cuts[a] and i not in self.cuts[b] for i in self.interfaces)

    def cliques(self):
        """The largest sets of nodes that all see each other."""
        on = [n for n in self.nodes if n not in self.off]
        for size in range(len(on), 0, -1):
            found = [set(some) for some in itertools.combinations(on, size) if
                all(self.sees(a, b) for a, b in itertools.combinations(some, 2))]
            if found:
                return found
        return []

    def whole(self):
        """Those that are members whichever of these sets it is."""
        return set.intersection(*self.cliques()) if self.cliques() else set()


class Wires:
    """The history of states. A change takes a moment, in which the old and the new one may hold."""

    def __init__(self, nodes, interfaces):
        self.now = State(nodes, interfaces)
        self.rows = [{"state": self.now, "begin": 0.0, "done": 0.0}]

    def change(self, state):
        """From now on; the row is to be handed to done() when that is certain."""
        self.now = state
        self.rows.append({"state": state, "begin": time.monotonic(), "done": None})
        return self.rows[-1]

    @staticmethod
    def done(row):
        row["done"] = time.monotonic()

    def certain(self, rows):
        """When all these changes had taken place."""
        times = [r["done"] for r in rows]
        return None if None in times else max(times, default=0.0)

    def held(self, begin, end):
        """The states that may have held at some time between."""
        for i, row in enumerate(self.rows):
            until = self.certain(self.rows[:i + 2]) if i + 1 < len(self.rows) else None
            if row["begin"] <= end and (until is None or until >= begin):
                yield row["state"]

    def apart(self, a, b, begin, end):
        return any(not s.sees(a, b) for s in self.held(begin, end))

    def settled(self, longer, end):
        """(time, state) at the end of each period in which nothing changed for longer."""
        for i, row in enumerate(self.rows):
            began = self.certain(self.rows[:i + 1])
            until = self.rows[i + 1]["begin"] if i + 1 < len(self.rows) else end
            if began is not None and until - began > longer:
                yield until, row["state"]
