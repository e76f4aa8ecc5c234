# SPDX-License-Identifier: ISC
"""The ARP master moves because an administrator says so: no packet is lost. tools/soak move does it at full rate."""
import moves
import pytest

from testbed_load import arp_answers

pytestmark = pytest.mark.timing
CLUSTER = moves.CLUSTER
RATE, SECONDS = 2000, 4


def test_no_datagram_is_lost_on_its_way_and_back(tb, figures):
    account = moves.Moves(tb, RATE, SECONDS).echoed()
    figures("%(moves)d moves, %(sent)d datagrams sent, %(lost)d lost, longest silence %(longest_ms).1f ms"
        % account)
    assert account["moves"] >= 3
    assert (account["lost"], account["twice"], account["wrong"]) == (0, 0, 0)
    assert len(arp_answers(tb)) == 1


def test_no_datagram_is_lost_on_its_way(tb, figures):
    account = moves.Moves(tb, RATE, SECONDS).one_way()
    figures("%(moves)d moves, %(sent)d datagrams sent, %(lost)d lost" % account)
    assert account["moves"] >= 3
    assert account["lost"] == 0
    assert all(account["by"])
