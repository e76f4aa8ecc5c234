# SPDX-License-Identifier: ISC
"""What all parts of the testbed share: its error, and waiting for a condition."""
import time


class TestbedError(Exception):
    """Something the caller should be told in these words, without a backtrace."""

    __test__ = False  # not a test class, whatever its name


def wait_until(condition, seconds, what, step=0.01):
    """Waits until condition() is true and returns its value; raises when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TestbedError("waited %g s in vain for %s" % (seconds, what))
        time.sleep(step)
