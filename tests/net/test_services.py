# SPDX-License-Identifier: ISC
"""Services that come and go: listeners by event, in_single, answers by UDP."""
import signal
import time

import pytest

from testbed_load import (ALIAS, ECHO, SINGLE, Load, echod, echods, load, monotonic_ms, nginx_start,
    nginx_stop, owners, wait_listening)
from testbed_error import wait_until

pytestmark = pytest.mark.timing
CLUSTER = {}


def failures_after(account, when, grace_ms):
    """Connections that began more than grace_ms after when and got no answer."""
    return [r for r in account["records"]
        if r["result"] != "ok" and monotonic_ms(r["start_us"], when) > grace_ms]


def test_a_web_server_stops_and_starts_under_load(tb, figures):
    for node in tb.nodes():
        nginx_start(tb, node)
    wait_until(lambda: len(owners(load(tb, "short", "-a", ALIAS, "-p", 80, "-n", 6, "-H", "-q"))) == 3,
        10, "nginx on all nodes")
    running = Load(tb, "short", "-a", ALIAS, "-p", 80, "-c", 8, "-r", 2000, "-H")
    time.sleep(0.5)
    stopped = nginx_stop(tb, "n2")
    time.sleep(1)
    before = time.monotonic()
    nginx_start(tb, "n2")
    started = time.monotonic()
    time.sleep(1)
    account = running.stop()
    late = failures_after(account, stopped, 50)
    assert not late, late[:5]
    failed = [monotonic_ms(r["start_us"], stopped) for r in account["records"] if r["result"] != "ok"]
    back = [r["start_us"] for r in account["records"] if r["owner"] == "n2" and
        r["start_us"] > before * 1e6]
    assert back
    figures("last failed connection began %.1f ms after the stop; share again %.1f ms after the start"
        % (max(failed, default=0), monotonic_ms(back[0], started)))
    assert monotonic_ms(back[0], started) < 200
    settled = [r["owner"] for r in account["records"] if monotonic_ms(r["start_us"], started) > 200]
    assert settled.count("n2") / len(settled) == pytest.approx(1 / 3, abs=0.02)


def test_one_instance_of_a_single_service(tb, figures):
    with echods(tb, tcp=(SINGLE,)) as servers:
        account = load(tb, "short", "-a", ALIAS, "-p", SINGLE, "-n", 300, "-q")
        assert len(owners(account)) == 1, account["owners"]
        first = account["owners"][0]["name"]
        running = Load(tb, "short", "-a", ALIAS, "-p", SINGLE, "-c", 2, "-r", 2000)
        time.sleep(0.3)
        stopped = time.monotonic()
        servers[first].stop(signal.SIGKILL)
        time.sleep(0.5)
        account = running.stop()
        after = [r for r in account["records"] if r["result"] == "ok" and
            r["start_us"] > stopped * 1e6 and r["owner"] != first]
        assert after and len({r["owner"] for r in after}) == 1
        second = after[0]["owner"]
        figures("another instance was active after %.1f ms" % monotonic_ms(after[0]["start_us"],
            stopped))
        assert not failures_after(account, stopped, 50)
        servers[first] = echod(tb, first, tcp=(SINGLE,))
        time.sleep(0.5)
        account = load(tb, "short", "-a", ALIAS, "-p", SINGLE, "-n", 300, "-q")
        assert owners(account) == {second: 300}


def test_udp_answers_come_from_the_alias(tb):
    with echods(tb, tcp=(), udp=(ECHO,)):
        for client in ("c1", "x1"):
            wait_until(lambda: load(tb, "probe", "-a", ALIAS, "-p", ECHO, "-n", 20, "-d", 1,
                client=client)["received"] >= 10, 10, "UDP answers")
            account = load(tb, "probe", "-a", ALIAS, "-p", ECHO, "-n", 300, "-d", 2, client=client)
            assert account["sources"] == [ALIAS]
            assert account["wrong"] == 0
            assert account["received"] >= 290


def test_udp_to_the_node_itself_is_answered_by_the_node(tb):
    with echods(tb, tcp=(), udp=(ECHO,)):
        account = load(tb, "probe", "-a", tb.address("n2"), "-p", ECHO, "-n", 50, "-d", 1)
        assert account["sources"] == [tb.address("n2")]
        assert owners(account) == {"n2": account["received"]}


def test_a_port_nobody_listens_on_is_refused(tb):
    account = load(tb, "short", "-a", ALIAS, "-p", 7999, "-n", 20, "-q")
    assert account["refused"] == 20


def test_the_cluster_is_still_whole(tb):
    tb.wait_formed(5)
    with echods(tb):
        wait_listening(tb, ECHO, tb.nodes())
