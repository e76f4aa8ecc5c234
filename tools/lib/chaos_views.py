# SPDX-License-Identifier: ISC
"""The memberships that there were, as the gabds logged them."""
import datetime
import re
import time

VIEW = re.compile(r"^(\S+ \S+) gabd\[\d+\] view: port a gen ([0-9a-f]+) membership ;?(\d*)(.*)$")


class View:
    def __init__(self, gen, when, members):
        self.gen, self.when, self.members = gen, when, members
        self.new = set()  # of them, those who came without what the others had


class Loss:
    """A node left the membership, or came into the next one afresh."""

    def __init__(self, node, when, members):
        self.node, self.when, self.members = node, when, members
        self.back = None


def offset():
    """What to take off a logged time, to have it of time.monotonic()."""
    return time.time() - time.monotonic()


def seconds(text, off):
    return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f").timestamp() - off


def read(logs, begin):
    """The quorate views since begin, in their order. logs: node -> path of gabd's log."""
    views, off = {}, offset()
    for node, path in logs.items():
        with open(path, errors="replace") as f:
            for line in f:
                found = VIEW.match(line)
                if not found or "not quorate" in found[4]:
                    continue
                gen, when = int(found[2], 16), seconds(found[1], off)
                view = views.setdefault(gen, View(gen, when, {"n" + c for c in found[3]}))
                view.when = min(view.when, when)
                if "we are new" in found[4]:
                    view.new.add(node)
    rows = [views[g] for g in sorted(views)]
    before = [v for v in rows if v.when < begin]
    return before[-1:] + [v for v in rows if v.when >= begin]


def losses(views):
    """Every loss, each with the time at which the node was back (None: never)."""
    rows, open_ = [], {}
    for old, new in zip(views, views[1:]):
        for node in sorted(old.members):
            if node not in new.members or node in new.new:
                loss = Loss(node, new.when, new.members)
                rows.append(loss)
                open_.setdefault(node, []).append(loss)
        for node in new.members:
            for loss in open_.pop(node, []):
                loss.back = new.when
    return rows


def at(views, when):
    """The members at a time."""
    there = [v for v in views if v.when <= when]
    return there[-1].members if there else set()
