# SPDX-License-Identifier: ISC
"""More than a thousand aliases: joining, status, and some of them when their master loses power."""
import json

import pytest

from testbed_many import Many, address
from testbed_error import wait_until

N = 1200
CLUSTER = {"profile": "lan"}


@pytest.fixture(scope="module")
def many(tb):
    many = Many(tb, N)
    many.prepare()
    many.join()
    return many


def test_all_are_in_the_status_and_on_this_host(tb, many, figures):
    seconds, status = many.status_all()
    figures("status of %d aliases in %.3f s" % (N + 1, seconds))
    assert len(status["aliases"]) == N + 1
    assert status["max_aliasid"] == status["alias_count"] == N + 1
    ids = [a["id"] for a in status["aliases"]]
    assert ids == list(range(1, N + 2))
    local = tb.machine("n2").run("ip -4 route show table local type local dev lo").stdout
    for i in many.picks:
        assert "%s " % address(i) in local
    text = tb.machine("n3").run("cluamgr -s").stdout
    assert text.count("Status of Cluster Alias: ") == N + 1


def test_the_next_one_is_refused_and_says_what_to_do(tb, many):
    for node in ("n1", "n2"):
        done = tb.machine(node).run("cluamgr -j -a alias=10.64.200.1,join", check=False)
        assert done.returncode == 1
        result = json.loads(done.stdout)
        assert result["exit_status"] == 1 and not result["done"]
        assert "as many as max_aliasid allows: raise it in aliasd.conf on all members" in result["error"]
    assert many.status("n3", "10.64.200.1") is None


def test_another_size_on_one_member_is_reported(tb, many):
    many.configure("n2", N)
    many.signal("n2", 1)
    wait_until(lambda: "max_aliasid is %d on node 2" % N in tb.log_tail("n1", "aliasd", 200), 10,
        "n1 to report what n2 is configured for")
    assert many.status("n3", address(1))["max_aliasid"] == N
    many.configure("n2", N + 1)
    many.signal("n2", 1)
    wait_until(lambda: many.status("n3", address(1))["max_aliasid"] == N + 1, 10, "the former size")


def test_aliases_when_their_master_dies(tb, many, figures):
    result = many.failover()
    figures(json.dumps(result))
    assert result["broken"] == 0
    # Never two at a time: the former master until it lost power, then another one.
    for answerers in result["answerers"].values():
        assert len(answerers) == 2 and len(set(answerers)) == 2
    # The member is missed 300 ms after its last heartbeat, of one every 50 ms; the computer is shared.
    assert 200 < result["arp_ms"] < 1500
    assert result["udp_ms"] < 1500 and result["quiet_udp_ms"] < 1500
