# SPDX-License-Identifier: ISC
"""Many aliases on a testbed: a network wide enough for them, the files, and what each step takes."""
import json
import os
import signal
import time

import testbed_etc
from testbed_error import wait_until
from testbed_load import Load, Program, echods, end, wait_listening

ECHO, PROBE = 7000, 7001


def address(i):
    return "10.64.%d.%d" % (i >> 8, i & 255)


class Asking(Program):
    """A client that asks by ARP for aliases, all the time."""

    def __init__(self, tb, *aliases, client="c1"):
        super().__init__(tb, client, ["/usr/bin/python3", "-I", "-S", tb.tool("testbed_arp_again.py"), "eth0",
            *aliases])

    def stop(self, signo=signal.SIGTERM):
        end(self.proc, signo)
        return json.loads(self.proc.communicate(timeout=10)[0])


def longest_gap(probe, since):
    return max((g["ms"] for g in probe["gaps"] if g["at_us"] / 1e3 + g["ms"] > since * 1e3), default=0)


class Many:
    """n aliases 10.64.x.y, joined by all nodes, beside the default alias."""

    def __init__(self, tb, n):
        self.tb, self.n = tb, n
        self.picks = sorted({1 + i * (n - 1) // 15 for i in range(16)})

    def prepare(self):
        """The network, and aliasd started anew with room enough."""
        for i, name in enumerate(self.tb.nodes() + ["c1"], 1):
            self.tb.machine(name).run("ip addr add 10.64.250.%d/16 dev eth0" % i)
        for node in self.tb.nodes():
            self.configure(node, self.n + 1)
        self.restart()

    def configure(self, node, max_aliasid):
        etc = self.tb.machine(node).etc
        path = os.path.join(etc, "aliasd.conf")
        with open(path) as f:
            kept = [line for line in f if not line.startswith("max_aliasid")]
        testbed_etc.write(etc, "aliasd.conf", "".join(kept) + "max_aliasid = %d;\n" % max_aliasid)

    def restart(self):
        nodes = self.tb.nodes()
        for node in nodes:
            self.signal(node, signal.SIGTERM)
        for node in nodes:
            machine = self.tb.machine(node)
            wait_until(lambda: not machine.daemon_pids("aliasd"), 60, "aliasd on %s to end" % node)
        for node in nodes:
            self.tb.start_daemon(node, "aliasd")
        self.tb.wait_formed()

    def signal(self, node, signo):
        for pid in self.tb.machine(node).daemon_pids("aliasd"):
            os.kill(pid, signo)

    def status(self, node, alias):
        done = self.tb.machine(node).run("cluamgr -s -j " + alias, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def _is_joined(self, node, i):
        status = self.status(node, address(i))
        return status and len(status["aliases"][0]["members"]) == len(self.tb.running_nodes()) and \
            all("JOINED" in m["flags"] for m in status["aliases"][0]["members"])

    def _all_joined(self):
        for node in self.tb.running_nodes():
            first = self.status(node, address(self.n))
            if not first or first["alias_count"] != self.n + 1:
                return False
        return all(self._is_joined(node, i) for node in self.tb.running_nodes() for i in self.picks)

    def join(self):
        """Seconds from the reload of all members' files until all of them serve all aliases."""
        lines = "".join("cluamgr -a alias=%s,join\n" % address(i) for i in range(1, self.n + 1))
        text = "cluamgr -a alias=DEFAULTALIAS,join\n" + lines
        for node in self.tb.nodes():
            testbed_etc.write(self.tb.machine(node).etc, "clu_alias.config", text)
        began = time.monotonic()
        for node in self.tb.nodes():
            self.signal(node, signal.SIGHUP)
        wait_until(self._all_joined, 300, "%d aliases to be joined" % self.n, step=0.02)
        return time.monotonic() - began

    def status_all(self, node="n1"):
        """Seconds that "cluamgr -s -j" takes, and what it says."""
        began = time.monotonic()
        done = self.tb.machine(node).run("cluamgr -s -j", timeout=300)
        return time.monotonic() - began, json.loads(done.stdout)

    def of_one_master(self):
        """The node that is master of the most aliases, and which these are, in their order."""
        mine = {}
        for alias in self.status_all()[1]["aliases"]:
            mine.setdefault("n%s" % alias["master"], []).append(alias["alias"])
        node = max(mine, key=lambda n: len(mine[n]))
        return node, [address(i) for i in range(1, self.n + 1) if address(i) in set(mine[node])]

    def failover(self):
        """A master loses power. How long, in ms, aliases of it are not answered for: the first, the middle one and
        the last, which have connections, by ARP, to a client that sends datagrams, and to the clients of
        the connections; and one that has none. Also who answered by ARP."""
        dead, moved = self.of_one_master()
        busy, quiet = [moved[0], moved[len(moved) // 2], moved[-1]], moved[len(moved) // 4]
        with echods(self.tb, tcp=(ECHO,), udp=(PROBE,)):
            wait_listening(self.tb, ECHO, self.tb.running_nodes())
            for alias in busy + [quiet]:
                wait_until(lambda: len(self.serving(alias)) == len(self.tb.running_nodes()), 60,
                    "%s to be served" % alias)
            loads = [Load(self.tb, "conns", "-a", a, "-p", ECHO, "-n", 20, "-i", 5) for a in busy]
            probes = [Load(self.tb, "probe", "-a", a, "-p", PROBE, "-i", 2) for a in busy + [quiet]]
            asking = Asking(self.tb, *busy)
            time.sleep(0.5)
            when = self.tb.kill(dead)
            time.sleep(2)
            conns, gaps, asked = [c.stop() for c in loads], [longest_gap(p.stop(), when) for p in probes], \
                asking.stop()
        left = [c for account in conns for c in account["connections"] if c["owner"] != dead]
        return {"dead": dead, "moved": len(moved), "arp_ms": max(a["longest_ms"] for a in asked.values()),
            "udp_ms": max(gaps[:-1]), "quiet_udp_ms": gaps[-1],
            "connection_ms": max((c["longest_ms"] for c in left), default=0),
            "broken": len([c for c in left if c["broken"]]),
            "answerers": {alias: [a["mac"] for a in one["answerers"]] for alias, one in asked.items()}}

    def serving(self, alias, port=ECHO):
        status = self.status(self.tb.running_nodes()[0], alias)
        services = status["aliases"][0]["services"] if status else []
        return [t["id"] for s in services if s["port"] == port for t in s["targets"]]
