# SPDX-License-Identifier: ISC
"""A slice of tools/soak chaos: random events under load, and whether the clients could tell."""
import chaos

CLUSTER = chaos.CLUSTER
SEED = 11


def test_random_events(tb, figures):
    account = chaos.Chaos(tb, SEED, connections=1000, rate=100, interval_ms=200, gap=(0.3, 1.5),
        settle=3).run(events=14)
    figures("%(events)d events; %(lines)d lines checked at both ends; %(broken)d connections of dead nodes "
        "broke; longest wait %(wait_ms)s ms; %(new_failed)d of %(new)d new ones failed" % account)
    assert account["broken_of_survivors"] == 0, account["broken_examples"]
    assert account["given_to_strangers"] == 0, account["given_examples"]
    assert account["stuck"] == 0, account["stuck_examples"]
    assert account["new_failed_without_cause"] == 0, account["new_examples"]
    assert account["problems"] == []
    assert account["lines"] > 10000
