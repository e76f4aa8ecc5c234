# SPDX-License-Identifier: ISC
"""Random events against a cluster under load.

Events come from a seed, often two within a second. They never take what the cluster needs by its own
rules: a quorum of nodes that see each other, and among them some that serve. What is allowed to happen
to the clients then is in chaos_judge.py.
"""
import collections
import random
import threading
import time

import chaos_judge
import testbed_status
from chaos_wires import Wires
from testbed_error import TestbedError, wait_until
from testbed_lan import arp_watch
from testbed_load import ALIAS, ECHO, Load, echod, wait_listening

CLUSTER = {"nodes": 5, "profile": "lan", "clients": 2, "gabd": 'quorum = "majority";'}
KINDS = {"power": 3, "boot": 5, "cut": 4, "isolate": 1, "divide": 1, "part": 2, "heal": 5, "aliasd": 4,
    "weight": 4, "drain": 2, "leave": 2, "join": 4, "master": 4}
DETECTED = 1.5  # seconds after which everybody knows of a change
LAN_CUT_MAX = 4.0  # seconds: a node without its LAN cable cannot answer, and its clients back off
SERVING_MIN, ALIASDS_MIN = 2, 2
SLOW_MS = 500
ASK_MS = 20  # between two ARP requests of a client


class Node:
    def __init__(self, name):
        self.name = name
        self.ready, self.busy = True, False
        self.aliasd = True
        self.joined, self.weight = True, 1
        self.server = None


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
        self.nodes = {n: Node(n) for n in tb.nodes()}
        self.interfaces = ["eth0"] + ["ic%d" % i for i in range(tb.options["links"])]
        self.wires = Wires(self.nodes, self.interfaces)
        self.powerless, self.off_lan = Spans(), Spans()
        self.lan_cut = {}  # node -> since when
        self.count, self.log, self.problems = collections.Counter(), [], []
        self.lock, self.threads = threading.Lock(), []
        self.began = time.monotonic()

    # ---- what may be done ----

    def note(self, text):
        now = time.monotonic()
        self.log.append((now, text))
        self.say("%7.2f %s" % (now - self.began, text))

    def whole(self, node):
        """Whichever way the others see it, this one is a member."""
        return node.name in self.wires.now.whole()

    def free(self, want=lambda n: True):
        return [n for n in self.nodes.values() if not n.busy and want(n)]

    def serves(self, node, state):
        return node.ready and node.aliasd and node.joined and node.weight > 0 and \
            "eth0" not in state.cuts[node.name]

    def holds(self, state, but=None, down=None):
        """Whether the cluster goes on like this, if also one stops serving, or its aliasd is down."""
        for clique in state.cliques():
            there = [n for n in self.nodes.values() if n.name in clique and n.ready]
            if len(there) * 2 <= len(self.nodes) or \
                    len([n for n in there if n.aliasd and n is not down]) < ALIASDS_MIN or \
                    len([n for n in there if self.serves(n, state) and n not in (but, down)]) < SERVING_MIN:
                return False
        return True

    def state(self, off=(), cut=(), part=()):
        """What would be: nodes without power, (node, interface) pairs, nodes kept apart."""
        state = self.wires.now.copy()
        state.off |= set(off)
        state.parted |= set(part)
        for node, interface in cut:
            state.cuts[node].add(interface)
        return state

    def power_is_on(self, node):
        return node.name not in self.wires.now.off

    def cuts(self):
        now = self.wires.now
        return [(n, i) for n in self.free(self.power_is_on) for i in self.interfaces if
            i not in now.cuts[n.name] and self.holds(self.state(cut=[(n.name, i)]))]

    def divisions(self):
        """Two nodes that see each other and nobody else: on one link, which the others have no more."""
        found = []
        for a in self.free(self.whole):
            for b in self.free(self.whole):
                if a.name < b.name and self.holds(self.division(a, b)):
                    found.append((a, b))
        return found

    def division_cuts(self, a, b):
        link = self.interfaces[-1]
        two = {a.name, b.name}
        return [(n, i) for n in self.nodes for i in self.interfaces if (i == link) != (n in two)]

    def division(self, a, b):
        return self.state(cut=self.division_cuts(a, b))

    def partings(self):
        """Two nodes that no switch connects with each other, and all the others with both."""
        if self.wires.now.parted:
            return []
        whole = self.free(self.whole)
        return [(a, b) for a in whole for b in whole if a.name < b.name and
            self.holds(self.state(part=(a.name, b.name)))]

    def heals(self):
        now = self.wires.now
        rows = [(n, i) for n in self.free() for i in now.cuts[n.name]]
        rows += [(n, *now.cuts[n.name]) for n in self.free() if len(now.cuts[n.name]) > 1]
        return rows + ([(self.nodes[min(now.parted)], "apart")] if now.parted else [])

    def candidates(self, kind):
        up = self.free(lambda n: n.ready and n.aliasd and self.whole(n))
        stop = lambda n: self.holds(self.wires.now, but=n)
        return {
            "power": lambda: [n for n in self.free(self.power_is_on) if
                self.holds(self.state(off=[n.name]))],
            "boot": lambda: self.free(lambda n: not self.power_is_on(n)),
            "cut": self.cuts,
            "isolate": lambda: [n for n in up if
                self.holds(self.state(cut=[(n.name, i) for i in self.interfaces]))],
            "divide": self.divisions,
            "part": self.partings,
            "heal": self.heals,
            "aliasd": lambda: [n for n in up if self.holds(self.wires.now, down=n)],
            "weight": lambda: [n for n in up if n.joined],
            "drain": lambda: [n for n in up if n.joined and n.weight > 0 and stop(n)],
            "leave": lambda: [n for n in up if n.joined and stop(n)],
            "join": lambda: [n for n in up if not n.joined],
            "master": lambda: up,
        }[kind]()

    # ---- the events: each leaves the model as it will be, and answers what is to be done ----

    def one(self):
        """Starts one event that may happen now; False if none may."""
        possible = {k: c for k in KINDS if (c := self.candidates(k))}
        overdue = [t for t in possible.get("heal", []) if "eth0" in t and
            time.monotonic() - self.lan_cut[t[0].name] > LAN_CUT_MAX]
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

    def rewire(self, state):
        """The state from now on: its row, and whoever is a member for certain only now."""
        before = self.wires.now
        row = self.wires.change(state)
        back = [self.nodes[n] for n in sorted(state.whole() - before.whole() - before.off)]
        for node in back:
            node.ready = False
        return row, back

    def wait_back(self, nodes):
        """Until they are members that hold everything; whoever is cut off meanwhile comes back later."""
        def there(node):
            if not self.whole(node):
                return True
            answer = testbed_status.ask(self.tb.machine(node.name), "aliasd")
            return answer and answer["synced"] and answer["quorate"]
        for node in nodes:
            wait_until(lambda: there(node), 30, "%s to hold everything" % node.name, step=0.1)
            if self.whole(node) and not node.ready:
                self.tell(node, "join,selw=%d" % node.weight if node.joined else "leave")
                node.ready = self.whole(node)

    def do_power(self, node):
        self.note("power cut %s" % node.name)
        row, back = self.rewire(self.state(off=[node.name]))
        node.ready = False

        def work():
            self.powerless.begin(node.name, time.monotonic())
            self.tb.kill(node.name)
            self.wires.done(row)
            node.server.proc.wait(10)
            node.server.proc.stdout.close()
            self.off_lan.end(node.name, time.monotonic())
            time.sleep(DETECTED)
            self.wait_back(back)
        return work

    def do_boot(self, node):
        self.note("boot %s" % node.name)
        state = self.wires.now.copy()
        state.off.remove(node.name)
        row, back = self.rewire(state)

        def work():
            self.tb.start(node.name, wait=False)
            self.wires.done(row)
            node.server = echod(self.tb, node.name)
            node.aliasd, node.joined, node.weight = True, True, 1
            self.powerless.end(node.name, time.monotonic())
            if "eth0" in self.wires.now.cuts[node.name]:
                self.off_lan.begin(node.name, time.monotonic())
            self.wait_back([*back, node])
            self.note("        %s is back" % node.name)
        return work

    def cut(self, pairs):
        """Cables of some nodes at one moment."""
        now = self.wires.now
        pairs = [(n, i) for n, i in pairs if i not in now.cuts[n]]
        for node, interface in pairs:
            if interface == "eth0":
                self.lan_cut[node] = time.monotonic()
                self.off_lan.begin(node, time.monotonic())
        row, back = self.rewire(self.state(cut=pairs))

        def work():
            with self.lock:
                self.tb.cut_all(pairs)
            self.wires.done(row)
            if back:
                time.sleep(DETECTED)
                self.wait_back(back)
        return work

    def do_cut(self, node, interface):
        self.note("cut %s %s" % (node.name, interface))
        return self.cut([(node.name, interface)])

    def do_isolate(self, node):
        self.note("cut off %s" % node.name)
        return self.cut([(node.name, i) for i in self.interfaces])

    def do_divide(self, node, other):
        self.note("cut off %s and %s together" % (node.name, other.name))
        return self.cut(self.division_cuts(node, other))

    def do_part(self, node, other):
        self.note("part %s and %s" % (node.name, other.name))
        row, back = self.rewire(self.state(part=(node.name, other.name)))

        def work():
            with self.lock:
                self.tb.part(node.name, other.name)
            self.wires.done(row)
            if back:
                time.sleep(DETECTED)
                self.wait_back(back)
        return work

    def do_heal(self, node, *interfaces):
        state = self.wires.now.copy()
        if interfaces == ("apart",):
            self.note("heal %s" % " and ".join(sorted(state.parted)))
            state.parted.clear()
        else:
            self.note("heal %s %s" % (node.name, " ".join(interfaces)))
            state.cuts[node.name] -= set(interfaces)
        row, back = self.rewire(state)

        def work():
            with self.lock:
                if interfaces == ("apart",):
                    self.tb.join()
                else:
                    self.tb.heal(node.name, *interfaces)
            self.wires.done(row)
            if "eth0" in interfaces:
                self.off_lan.end(node.name, time.monotonic())
            if back:
                time.sleep(DETECTED)
                self.wait_back(back)
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
            self.wait_back([node])
            node.aliasd = True
            self.note("        aliasd on %s is back" % node.name)
        return work

    def tell(self, node, change):
        """cluamgr, for as long as the node is a member for certain."""
        def done():
            if not self.whole(node):
                return True
            result = self.tb.machine(node.name).run("cluamgr -a alias=DEFAULTALIAS," + change, check=False)
            last[0] = result.stderr.strip()
            return result.returncode == 0
        last = [""]
        try:
            wait_until(done, 20, change, step=0.1)
        except TestbedError as e:
            raise TestbedError("%s: %s" % (e, last[0])) from None

    def cluamgr(self, node, change):
        return lambda: self.tell(node, change)

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
                "-s", SLOW_MS, client="c2")
            arp = arp_watch(self.tb, interval_ms=ASK_MS, client="c2")
            daemons = chaos_judge.Daemons(self.tb)
            self.began = time.monotonic()
            self.note("begin")
            self.happen(events, seconds)
            self.restore()
            new, asked = short.stop(), arp.stop()
            time.sleep(self.settle)
            flows = self.settled_flows()
            self.ended = time.monotonic()
            account = conns.stop()
            self.flows_left()
            return chaos_judge.Judge(self, account, new, asked, daemons).result(flows)
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
        if self.wires.now.parted:
            node = self.nodes[min(self.wires.now.parted)]
            self.carry_out("heal", node, self.do_heal(node, "apart"))
        for node in self.nodes.values():
            if self.wires.now.cuts[node.name]:
                self.carry_out("heal", node, self.do_heal(node, *self.wires.now.cuts[node.name]))
        for node in self.nodes.values():
            if not self.power_is_on(node):
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

    def cut_off(self):
        """A host that was cut off does not know of connections that its clients gave up meanwhile."""
        return self.count["isolate"] + self.count["cut"] + self.count["divide"] + self.count["part"]

    def settled_flows(self):
        """When the clients have noticed all that there is to notice."""
        def settled():
            flows[0] = self.flows()
            first = next(iter(flows[0].values()))
            return all(f == first for f in flows[0].values()) and (sum(first.values()) == self.connections or
                (self.cut_off() and sum(first.values()) > self.connections))
        flows = [None]
        try:
            wait_until(settled, 20, "all to agree on %d connections" % self.connections, step=0.5)
        except TestbedError as e:
            self.problems.append("%s: %s" % (e, flows[0]))
        return flows[0]

    def flows_left(self):
        def none():
            left[0] = self.flows()
            return self.cut_off() or not any(sum(f.values()) for f in left[0].values())
        left = [None]
        try:
            wait_until(none, 20, "no connection to be left", step=0.5)
        except TestbedError as e:
            self.problems.append("%s: %s" % (e, left[0]))


def machine_pid(pid):
    """A process's number in its machine."""
    with open("/proc/%d/status" % pid) as f:
        return next(line.split()[-1] for line in f if line.startswith("NSpid:"))
