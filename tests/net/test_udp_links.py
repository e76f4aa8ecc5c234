# SPDX-License-Identifier: ISC
"""Links by UDP: n1, n2 and n3 on one LAN with links of their own, n4 behind a router with nothing else."""
import json

import testbed_status
from testbed_error import wait_until

CLUSTER = {"nodes": 4, "remote": ["n4"]}


def link_of(tb, name, peer, number):
    """A link as lltd on a node sees it."""
    nodes = testbed_status.ask(tb.machine(name), "lltd")["nodes"]
    return next(n for n in nodes if n["name"] == peer)["links"][number]


def test_what_lltstat_shows(tb):
    udp = link_of(tb, "n1", "n4", 2)
    assert (udp["type"], udp["device"], udp["address"]) == ("udp", "udp2", "10.9.0.14:50000")
    assert udp["state"] == "UP" and udp["priority"] == "low"
    # n4 has no other link: by its count this one is the first.
    assert link_of(tb, "n4", "n1", 0)["address"] == "10.1.0.11:50000"
    assert link_of(tb, "n1", "n4", 0)["state"] == "DOWN"
    own = json.loads(tb.machine("n4").run(["lltstat", "-l", "-j"]).stdout)["links"][0]
    assert (own["type"], own["sap"], own["mtu"]) == ("udp", None, 1472)
    assert own["address"] == "10.9.0.14:50000"
    assert "10.9.0.14:50000" in tb.machine("n1").run(["lltconfig", "-a", "list"]).stdout


def test_one_of_two_kinds_is_cut(tb):
    """n3 keeps its place in the membership by whatever link is left."""
    generation, sessions = testbed_status.generation(tb, "n1"), testbed_status.sessions(tb, "n1")
    tb.cut("n3", "ic0", "ic1")
    wait_until(lambda: testbed_status.links_up(tb, "n1", 3) == 1, 5, "only the link by UDP to be up")
    assert link_of(tb, "n1", "n3", 2)["state"] == "UP"
    tb.heal()
    wait_until(lambda: testbed_status.links_up(tb, "n1", 3) == 3, 5, "all links to be up again")
    assert testbed_status.generation(tb, "n1") == generation
    assert testbed_status.sessions(tb, "n1") == sessions


def test_a_second_node_of_its_id(tb):
    """x1 has the configuration of n4: those that it asks know n4, and tell it where that is."""
    n4, x1 = tb.machine("n4"), tb.machine("x1")
    for name in ("lltd.conf", "llthosts", "clua.key"):
        with open("%s/%s" % (n4.etc, name)) as f:
            text = f.read()
        x1.run(["sh", "-c", "umask 077; cat >/etc/" + name], input=text.replace("10.9.0.14", "10.9.0.101"))
    # Its own name is not n4's.
    x1.run(["sh", "-c", "echo 'node = \"n4\";' >>/etc/lltd.conf"])
    sessions = testbed_status.sessions(tb, "n1")
    done = x1.run(["lltd"], check=False, timeout=20)
    assert done.returncode == 1
    assert "node 4 already exists in cluster 42" in done.stderr and "10.9.0.14:50000" in done.stderr
    assert testbed_status.sessions(tb, "n1") == sessions


def test_power_cut(tb):
    tb.kill("n4")
    wait_until(lambda: "n4" not in testbed_status.sessions(tb, "n1"), 10, "n4 to be missed")
    wait_until(lambda: not testbed_status.not_formed(tb), 20, "the others to go on")
    tb.start("n4")
    assert link_of(tb, "n2", "n4", 2)["state"] == "UP"
