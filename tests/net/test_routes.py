# SPDX-License-Identifier: ISC
"""Routing for the aliases: who does it, and what routers outside the cluster learn."""
import pytest

from testbed_load import ALIAS, ECHO, arp_answers, echods, load, master, owners, wait_listening, wait_master
from testbed_status import ask

CLUSTER = {"profile": "lan"}


def routing(tb, node):
    return ask(tb.machine(node), "aliasd")["routing"]


def test_a_member_stops_routing_and_starts_again(tb):
    first = master(tb)
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
        tb.machine(first).run("cluamgr -r stop")
        assert routing(tb, first)["options"] == ["stop", "noresvok", "gated", "novmac"]
        assert wait_master(tb, but=first) != first
        # It still serves what others redirect to it.
        assert set(owners(load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 30, "-q"))) == set(tb.nodes())
        tb.machine(first).run("cluamgr -r start,resvok")
    assert routing(tb, first)["options"] == ["start", "resvok", "gated", "novmac"]
    tb.machine(first).run("cluamgr -r noresvok")
    # A tie: the present master stays.
    assert len(arp_answers(tb)) == 1 and master(tb) != first


@pytest.mark.parametrize("words,why", [("restart", "unknown routing option"),
    ("start,stop", "exclude each other")])
def test_wrong_options_are_refused(tb, words, why):
    done = tb.machine("n1").run(["cluamgr", "-r", words], check=False)
    assert done.returncode == 2 and why in done.stderr
