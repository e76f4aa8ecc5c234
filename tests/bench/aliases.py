#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""aliases.py [N...]: three nodes with N aliases (100, 1,000 and 10,000): what joining them takes, a status
of all, and the power cut of the master of most of them. A line of JSON for each N, with ratios an alias against the first N."""
import json
import os
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, "tools", "lib"))
sys.dont_write_bytecode = True

from testbed import Testbed  # noqa: E402
from testbed_many import Many  # noqa: E402

SIZES = [100, 1000, 10000]


def measure(n):
    tb = Testbed("bal%d" % os.getpid())
    try:
        tb.up(make=False, nodes=3, profile="lan")
        many = Many(tb, n)
        many.prepare()
        result = {"aliases": n, "join_s": many.join()}
        result["status_s"], status = many.status_all()
        if len(status["aliases"]) != n + 1:
            raise SystemExit("the status has %d aliases" % len(status["aliases"]))
        result["failover"] = many.failover()
        del result["failover"]["answerers"]
        return result
    finally:
        tb.down()


def main():
    first = None
    for n in [int(a) for a in sys.argv[1:]] or SIZES:
        result = measure(n)
        first = first or result
        for key in ("join_s", "status_s"):
            result[key.replace("_s", "_per_alias_ratio")] = round(
                result[key] / n / (first[key] / first["aliases"]), 3)
        print(json.dumps(result), flush=True)


main()
