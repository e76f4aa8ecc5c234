# SPDX-License-Identifier: ISC
"""Who gets new connections: weights and tiers."""
import pytest

from testbed_load import (ALIAS, ECHO, echods, load, nginx_requests, nginx_start, owners, wait_listening)
from testbed_error import wait_until

JOIN = "cluamgr -a alias=DEFAULTALIAS,join,selw=%d"
pytestmark = pytest.mark.timing
CLUSTER = {"join": ["n%d:%s" % (i, JOIN % w) for i, w in ((1, 3), (2, 2), (3, 1))]}


@pytest.fixture(scope="module")
def web(tb):
    for node in tb.nodes():
        nginx_start(tb, node)
    wait_until(lambda: set(owners(load(tb, "short", "-a", ALIAS, "-p", 80, "-n", 6, "-H", "-q"))) ==
        set(tb.nodes()), 10, "nginx on all nodes")
    # A whole round of the weights has passed before the counting begins.
    return tb


def test_weights_exactly(web):
    before = {n: nginx_requests(web, n) for n in web.nodes()}
    account = load(web, "short", "-a", ALIAS, "-p", 80, "-n", 600, "-c", 1, "-H", "-q")
    assert account["ok"] == 600
    assert owners(account) == {"n1": 300, "n2": 200, "n3": 100}
    assert {n: nginx_requests(web, n) - before[n] for n in web.nodes()} == owners(account)


def test_weights_with_curl(web):
    done = web.machine("c1").run(["curl", "-sS", "-H", "Connection: close", "http://clua/[1-60]"])
    answers = [line for line in done.stdout.split() if line]
    assert {n: answers.count(n) for n in web.nodes()} == {"n1": 30, "n2": 20, "n3": 10}


def test_weights_with_32_clients_at_once(web):
    account = load(web, "short", "-a", ALIAS, "-p", 80, "-n", 6000, "-c", 32, "-H", "-q")
    assert account["ok"] == 6000
    for node, share in (("n1", 1 / 2), ("n2", 1 / 3), ("n3", 1 / 6)):
        assert owners(account)[node] / 6000 == pytest.approx(share, abs=0.01)


def test_routed_client_gets_the_same_shares(web):
    account = load(web, "short", "-a", ALIAS, "-p", 80, "-n", 60, "-H", "-q", client="x1")
    assert owners(account) == {"n1": 30, "n2": 20, "n3": 10}


def test_lower_tier_waits_until_the_higher_one_is_gone(tb):
    for node, tier in (("n1", 10), ("n2", 10), ("n3", 5)):
        tb.machine(node).run("cluamgr -a alias=DEFAULTALIAS,join,selw=1,selp=%d" % tier)
    with echods(tb) as servers:
        wait_listening(tb, ECHO, ["n1", "n2"])
        account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 200, "-q")
        assert owners(account) == {"n1": 100, "n2": 100}
        servers["n1"].stop()
        wait_listening(tb, ECHO, ["n2"])
        servers["n2"].stop()
        wait_listening(tb, ECHO, ["n3"])
        account = load(tb, "short", "-a", ALIAS, "-p", ECHO, "-n", 100, "-q")
        assert owners(account) == {"n3": 100}
