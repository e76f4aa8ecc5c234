# SPDX-License-Identifier: ISC
"""The links: how data is spread over them, and what a cut one costs."""
import json
import subprocess
import time
from itertools import groupby

import pytest

import testbed_status
from testbed_error import wait_until

pytestmark = pytest.mark.timing
CLUSTER = {"nodes": 3, "bursts": [4, 1], "daemons": ["lltd"]}


class Stream:
    """Numbered messages from n1 to n2."""

    def __init__(self, tb, count, size, interval_us):
        common = ["-n", str(count)]
        self.recv = tb.machine("n2").popen(["lltmsg", "recv", "-f", "1", *common],
            stdout=subprocess.PIPE)
        time.sleep(0.3)
        self.send = tb.machine("n1").popen(["lltmsg", "send", "-d", "2", "-s", str(size), "-i",
            str(interval_us), *common], stdout=subprocess.PIPE)

    def end(self):
        sent, received = (json.loads(p.communicate(timeout=60)[0]) for p in (self.send, self.recv))
        return sent, received


def trace(tb, seconds):
    proc = tb.machine("n1").popen(["/usr/bin/python3", "-I", tb.tool("testbed_trace.py"),
        str(seconds)], stdout=subprocess.PIPE, bufsize=0)
    assert proc.stdout.readline() == b"ready\n"
    return proc


def devices(proc, node=2):
    """The devices by which frames to a node left, in order."""
    lines = proc.communicate(timeout=60)[0].decode().split("\n")
    return [line.split()[0] for line in lines if line and int(line.split()[1]) == node]


def whole(account, count):
    for wrong in ("lost", "duplicated", "reordered", "corrupt"):
        assert account[wrong] == 0, account
    assert account["received"] == count


@pytest.fixture(autouse=True)
def healed(tb):
    before = testbed_status.sessions(tb, "n1")
    yield
    tb.heal()
    wait_until(lambda: testbed_status.links_up(tb, "n1", 2) == 3, 5, "all links to be up again")
    # A link is not a node: nobody was lost.
    assert testbed_status.sessions(tb, "n1") == before


def test_frames_alternate_by_burst(tb, figures):
    tracer = trace(tb, 4)
    # Slowly: what lltd sends in one go leaves link by link.
    stream = Stream(tb, 1500, 1000, 1000)
    whole(stream.end()[1], 1500)
    seen = devices(tracer)
    # Besides the messages there are acknowledgements, and what is sent again; each may go by either link.
    besides = len(seen) - 1500
    assert 0 <= besides <= 30
    assert abs(seen.count("ic0") - 4 * seen.count("ic1")) <= 4 + 4 * besides
    inner = [(device, len(list(group))) for device, group in groupby(seen)][1:-1]
    # A host that stood still has several messages to send in one go.
    right = sum(run in (("ic0", 4), ("ic1", 1)) for run in inner)
    figures("%d of %d bursts are of 4 and of 1" % (right, len(inner)))
    assert len(inner) > 400
    assert right / len(inner) > 0.8


def test_one_link_cut_under_a_stream(tb, figures):
    stream = Stream(tb, 10000, 500, 200)
    time.sleep(0.7)
    tb.cut("n2", "ic0")
    time.sleep(0.7)
    tb.heal("n2", "ic0")
    received = stream.end()[1]
    whole(received, 10000)
    figures("longest gap %.1f ms" % (received["longest_gap_ms"]))


def test_large_messages_while_links_flap(tb):
    stream = Stream(tb, 500, 60000, 4000)
    for _ in range(4):
        for device in ("ic0", "ic1"):
            time.sleep(0.15)
            tb.cut("n2", device)
            time.sleep(0.15)
            tb.heal("n2", device)
    whole(stream.end()[1], 500)


def test_the_low_priority_link_carries_on_alone(tb, figures):
    stream = Stream(tb, 15000, 500, 200)
    time.sleep(0.5)
    tb.cut("n2", "ic0")
    tb.cut("n2", "ic1")
    time.sleep(0.3)
    alone = trace(tb, 0.5)
    assert set(devices(alone)) == {"eth0"}
    tb.heal()
    wait_until(lambda: testbed_status.links_up(tb, "n1", 2) == 3, 5, "all links to be up again")
    after = trace(tb, 0.5)
    assert set(devices(after)) == {"ic0", "ic1"}
    received = stream.end()[1]
    whole(received, 15000)
    figures("longest gap %.1f ms" % (received["longest_gap_ms"]))
