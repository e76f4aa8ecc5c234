# SPDX-License-Identifier: ISC
"""The ARP master moves from member to member, by rpri, while datagrams come in at a steady rate."""
import time

from testbed_load import ALIAS, Load, Program, echod, end, master

PROBE, COUNTED = 7001, 7000
CLUSTER = {"nodes": 3, "profile": "lan"}


def move(tb, to, count):
    """Until it answers ARP for the alias; each move has a higher rpri than the one before."""
    tb.machine(to).run("cluamgr -a alias=DEFAULTALIAS,rpri=%d" % (count % 90 + 2))
    if count % 90 == 0:
        for node in tb.nodes():
            if node != to:
                tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,rpri=1")


def moves_during(tb, load, pause):
    """How many moves there were until the load was over."""
    nodes, count = tb.nodes(), 0
    while load.proc.poll() is None:
        count += 1
        move(tb, nodes[count % len(nodes)], count)
        time.sleep(pause)
    return count


def backlog_drops():
    """Packets that this computer has dropped because its own cores were not quick enough."""
    with open("/proc/net/softnet_stat") as f:
        return sum(int(line.split()[1], 16) for line in f)


class Moves:
    def __init__(self, tb, rate, seconds, pause=0.5):
        self.tb, self.rate, self.count, self.pause = tb, rate, int(rate * seconds), pause

    def blast(self, port, *options):
        return Load(self.tb, "blast", "-a", ALIAS, "-p", port, "-r", self.rate, "-n", self.count, *options)

    def echoed(self):
        """Every datagram is answered."""
        servers = [echod(self.tb, n, tcp=(), udp=(PROBE,)) for n in self.tb.nodes()]
        try:
            drops = backlog_drops()
            load = self.blast(PROBE)
            moves = moves_during(self.tb, load, self.pause)
            return {"moves": moves, **load.wait(), "backlog_drops": backlog_drops() - drops}
        finally:
            for server in servers:
                server.stop()

    def one_way(self):
        """Every datagram is counted by the member that gets it."""
        servers = [Program(self.tb, n, ["echod", "-n", n, "-c", str(COUNTED)]) for n in self.tb.nodes()]
        drops = backlog_drops()
        load = self.blast(COUNTED, "-o")
        moves = moves_during(self.tb, load, self.pause)
        sent = load.wait()["sent"]
        time.sleep(1)
        received = []
        for server in servers:
            end(server.proc)
            received.append(int(server.proc.communicate(timeout=10)[0]))
        return {"moves": moves, "sent": sent, "received": sum(received), "by": received,
            "lost": sent - sum(received), "backlog_drops": backlog_drops() - drops}

    def run(self):
        first = master(self.tb)
        result = {"first": first, "echoed": self.echoed(), "one_way": self.one_way()}
        result["ok"] = all(r["lost"] <= r["backlog_drops"] for r in (result["echoed"], result["one_way"]))
        return result
