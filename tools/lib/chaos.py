# SPDX-License-Identifier: ISC
"""Random events against a cluster under load, and whether the clients could tell.

Events come from a seed, often two within a second. What is allowed to happen to a connection follows from
its owner alone: it breaks if the owner lost power, or was cut off from all others, while it was open, and
else it does not; and no byte of it is ever wrong.
"""
import collections
import random
import threading
import time

import testbed_status
from testbed_error import TestbedError, wait_until
from testbed_load import ALIAS, ECHO, Load, echod, owners, wait_listening

CLUSTER = {"nodes": 5, "profile": "lan", "clients": 2, "gabd": 'quorum = "majority";'}
KINDS = {"power": 3, "boot": 5, "cut": 3, "isolate": 1, "heal": 4, "aliasd": 4, "weight": 4, "drain": 2,
    "leave": 2, "join": 4, "master": 4}
DETECTED = 1.5  # seconds in which new connections may still be sent to a node that is gone
LAN_CUT_MAX = 4.0  # seconds: a node without its LAN cable cannot answer, and its clients back off
SERVING_MIN, ALIASDS_MIN = 2, 2


class Node:
    def __init__(self, name):
        self.name = name
        self.ready, self.busy = True, False
        self.power, self.aliasd = True, True
        self.joined, self.weight = True, 1
        self.cuts = {}  # interface -> since when
        self.server = None

    def isolated(self, links):
        return len(self.cuts) == links + 1

    def serves(self):
        return self.ready and self.aliasd and self.joined and self.weight > 0 and "eth0" not in self.cuts


class Spans:
    """From when to when something was so, of each node; an open end is None."""

    def __init__(self):
        self.of = collections.defaultdict(list)

    def begin(self, node, when):
        self.of[node].append([when, None])

    def end(self, node, when):
        if self.of[node] and self.of[node][-1][1] is None:
            self.of[node][-1][1] = when

    def meet(self, node, begin, end):
        return any(b <= end and (e is None or e >= begin) for b, e in self.of[node])

    def any_meets(self, begin, end):
        return any(self.meet(node, begin, end) for node in list(self.of))


class Chaos:
    def __init__(self, tb, seed, connections=10000, rate=200, interval_ms=1000, gap=(0.4, 2.0),
            settle=10, say=None):
        self.tb, self.random = tb, random.Random(seed)
        self.connections, self.rate, self.interval_ms, self.gap = connections, rate, interval_ms, gap
        self.settle = settle
        self.say = say or (lambda text: None)
        self.links = tb.options["links"]
        self.nodes = {n: Node(n) for n in tb.nodes()}
        self.lost, self.off_lan = Spans(), Spans()
        self.count, self.log, self.problems = collections.Counter(), [], []
        self.lock, self.threads = threading.Lock(), []
        self.began = time.monotonic()

    # ---- the events: each knows when it may happen, and leaves the model as it will be ----

    def note(self, text):
        line = "%7.2f %s" % (time.monotonic() - self.began, text)
        self.log.append(line)
        self.say(line)

    def free(self, want=lambda n: True):
        return [n for n in self.nodes.values() if not n.busy and want(n)]

    def can_lose(self, node):
        """Whether the others have a quorum and servers without it."""
        left = [n for n in self.nodes.values() if n is not node and n.ready and not n.isolated(self.links)]
        return len(left) > len(self.nodes) // 2 and self.can_stop_serving(node) and \
            len([n for n in left if n.aliasd]) >= ALIASDS_MIN

    def can_stop_serving(self, node):
        return len([n for n in self.nodes.values() if n is not node and n.serves()]) >= SERVING_MIN

    def candidates(self, kind):
        up = self.free(lambda n: n.ready and n.aliasd)
        whole = [n for n in up if not n.isolated(self.links)]
        return {
            "power": lambda: [n for n in self.free(lambda n: n.power) if self.can_lose(n)],
            "boot": lambda: self.free(lambda n: not n.power),
            "cut": lambda: [(n, i) for n in whole for i in self.interfaces() if i not in n.cuts and
                self.all_meet(n, i) and (i != "eth0" or self.can_stop_serving(n))],
            "isolate": lambda: [n for n in whole if self.can_lose(n)],
            "heal": lambda: [(n, *n.cuts) if n.isolated(self.links) else (n, i) for n in self.free()
                for i in n.cuts],
            "aliasd": lambda: [n for n in whole if
                len([m for m in self.nodes.values() if m.ready and m.aliasd]) > ALIASDS_MIN],
            "weight": lambda: [n for n in whole if n.joined],
            "drain": lambda: [n for n in whole if n.joined and n.weight > 0 and self.can_stop_serving(n)],
            "leave": lambda: [n for n in whole if n.joined and self.can_stop_serving(n)],
            "join": lambda: [n for n in whole if not n.joined],
            "master": lambda: whole,
        }[kind]()

    def all_meet(self, node, interface):
        """Whether all pairs have a link in common without it; else members would expel one another."""
        mine = set(self.interfaces()) - set(node.cuts) - {interface}
        return mine and all(n.isolated(self.links) or mine - set(n.cuts) for n in self.nodes.values())

    def interfaces(self):
        return ["eth0"] + ["ic%d" % i for i in range(self.links)]

    def one(self):
        """Starts one event that may happen now; False if none may."""
        possible = {k: c for k in KINDS if (c := self.candidates(k))}
        overdue = [t for t in possible.get("heal", []) if "eth0" in t and
            time.monotonic() - t[0].cuts["eth0"] > LAN_CUT_MAX]
        if overdue:
            kind, target = "heal", overdue[0]
        elif possible:
            kind = self.random.choices(list(possible), [KINDS[k] for k in possible])[0]
            target = self.random.choice(possible[kind])
        else:
            return False
        self.count[kind] += 1
        node, args = (target[0], target[1:]) if isinstance(target, tuple) else (target, ())
        node.busy = True
        work = getattr(self, "do_" + kind)(node, *args)
        thread = threading.Thread(target=self.carry_out, args=(kind, node, work))
        self.threads.append(thread)
        thread.start()
        return True

    def carry_out(self, kind, node, work):
        try:
            work()
        except Exception as e:  # a thread has nobody else to tell
            self.problems.append("%s %s: %s" % (kind, node.name, str(e)[:3000]))
            self.note("PROBLEM %s %s: %s" % (kind, node.name, str(e).splitlines()[0]))
        node.busy = False

    def do_power(self, node):
        self.note("power cut %s" % node.name)
        node.power = node.ready = False

        def work():
            self.lost.begin(node.name, time.monotonic())
            self.tb.kill(node.name)
            node.server.proc.wait(10)
            node.server.proc.stdout.close()
            self.off_lan.end(node.name, time.monotonic())
        return work

    def do_boot(self, node):
        self.note("boot %s" % node.name)

        def work():
            self.tb.start(node.name, wait=False)
            node.server = echod(self.tb, node.name)
            node.power, node.aliasd, node.joined, node.weight = True, True, True, 1
            self.lost.end(node.name, time.monotonic())
            if "eth0" in node.cuts:
                self.off_lan.begin(node.name, time.monotonic())
            self.wait_synced(node)
            self.note("        %s is back" % node.name)
        return work

    def wait_synced(self, node):
        """Unless it can see nobody."""
        def there():
            answer = testbed_status.ask(self.tb.machine(node.name), "aliasd")
            return answer and answer["synced"] and answer["quorate"]
        if not node.isolated(self.links):
            wait_until(there, 30, "%s to hold everything" % node.name, step=0.1)
            node.ready = True

    def cut(self, node, interface):
        node.cuts[interface] = time.monotonic()
        if interface == "eth0":
            self.off_lan.begin(node.name, time.monotonic())

    def do_cut(self, node, interface):
        self.note("cut %s %s" % (node.name, interface))
        self.cut(node, interface)

        def work():
            with self.lock:
                self.tb.cut(node.name, interface)
        return work

    def do_isolate(self, node):
        self.note("cut off %s" % node.name)
        node.ready = False
        for interface in self.interfaces():
            if interface not in node.cuts:
                self.cut(node, interface)

        def work():
            self.lost.begin(node.name, time.monotonic())
            with self.lock:
                self.tb.cut(node.name, *self.interfaces())
        return work

    def do_heal(self, node, *interfaces):
        self.note("heal %s %s" % (node.name, " ".join(interfaces)))
        was_isolated = node.power and node.isolated(self.links)
        for interface in interfaces:
            del node.cuts[interface]

        def work():
            with self.lock:
                self.tb.heal(node.name, *interfaces)
            if "eth0" in interfaces:
                self.off_lan.end(node.name, time.monotonic())
            if was_isolated:
                # Those that see it again do so after the time of a heartbeat or two.
                time.sleep(DETECTED)
                self.wait_synced(node)
                self.lost.end(node.name, time.monotonic())
        return work

    def do_aliasd(self, node):
        self.note("aliasd killed on %s" % node.name)
        node.aliasd = False
        pause = self.random.choice((0.0, 0.2, 1.0, 3.0))

        def work():
            machine = self.tb.machine(node.name)
            for pid in machine.daemon_pids("aliasd"):
                machine.run(["kill", "-9", machine_pid(pid)])
            time.sleep(pause)
            self.tb.start_daemon(node.name, "aliasd")
            node.joined, node.weight = True, 1  # as in clu_alias.config
            self.wait_synced(node)
            node.aliasd = True
            self.note("        aliasd on %s is back" % node.name)
        return work

    def cluamgr(self, node, change):
        def work():
            def done():
                result = self.tb.machine(node.name).run("cluamgr -a alias=DEFAULTALIAS," + change,
                    check=False)
                last[0] = result.stderr.strip()
                return result.returncode == 0
            last = [""]
            try:
                wait_until(done, 20, change, step=0.1)
            except TestbedError as e:
                raise TestbedError("%s: %s" % (e, last[0])) from None
        return work

    def do_weight(self, node):
        node.weight = self.random.randint(1, 5)
        self.note("weight of %s is %d" % (node.name, node.weight))
        return self.cluamgr(node, "selw=%d" % node.weight)

    def do_drain(self, node):
        self.note("drain %s" % node.name)
        node.weight = 0
        return self.cluamgr(node, "selw=0")

    def do_leave(self, node):
        self.note("%s leaves" % node.name)
        node.joined = False
        return self.cluamgr(node, "leave")

    def do_join(self, node):
        self.note("%s joins" % node.name)
        node.joined, node.weight = True, max(node.weight, 1)
        return self.cluamgr(node, "join,selw=%d" % node.weight)

    def do_master(self, node):
        rpri = self.random.randint(1, 100)
        self.note("rpri of %s is %d" % (node.name, rpri))
        return self.cluamgr(node, "rpri=%d" % rpri)

    # ---- the run ----

    def run(self, events=None, seconds=None):
        """So many events, or as many as happen in that time; the account."""
        try:
            for node in self.nodes.values():
                node.server = echod(self.tb, node.name)
            wait_listening(self.tb, ECHO, list(self.nodes))
            conns = Load(self.tb, "conns", "-a", ALIAS, "-p", ECHO, "-n", self.connections, "-i",
                self.interval_ms, "-D", "-R")
            short = Load(self.tb, "short", "-a", ALIAS, "-p", ECHO, "-c", 500, "-r", self.rate, "-q",
                client="c2") if self.rate else None
            self.began = time.monotonic()
            self.note("begin")
            self.happen(events, seconds)
            self.restore()
            new = short.stop() if short else None
            time.sleep(self.settle)
            flows = self.settled_flows()
            ended = time.monotonic()
            account = conns.stop()
            self.flows_left()
            return self.judge(account, new, ended, flows)
        finally:
            for thread in self.threads:
                thread.join()
            for node in self.nodes.values():
                if node.server and node.server.proc.poll() is None:
                    node.server.stop()

    def happen(self, events, seconds):
        deadline = time.monotonic() + (seconds or 10**6)
        while (events is None or sum(self.count.values()) < events) and time.monotonic() < deadline:
            if not self.one():
                time.sleep(0.05)
            elif self.random.random() < 0.5:
                time.sleep(self.random.uniform(0, self.gap[0]))
            else:
                time.sleep(self.random.uniform(*self.gap))

    def restore(self):
        """Everything on, whole and joined again."""
        for thread in self.threads:
            thread.join()
        self.note("restore")
        for node in self.nodes.values():
            if node.cuts:
                self.carry_out("heal", node, self.do_heal(node, *node.cuts))
        for node in self.nodes.values():
            if not node.power:
                self.carry_out("boot", node, self.do_boot(node))
        for node in self.nodes.values():
            self.carry_out("join", node, self.cluamgr(node, "join,selw=1"))
        self.tb.wait_formed(60)
        self.formed = time.monotonic()
        self.note("formed")

    def flows(self):
        """Node -> what it says that each member owns."""
        return {n: {row["name"]: row["flows"] for row in (testbed_status.ask(self.tb.machine(n), "aliasd") or
            {"nodes": []})["nodes"]} for n in self.nodes}

    def settled_flows(self):
        """When the clients have noticed all that there is to notice."""
        def settled():
            flows[0] = self.flows()
            first = next(iter(flows[0].values()))
            # A host that was cut off does not know of connections that its clients gave up meanwhile.
            return all(f == first for f in flows[0].values()) and (sum(first.values()) == self.connections or
                (self.count["isolate"] and sum(first.values()) > self.connections))
        flows = [None]
        try:
            wait_until(settled, 20, "all to agree on %d connections" % self.connections, step=0.5)
        except TestbedError as e:
            self.problems.append("%s: %s" % (e, flows[0]))
        return flows[0]

    def flows_left(self):
        def none():
            left[0] = self.flows()
            return self.count["isolate"] or not any(sum(f.values()) for f in left[0].values())
        left = [None]
        try:
            wait_until(none, 20, "no connection to be left", step=0.5)
        except TestbedError as e:
            self.problems.append("%s: %s" % (e, left[0]))

    # ---- the judgement ----

    def excused(self, owner, begin, end):
        """Whether a connection that was open from begin to end may have broken."""
        if owner:
            return self.lost.meet(owner, begin, end)
        return self.lost.any_meets(begin - DETECTED, end)

    def is_stuck(self, conn, ended):
        """Senders back off: at worst they try again when they have waited twice as long."""
        waited = conn["waiting_ms"] / 1e3
        return waited > 1 and ended > self.formed + max(0, self.formed - (ended - waited)) + 2

    def judge(self, conns, new, ended, flows):
        broken = conns["replaced"]
        guilty = [c for c in broken if c["broken"] in ("garbage", "other owner") or
            not self.excused(c["owner"], c["opened_at_us"] / 1e6, c["broken_at_us"] / 1e6)]
        stuck = [c for c in conns["connections"] if self.is_stuck(c, ended)]
        waits = sorted(c["longest_ms"] for c in conns["connections"] if c["owner"] and not
            self.off_lan.meet(c["owner"], c["longest_at_us"] / 1e6,
                c["longest_at_us"] / 1e6 + c["longest_ms"] / 1e3))
        failed = [r for r in (new or {"records": []})["records"] if r["result"] != "ok"]
        wrong = [r for r in failed if r["result"] == "garbage" or not self.excused("", r["start_us"] / 1e6,
            r["start_us"] / 1e6 + r["ms"] / 1e3)]
        # Connections can be given to a member whose LAN cable was just pulled.
        late = [r for r in wrong if r["result"] == "timeout" and self.off_lan.any_meets(r["start_us"] / 1e6 -
            DETECTED, r["start_us"] / 1e6 + r["ms"] / 1e3)]
        wrong = [r for r in wrong if r not in late]
        relative = lambda us: round(us / 1e6 - self.began, 2)
        return {"began": self.began, "events": sum(self.count.values()), "kinds": dict(self.count),
            "seconds": round(time.monotonic() - self.began, 1), "connections": conns["opened"],
            "lines": conns["lines"], "broken": len(broken), "broken_of_survivors": len(guilty),
            "broken_examples": [dict(c, opened=relative(c["opened_at_us"]), at=relative(c["broken_at_us"]))
                for c in guilty[:10]],
            "stuck": len(stuck), "stuck_examples": stuck[:5],
            "wait_ms": {"p50": percentile(waits, 50), "p99": percentile(waits, 99),
                "max": waits[-1] if waits else 0},
            "new": new and new["connections"], "new_ok": new and new["ok"],
            "new_failed": len(failed), "new_failed_off_lan": len(late), "new_failed_without_cause": len(wrong),
            "new_examples": [dict(r, at=relative(r["start_us"])) for r in wrong[:10]],
            "new_slowest_ms": new and new["slowest_ms"],
            "owners": owners(conns), "flows": next(iter(flows.values())), "problems": self.problems,
            "ok": not (guilty or stuck or wrong or self.problems)}


def percentile(values, p):
    return values[min(len(values) - 1, len(values) * p // 100)] if values else 0


def machine_pid(pid):
    """A process's number in its machine."""
    with open("/proc/%d/status" % pid) as f:
        return next(line.split()[-1] for line in f if line.startswith("NSpid:"))
