# SPDX-License-Identifier: ISC
"""What the clients saw of a chaos run, and whether all of it may be.

    a connection   breaks only if its owner left the membership while it was open, and does not hang; no byte of
                   it is wrong
    a new one      fails only if a node was lost meanwhile, to which it may have been given; or when it was
                   given to one that had just lost its LAN cable
    a node         leaves the membership only if it has no power, or does not see a node that stays; what is
                   left, when nothing changes any more, is a largest set of nodes that see each other
    ARP            is answered by members only, and no question by two of them; who is lost alive may be the
                   last to learn of it

Nobody knows of a loss in the moment in which it happens: each rule has its time.
"""
import collections
import os
import re

import chaos_views
from testbed_lan import node_mac
from testbed_load import owners

FOUND_OUT = 1.5  # from a cut to the membership without whom it cuts off
STEPS_DOWN = 0.5  # from then until nobody sends it anything, and it answers nobody
SETTLED = 3.0
SYN_AGAIN = (0, 1, 2, 3, 4)  # seconds at which Linux sends a SYN
RESET_AFTER = 5.0  # at most, once there is somebody who can say that a connection is gone
HANGS = 10.0  # no failure lasts that long, nor what TCP waits on top of it
STALE = 0.05  # between clocks, and two lines of logs
DAEMONS = ("lltd", "gabd", "aliasd")
NEWS = re.compile(r"^\S+ \S+ (lltd|gabd|aliasd)\[\d+\] (warning|error): (.*)$")
USUAL = re.compile("jeopardy|lost|silent|without aliasd|carrier|no link|trouble")


class Daemons:
    """What the daemons take of memory and descriptors, from the beginning to the end of a run."""

    def __init__(self, tb):
        self.tb = tb
        self.before = self.look()
        self.logged = {path: os.path.getsize(path) for path in self.logs()}

    def look(self):
        return {(n, d, pid): self.size(pid) for n in self.tb.running_nodes() for d in DAEMONS
            for pid in self.tb.machine(n).daemon_pids(d)}

    @staticmethod
    def size(pid):
        with open("/proc/%d/status" % pid) as f:
            rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
        return {"rss_kb": rss, "fds": len(os.listdir("/proc/%d/fd" % pid))}

    def grown(self):
        """Of those that live since the beginning: the most."""
        after, rows = self.look(), {}
        for key in set(after) & set(self.before):
            for what in ("rss_kb", "fds"):
                name = "%s_%s" % (key[1], what)
                row = (after[key][what] - self.before[key][what], self.before[key][what], after[key][what])
                rows[name] = max(rows.get(name, row), row)
        return {name: "%d -> %d" % row[1:] for name, row in sorted(rows.items())}

    def logs(self):
        return [path for n in self.tb.nodes() for d in DAEMONS if os.path.exists(path := self.tb.log(n, d))]

    def news(self):
        """Warnings and errors, with numbers left out, and how many of each."""
        found = collections.Counter()
        for path in self.logs():
            with open(path, errors="replace") as f:
                f.seek(self.logged.get(path, 0))
                for line in f:
                    if match := NEWS.match(line):
                        found["%s %s: %s" % (match[1], match[2], re.sub(r"\d+", "N", match[3]))] += 1
        return dict(found.most_common())


class Judge:
    def __init__(self, chaos, conns, new, asked, daemons):
        self.chaos, self.conns, self.new, self.asked = chaos, conns, new, asked["asked"]
        self.daemons, self.problems = daemons, list(chaos.problems)
        self.began, self.ended = chaos.began, chaos.ended
        self.views = chaos_views.read({n: chaos.tb.log(n, "gabd") for n in chaos.nodes}, self.began)
        self.losses = chaos_views.losses(self.views)

    def relative(self, when):
        return round(when - self.began, 2)

    # ---- the membership ----

    def power_cut(self, node, begin, end):
        return self.chaos.powerless.meet(node, begin, end)

    def cut_at(self, loss):
        """When that happened which the others found out at the loss."""
        spans = [b for b, _ in self.chaos.powerless.of[loss.node] if loss.when - FOUND_OUT <= b <= loss.when]
        return min(spans, default=loss.when - STALE)

    def lost_without_cause(self):
        rows = []
        for loss in self.losses:
            since = loss.when - FOUND_OUT
            if not self.power_cut(loss.node, since, loss.when) and not any(
                    self.chaos.wires.apart(loss.node, other, since, loss.when)
                    for other in loss.members - {loss.node}):
                rows.append("%s was lost at %.2f" % (loss.node, self.relative(loss.when)))
        return rows

    def not_the_largest(self):
        rows = []
        for when, state in self.chaos.wires.settled(SETTLED, self.ended):
            members = chaos_views.at(self.views, when)
            if members not in state.cliques():
                rows.append("at %.2f the members were %s" % (self.relative(when), sorted(members)))
        return rows

    def is_member(self, node, when, tolerance):
        return not any(loss.node == node and loss.when + tolerance < when and
            (loss.back is None or when < loss.back - STALE) for loss in self.losses)

    # ---- connections ----

    def may_break(self, conn):
        """
        Whether its owner was lost while it was open. It may break late, due to its sender's patience; but
        what worked again when the owner was back has no reason to.
        """
        opened, broken = conn["opened_at_us"] / 1e6, conn["broken_at_us"] / 1e6
        asked = conn["longest_at_us"] / 1e6
        if broken - asked - conn["longest_ms"] / 1e3 > STALE:
            asked = broken  # that was another wait
        # One that is no member may still be sent to by a client who takes a port again, and lose power then.
        if any(opened <= begin <= broken and asked <= (end or self.ended) for begin, end in
                self.chaos.powerless.of[conn["owner"]]):
            return True
        for loss in self.losses:
            if loss.node != conn["owner"] or not opened <= loss.when + STALE:
                continue
            back = loss.back or self.ended
            if self.cut_at(loss) <= broken and (asked <= back or
                    broken <= back + (back - loss.when) + RESET_AFTER):
                return True
        return False

    def may_fail(self, begin, end):
        """A new one, whose owner is not known."""
        return any(begin <= loss.when + STEPS_DOWN and end >= self.cut_at(loss) for loss in self.losses)

    def guilty(self):
        return [c for c in self.conns["replaced"] if c["broken"] in ("garbage", "other owner") or
            not (self.may_break(c) if c["owner"] else self.may_fail(c["opened_at_us"] / 1e6, c["broken_at_us"] / 1e6))]

    def given_to_strangers(self):
        """
        New ones all of whose SYNs were sent while their owner was no member; but who takes a port again whose
        connection a host still has comes to that host.
        """
        return [c for c in self.conns["replaced"] + self.conns["connections"] if c["owner"] and any(
            loss.node == c["owner"] and loss.when + STEPS_DOWN < c["opened_at_us"] / 1e6 and
            c["opened_at_us"] / 1e6 + SYN_AGAIN[-1] < (loss.back or self.ended) for loss in self.losses) and
            not any(o["port"] == c["port"] and o["owner"] in (c["owner"], "") and
                o["opened_at_us"] < c["opened_at_us"] for o in self.conns["replaced"])]

    def is_stuck(self, conn):
        """Senders back off: at worst they try again when they have waited twice as long."""
        waited, formed = conn["waiting_ms"] / 1e3, self.chaos.formed
        return waited > 1 and self.ended > formed + max(0, formed - (self.ended - waited)) + 2

    def failed(self):
        """Of the new ones: all, those given to a node without a LAN cable, those for which nothing speaks."""
        rows = [r for r in self.new["records"] if r["result"] != "ok"]
        span = lambda r: (r["start_us"] / 1e6, r["start_us"] / 1e6 + r["ms"] / 1e3)
        wrong = [r for r in rows if r["result"] == "garbage" or not self.may_fail(*span(r))]
        late = [r for r in wrong if r["result"] == "timeout" and
            self.chaos.off_lan.any_meets(span(r)[0] - FOUND_OUT, span(r)[1])]
        return rows, late, [r for r in wrong if r not in late]

    # ---- waits ----

    def waits(self):
        """The longest of each connection, but of those whose owner could not answer."""
        rows = []
        for c in self.conns["connections"]:
            begin = c["longest_at_us"] / 1e6
            end = begin + c["longest_ms"] / 1e3
            lost = any(loss.node == c["owner"] and begin <= (loss.back or end) and end >= loss.when
                for loss in self.losses)
            if c["owner"] and not lost and not self.chaos.off_lan.meet(c["owner"], begin, end):
                rows.append((c["longest_ms"], begin, c["owner"]))
        return sorted(rows)

    def near(self, begin, end):
        """Events between."""
        return [text for when, text in self.chaos.log if begin <= when <= end and not text.startswith(" ")]

    def late(self):
        """When the clients themselves got no processor."""
        return ["%s at %.2f: %d ms" % (who, self.relative(l["at_us"] / 1e6), l["ms"])
            for who, account in (("c1", self.conns), ("c2", self.new)) for l in account["late"]]

    def starved(self, begin, end):
        return any(l["at_us"] / 1e6 <= end and l["at_us"] / 1e6 + l["ms"] / 1e3 >= begin
            for account in (self.conns, self.new) for l in account["late"])

    def slow(self):
        """New ones, by what happened at the SYNs that got no answer."""
        rows, causes = [], collections.Counter()
        for r in self.new["records"]:
            if r["result"] != "ok":
                continue
            start = r["start_us"] / 1e6
            tries = [start + t for t in SYN_AGAIN if t < r["ms"] / 1e3 - 0.05][:-1] or [start]
            why = [sorted({" ".join(w for w in text.split() if not re.match(r"n\d|\d", w))
                for text in self.near(t - 0.7, t + 0.1)}) for t in tries]
            if self.starved(start, start + r["ms"] / 1e3):
                causes["clients late"] += 1
                continue
            causes[" | ".join(", ".join(w) or "nothing" for w in why)] += 1
            rows.append({"at": self.relative(start), "ms": round(r["ms"]), "owner": r["owner"],
                "near": [self.near(t - 0.7, t + 0.1) for t in tries]})
        return {"count": len(rows), "causes": dict(causes.most_common()),
            "slowest": sorted(rows, key=lambda r: -r["ms"])[:400]}

    # ---- ARP ----

    def arp(self):
        names, doubles, strangers, gap, last = {node_mac(n): n for n in self.chaos.nodes}, [], [], 0, None
        passing = 0
        for question in self.asked:
            who = {names.get(a["mac"], a["mac"]) for a in question["answers"]}
            at = question["at"]
            if len(who) > 1 and any(l.node in who and l.when <= at <= l.when + STEPS_DOWN for l in self.losses):
                passing += 1
            elif len(who) > 1:
                doubles.append("%.2f: %s" % (self.relative(at), " ".join(sorted(who))))
            strangers += ["%.2f: %s" % (self.relative(at), n) for n in who if
                not self.is_member(n, at, STEPS_DOWN)]
            if who:
                gap, last = max(gap, at - (last or at)), at
        return {"asked": len(self.asked), "by_two": doubles, "by_one_that_was_just_lost_too": passing, "by_strangers": strangers,
            "longest_gap_ms": round(gap * 1e3)}

    # ---- the whole ----

    def result(self, flows):
        guilty, strangers = self.guilty(), self.given_to_strangers()
        stuck = [c for c in self.conns["connections"] if self.is_stuck(c)]
        failed, late, wrong = self.failed()
        waits, arp = self.waits(), self.arp()
        hung = [w for w in waits if w[0] > HANGS * 1e3]
        self.problems += self.lost_without_cause() + self.not_the_largest()
        self.problems += ["ARP answered by two: " + t for t in arp["by_two"]]
        self.problems += ["ARP answered by a node that is no member: " + t for t in arp["by_strangers"]]
        cut_off = [l for l in self.losses if not self.power_cut(l.node, l.when - FOUND_OUT, l.when)]
        return {"events": sum(self.chaos.count.values()), "kinds": dict(self.chaos.count),
            "seconds": round(self.ended - self.began, 1), "connections": self.conns["opened"],
            "lines": self.conns["lines"], "views": len(self.views), "lost": len(self.losses),
            "cut_off": ["%s at %.2f" % (l.node, self.relative(l.when)) for l in cut_off],
            "broken": len(self.conns["replaced"]), "broken_of_survivors": len(guilty),
            "broken_examples": [dict(c, opened=self.relative(c["opened_at_us"] / 1e6),
                at=self.relative(c["broken_at_us"] / 1e6)) for c in guilty[:10]],
            "given_to_strangers": len(strangers), "given_examples": strangers[:5],
            "stuck": len(stuck), "stuck_examples": stuck[:5], "hung": len(hung),
            "wait_ms": {"p50": percentile(waits, 50), "p99": percentile(waits, 99),
                "max": percentile(waits, 100)},
            "long_waits": [{"ms": round(ms), "at": self.relative(at), "owner": owner,
                "near": self.near(at - 0.7, at + 0.1),
                "clients_late": self.starved(at, at + ms / 1e3)} for ms, at, owner in waits[-200:] if ms > 600],
            "new": self.new["connections"], "new_ok": self.new["ok"], "new_failed": len(failed),
            "new_failed_off_lan": len(late), "new_failed_without_cause": len(wrong),
            "new_examples": [dict(r, at=self.relative(r["start_us"] / 1e6)) for r in wrong[:10]],
            "new_slowest_ms": self.new["slowest_ms"], "new_slow": self.slow(),
            "owners": owners(self.conns), "flows": next(iter(flows.values())), "arp": arp,
            "clients_late": self.late(), "grown": self.daemons.grown(), "news": self.daemons.news(), "problems": self.problems,
            "ok": not (guilty or strangers or stuck or hung or wrong or self.problems)}


def percentile(waits, p):
    return round(waits[min(len(waits) - 1, len(waits) * p // 100)][0], 1) if waits else 0
