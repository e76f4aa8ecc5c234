# SPDX-License-Identifier: ISC
"""Who may not come in: a node id that is taken, a name the others do not know."""
import os

import pytest

import testbed_status

CLUSTER = {"nodes": 4, "off": ["n4"], "daemons": ["lltd"]}


def sessions(tb):
    return {n: testbed_status.sessions(tb, n) for n in ("n1", "n2", "n3")}


@pytest.fixture
def stranger(tb):
    """n4 has power and cables, and no daemon."""
    tb.start("n4", daemons=False)
    yield tb.machine("n4")
    tb.kill("n4")


@pytest.mark.parametrize("hosts, conf, says", [
    # A second n2.
    (None, 'node = "n2";\n', ["n2", "02:C1:01:00:02:"]),
    # An id of its own, but a name nobody has.
    ("1 n1\n2 n2\n3 n3\n9 stranger\n", 'node = "stranger";\n', ["stranger", "02:C1:01:00:"]),
], ids=["taken", "unknown"])
def test_refused(tb, stranger, hosts, conf, says):
    before = sessions(tb)
    if hosts:
        with open(os.path.join(stranger.etc, "llthosts"), "w") as f:
            f.write(hosts)
    with open(os.path.join(stranger.etc, "lltd.conf")) as f:
        good = f.read()
    with open(os.path.join(stranger.etc, "lltd.conf"), "w") as f:
        f.write(good + conf)
    done = stranger.run(["chrt", "-r", "50", "lltd"], check=False, timeout=20)
    with open(os.path.join(stranger.etc, "lltd.conf"), "w") as f:
        f.write(good)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if all(word in line for word in says)]
    assert len(lines) == 1, done.stderr
    assert sessions(tb) == before
