# SPDX-License-Identifier: ISC
"""A cluster on one computer: machines, cables, and the daemons in them.

    tb = Testbed("tb"); tb.up(nodes=3); tb.machine("n1").run("lltstat -n"); tb.kill("n1"); tb.down()
"""
import fcntl
import json
import os
import re
import shutil
import time

import testbed_build
import testbed_etc
import testbed_status
from testbed_error import TestbedError, wait_until
from testbed_machine import Machine, machines_left, remove_group
from testbed_net import LAN, WAN, Switch, configure, mac_of

STATE_ROOT = "/run/clua-testbed"
SWITCH = "sw"
DAEMONS = {"lltd": 50, "gabd": 40, "aliasd": 30}  # in the order of their start, with their priorities
DEFAULT_JOIN = ["cluamgr -a alias=DEFAULTALIAS,join"]
DEFAULTS = {"nodes": 3, "links": 2, "profile": "fast", "clients": 1, "build": None, "seed": None,
    "cluster": 42, "join": DEFAULT_JOIN, "off": [], "daemons": list(DAEMONS), "bursts": [],
    "gabd": "", "aliasd": "", "xdp": False,
    "lan_nics": 1, "low_link": True, "udp": False, "remote": []}


class Testbed:
    __test__ = False

    def __init__(self, name="tb"):
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name):
            raise TestbedError("a testbed's name has letters a-z, digits, _ and -: not %r" % name)
        self.name = name
        self.dir = os.path.join(STATE_ROOT, name)
        self.state = None

    # ---- state ----

    def _read(self):
        try:
            with open(os.path.join(self.dir, "state.json")) as f:
                return json.load(f)
        except (FileNotFoundError, ValueError):
            raise TestbedError("there is no testbed %s; make it with: testbed up --name %s"
                % (self.name, self.name)) from None

    def _load(self):
        if self.state is None:
            self.state = self._read()
        return self.state

    def _save(self):
        temporary = os.path.join(self.dir, "state.json.new")
        with open(temporary, "w") as f:
            json.dump(self.state, f, indent=1)
        os.rename(temporary, os.path.join(self.dir, "state.json"))

    @property
    def options(self):
        return self._load()["options"]

    def exists(self):
        return os.path.isdir(self.dir) or bool(machines_left(self.name))

    # ---- what there is ----

    def nodes(self):
        return ["n%d" % i for i in range(1, self.options["nodes"] + 1)]

    def machines(self):
        clients = ["c%d" % i for i in range(1, self.options["clients"] + 1)]
        return self.nodes() + clients + ["r1", "x1"]

    def machine(self, name):
        if name not in self.machines() and name != SWITCH:
            raise TestbedError("no machine %s; there are %s" % (name, " ".join(self.machines())))
        return self._machine(name)

    def _machine(self, name):
        return Machine(self.name, name, self.dir, testbed_build.path(self.options["build"]))

    def running_nodes(self):
        return [n for n in self.nodes() if self._machine(n).running()]

    def switch(self):
        return Switch(self._machine(SWITCH))

    def cables(self, name):
        """Interface -> (bridge, address with prefix or None) of a machine."""
        kind, index = name[0], int(name[1:])
        if kind == "n" and name in self.options["remote"]:
            return {"eth0": (WAN, "10.9.0.%d/24" % (10 + index))}
        if kind == "n":
            cables = {"eth%d" % i: (LAN, "10.1.0.%d/24" % (10 + 40 * i + index))
                for i in range(self.options["lan_nics"])}
            for i in range(self.options["links"]):
                cables["ic%d" % i] = ("ic%d" % i, None)
            return cables
        if kind == "c":
            return {"eth0": (LAN, "10.1.0.%d/24" % (100 + index))}
        if kind == "r":
            return {"eth0": (LAN, "10.1.0.1/24"), "eth1": (WAN, "10.9.0.1/24")}
        return {"eth0": (WAN, "10.9.0.101/24")}

    def tool(self, name):
        """The path of a script of ours, the same in every machine."""
        return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)

    def foreign_programs(self):
        """The path of tests/net/foreign.bpf.o, the same in every machine."""
        return os.path.join(self.options["build"], "tests/net/foreign.bpf.o")

    def address(self, name):
        return self.cables(name)["eth0"][1].split("/")[0]

    # ---- up and down ----

    def up(self, **options):
        """Builds, makes all machines and starts the cluster; returns when it is formed."""
        if self.exists():
            raise TestbedError("testbed %s is there already; testbed down --name %s" % (self.name,
                self.name))
        make = options.pop("make", True)
        options = dict(DEFAULTS, **{k: v for k, v in options.items() if v is not None})
        self._check(options)
        options["build"] = os.path.abspath(options["build"] or testbed_build.default_dir())
        options["seed"] = options["seed"] or options["nodes"] - len(options["off"])
        if make:
            testbed_build.build(options["build"])
        os.makedirs(STATE_ROOT, mode=0o700, exist_ok=True)
        os.mkdir(self.dir, 0o700)
        self.state = {"options": options, "cuts": [], "apart": []}
        self._save()
        self._make_machines()
        self.start_daemons(self.running_nodes())
        self.wait_formed()

    def _check(self, options):
        limits = {"nodes": (1, 32), "links": (0, 7), "clients": (0, 32), "cluster": (0, 65535),
            "lan_nics": (1, 2)}
        for key, (low, high) in limits.items():
            if not low <= options[key] <= high:
                raise TestbedError("%s: %s is not in %d..%d" % (key, options[key], low, high))
        for name in options["daemons"]:
            if name not in DAEMONS:
                raise TestbedError("daemons: no %s; there are %s" % (name, " ".join(DAEMONS)))
        for name in options["off"]:
            if name not in ["n%d" % i for i in range(1, options["nodes"] + 1)]:
                raise TestbedError("off: no node %s" % name)
        for name in options["remote"]:
            if name not in ["n%d" % i for i in range(1, options["nodes"] + 1)]:
                raise TestbedError("remote: no node %s" % name)
        options["udp"] = options["udp"] or bool(options["remote"])

    def _make_machines(self):
        options, key = self.options, testbed_etc.new_key()
        samples = os.path.join(testbed_build.TREE, "etc")
        names = {n: self.address(n) for n in self.machines()}
        switch = self._machine(SWITCH)
        switch.prepare()
        switch.boot()
        self.switch().make_bridges([LAN, WAN] + ["ic%d" % i for i in range(options["links"])])
        for name in self.machines():
            machine = self._machine(name)
            machine.prepare()
            testbed_etc.common(machine.etc, name, names)
            if name in self.nodes():
                testbed_etc.node(machine.etc, name, samples, options, key,
                    {n: names[n] for n in self.nodes()})
            if name not in options["off"]:
                self._boot(machine)

    def _boot(self, machine):
        """The machine and its cables, as far as they are not cut; no daemons yet."""
        machine.boot()
        cables = self.cables(machine.name)
        for interface, (bridge, _) in cables.items():
            mac = mac_of(machine.name[0], int(machine.name[1:]), interface)
            self.switch().plug(machine, interface, bridge, mac,
                xdp=self.foreign_programs() if self.options["xdp"] else None,
                down=Switch.port(machine.name, interface) in self._load()["cuts"])
        if machine.name in self._load()["apart"]:
            self.switch().part([Switch.port(machine.name, i) for i in cables])
        gateway = {LAN: testbed_etc.LAN_GATEWAY, WAN: "10.9.0.1"}[cables["eth0"][0]]
        router = machine.name[0] == "r"
        configure(machine, {i: address for i, (_, address) in cables.items()},
            gateway=None if router else gateway, forward=router)

    def down(self):
        """Ends and removes everything, whatever state it is in; also what a crash left behind."""
        for name in machines_left(self.name):
            Machine(self.name, name, self.dir, "").power_off()
        remove_group(self.name)
        shutil.rmtree(self.dir, ignore_errors=True)
        try:
            os.rmdir(STATE_ROOT)
        except OSError:
            pass  # other testbeds
        self.state = None

    # ---- daemons ----

    def log(self, node, daemon):
        return os.path.join(self.dir, node, daemon + ".log")

    def start_daemon(self, node, daemon):
        self._machine(node).spawn([daemon], self.log(node, daemon), DAEMONS[daemon])

    def start_daemons(self, nodes, timeout=30):
        """In the order of the units: each when the one it stands on is there."""
        for daemon in self.options["daemons"]:
            for node in nodes:
                self.start_daemon(node, daemon)
            for node in nodes:
                self._wait_socket(node, daemon, timeout)

    def _wait_socket(self, node, daemon, timeout):
        machine, began = self._machine(node), time.monotonic()

        def there():
            path = "/proc/%s/root/run/clua/%s.sock" % (machine.init_pid(), daemon)
            if os.path.exists(path):
                return True
            # It takes a moment until setsid and chrt have become the daemon.
            if time.monotonic() > began + 1 and not machine.daemon_pids(daemon):
                raise TestbedError("%s: %s has ended:\n%s" % (node, daemon, self.log_tail(node, daemon)))
            return False
        wait_until(there, timeout, "%s on %s:\n%s" % (daemon, node, self.log_tail(node, daemon)))

    def log_tail(self, node, daemon, lines=20):
        try:
            with open(self.log(node, daemon), errors="replace") as f:
                return "".join("    " + line for line in f.readlines()[-lines:])
        except FileNotFoundError:
            return "    (no log)\n"

    def wait_formed(self, timeout=60):
        """Until every running node is in one membership with all others, on all levels."""
        missing = []

        def formed():
            missing[:] = testbed_status.not_formed(self)
            return not missing
        try:
            wait_until(formed, timeout, "the cluster to form", step=0.05)
        except TestbedError as e:
            logs = ["%s %s:\n%s" % (n, d, self.log_tail(n, d)) for n in self.running_nodes()
                for d in self.options["daemons"]]
            raise TestbedError("%s: %s\n%s" % (e, "; ".join(missing), "".join(logs))) from None

    # ---- faults ----

    def kill(self, name):
        """Power cut. The answer is the time of it, of time.monotonic()."""
        machine = self.machine(name)
        if not machine.running():
            raise TestbedError("%s is off already" % name)
        ports = [p for p in self.switch().ports() if p.startswith(name + ".")]
        # Nothing may leave it any more, in particular no farewell from the kernel to its connections; and
        # no answer of its packet programs, which do not care whether the processes are frozen.
        self.switch().silence(sorted(ports))
        when = time.monotonic()
        machine.freeze()
        self.switch().set_ports(ports, up=False)
        machine.power_off()
        self.switch().unplug(ports)
        return when

    def start(self, name, daemons=True, wait=True):
        machine = self.machine(name)
        self._boot(machine)
        if name in self.nodes() and daemons:
            self.start_daemons([name])
            if wait:
                self.wait_formed()

    def _port(self, name, interface):
        self.machine(name)
        if interface not in self.cables(name):
            raise TestbedError("%s has no %s; it has %s" % (name, interface,
                " ".join(self.cables(name))))
        return Switch.port(name, interface)

    def _remember(self, key, change):
        with open(os.path.join(self.dir, "lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self._read()
            state[key] = sorted(change(set(state[key])))
            self.state = state  # as a whole: other threads are reading it
            self._save()

    def cut(self, name, *interfaces):
        """All at the same moment."""
        self.cut_all([(name, i) for i in interfaces])

    def cut_all(self, pairs):
        """Of several machines: (name, interface)."""
        ports = [self._port(n, i) for n, i in pairs]
        there = self.switch().ports()
        self.switch().set_ports([p for p in ports if p in there], up=False)
        self._remember("cuts", lambda cuts: cuts | set(ports))

    def heal(self, name=None, *interfaces):
        """These; without a name, whatever is cut."""
        ports = [self._port(name, i) for i in interfaces] if name else list(self._load()["cuts"])
        there = self.switch().ports()
        self.switch().set_ports([p for p in ports if p in there], up=True)
        self._remember("cuts", lambda cuts: cuts - set(ports))

    def cuts(self):
        return self._load()["cuts"]

    def _part(self, names, apart):
        there = self.switch().ports()
        ports = [self._port(n, i) for n in names for i in self.cables(n)]
        self.switch().part([p for p in ports if p in there], apart)

    def part(self, *names):
        """These see each other no more, on no switch; all others see them, and they all others."""
        self._part(names, True)
        self._remember("apart", lambda apart: apart | set(names))

    def join(self, *names):
        """These see all again; without a name, whoever was parted."""
        names = names or self._load()["apart"]
        self._part(names, False)
        self._remember("apart", lambda apart: apart - set(names))
