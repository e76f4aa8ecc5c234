# SPDX-License-Identifier: ISC
"""Frames of an enemy: nothing happens, and each is counted under its reason."""
import pytest

import testbed_status

CLUSTER = {"nodes": 3, "daemons": ["lltd"]}
FRAMES = 100000


@pytest.mark.parametrize("kind", ["forged", "replayed", "truncated", "flipped"])
def test_hostile_frames(tb, kind, figures):
    before_sessions = testbed_status.sessions(tb, "n2")
    pids = {d: tb.machine("n2").daemon_pids(d) for d in tb.options["daemons"]}
    before = testbed_status.rejected(tb, "n2")
    tb.machine("sw").run(["hostile", "-i", "n2.ic0", "-k", kind, "-n", str(FRAMES)], timeout=60)
    after = testbed_status.rejected(tb, "n2")
    news = {reason: n - before.get(reason, 0) for reason, n in after.items()
        if n != before.get(reason, 0)}
    figures("%s" % news)
    assert testbed_status.sessions(tb, "n2") == before_sessions
    assert {d: tb.machine("n2").daemon_pids(d) for d in pids} == pids
    assert testbed_status.not_formed(tb) == []
    assert sum(news.values()) >= FRAMES
