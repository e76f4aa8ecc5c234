# SPDX-License-Identifier: ISC
"""The cables: bridges in a namespace of their own, one port for every interface of a machine.

All interfaces are made directly between two namespaces of the testbed; the host never has one.
"""
import subprocess

from testbed_error import TestbedError

LAN, WAN = "lan", "wan"


def mac_of(kind, index, interface):
    """The same at every boot: 02:c1:KIND:00:INDEX:INTERFACE."""
    kinds = {"n": 1, "c": 2, "r": 3, "x": 4}
    interfaces = {"eth0": 0, "eth1": 1}
    number = interfaces.get(interface)
    if number is None:
        number = 0x10 + int(interface[2:])
    return "02:c1:%02x:00:%02x:%02x" % (kinds[kind], index, number)


class Switch:
    """The machine "sw" holds the bridges; its ports are called MACHINE.INTERFACE."""

    def __init__(self, machine):
        self.machine = machine

    def _ip(self, lines):
        """One ip process for many changes; in the network namespace only, with the host's programs."""
        batch = "".join(line + "\n" for line in lines)
        done = subprocess.run(["nsenter", "-t", str(self._pid()), "--net", "ip", "-batch", "-"],
            input=batch, text=True, capture_output=True)
        if done.returncode != 0:
            raise TestbedError("ip: %s\nin:\n%s" % (done.stderr.strip(), batch))

    def _pid(self):
        pid = self.machine.init_pid()
        if pid is None:
            raise TestbedError("the testbed is down")
        return pid

    def make_bridges(self, names):
        lines = []
        for name in names:
            # No spanning tree, no delay; what was learned stays until the port is gone.
            lines += ["link add %s type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
                " ageing_time 100000" % name, "link set %s up" % name]
        self._ip(["link set lo up"] + lines)
        # A switch has no packet filter of IP.
        subprocess.run(["nsenter", "-t", str(self._pid()), "--net", "sh", "-c",
            'for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e "$f" ] || echo 0 >"$f"; done'], check=True)

    @staticmethod
    def port(machine, interface):
        return "%s.%s" % (machine, interface)

    def plug(self, machine, interface, bridge, mac, down=False, xdp=None):
        """A cable from a new interface of the machine to a bridge; xdp: a program on the port."""
        port = self.port(machine.name, interface)
        self._ip(["link add %s type veth peer name %s address %s netns %d" % (port, interface, mac,
            machine.init_pid()), "link set %s master %s" % (port, bridge),
            "link set %s %s" % (port, "down" if down else "up")])
        if xdp:
            self._ip(["link set %s xdpdrv object %s section xdp" % (port, xdp)])
            # A frame that XDP redirects cannot say that its checksum is still to be computed.
            subprocess.run(["nsenter", "-t", str(machine.init_pid()), "--net", "ethtool", "-K", interface,
                "tx", "off"], check=True, stdout=subprocess.DEVNULL)

    def ports(self):
        """Port name -> is it up, as the administrator set it."""
        done = subprocess.run(["nsenter", "-t", str(self._pid()), "--net", "ip", "-o", "link"],
            text=True, capture_output=True)
        ports = {}
        for line in done.stdout.splitlines():
            name = line.split(": ")[1].split("@")[0]
            if "." in name:
                ports[name] = "UP" in line.split("<")[1].split(">")[0].split(",")
        return ports

    def set_ports(self, ports, up):
        if ports:
            self._ip(["link set %s %s" % (p, "up" if up else "down") for p in ports])

    def part(self, ports, apart=True):
        """Those that are apart see each other no more, and everybody else as before."""
        if ports:
            self._ip(["link set %s type bridge_slave isolated %s" % (p, "on" if apart else "off")
                for p in ports])

    def silence(self, ports):
        """At one moment nothing goes through them any more, and nobody at their other ends can tell."""
        lines = "".join("link set dev %s state 0\n" % p for p in ports)
        subprocess.run(["nsenter", "-t", str(self._pid()), "--net", "bridge", "-force", "-batch", "-"],
            input=lines, text=True, stderr=subprocess.DEVNULL)

    def unplug(self, ports):
        """Also of a machine that is gone: the kernel removes its ends of the cables when it gets to it."""
        for port in ports:
            subprocess.run(["nsenter", "-t", str(self._pid()), "--net", "ip", "link", "del", port],
                stderr=subprocess.DEVNULL)


def configure(machine, addresses, gateway=None, forward=False):
    """addresses: interface -> address with prefix, or None for one without an address."""
    lines = ["link set lo up"]
    for interface, address in addresses.items():
        if address:
            lines.append("addr add %s dev %s" % (address, interface))
        lines.append("link set %s up" % interface)
    if gateway:
        lines.append("route add default via %s" % gateway)
    pid = str(machine.init_pid())
    done = subprocess.run(["nsenter", "-t", pid, "--net", "ip", "-batch", "-"], text=True,
        input="".join(line + "\n" for line in lines), capture_output=True)
    if done.returncode != 0:
        raise TestbedError("%s: ip: %s" % (machine.name, done.stderr.strip()))
    if forward:
        machine.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"])
