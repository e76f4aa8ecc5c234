# SPDX-License-Identifier: ISC
"""What goes on on the LAN: ARP, and the MACs that the switch learned."""
import json

from testbed_load import ALIAS, Program, end
from testbed_net import LAN, mac_of


def node_mac(node):
    return mac_of("n", int(node[1:]), "eth0")


class Watch(Program):
    """A script of ours in a machine that tells at its end what it saw."""

    def __init__(self, tb, machine, script, *args):
        super().__init__(tb, machine, ["/usr/bin/python3", "-I", tb.tool(script), *map(str, args)])

    def stop(self):
        end(self.proc)
        out, _ = self.proc.communicate(timeout=20)
        return json.loads(out)


def arp_watch(tb, address=ALIAS, interval_ms=0, macs=(), client="c1"):
    return Watch(tb, client, "testbed_arpwatch.py", "eth0", address, interval_ms, *macs)


def senders(tb, mac):
    return Watch(tb, "sw", "testbed_senders.py", mac)


def learned_at(tb, mac):
    """The port of the LAN switch behind which it has seen the MAC, or None."""
    done = tb.machine("sw").run(["bridge", "fdb", "show", "br", LAN])
    ports = [line.split()[2] for line in done.stdout.splitlines() if line.startswith(mac + " ")]
    return ports[0] if ports else None
