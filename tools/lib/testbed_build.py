# SPDX-License-Identifier: ISC
"""The programs that the machines run: where they are built, and building them."""
import os
import subprocess

from testbed_error import TestbedError

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM_DIRS = ["lltd", "gabd", "aliasd", "cluamgr", "tests/net"]
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def default_dir():
    return os.path.abspath(os.environ.get("CLUA_BUILD") or os.path.join(TREE, "build"))


def path(build):
    return ":".join([os.path.join(build, d) for d in PROGRAM_DIRS] + [SYSTEM_PATH])


def _run(command, cwd, log):
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    if done.returncode != 0:
        raise TestbedError("building failed (%s in %s); see %s" % (" ".join(command), cwd, log.name))


def build(folder, tree=TREE, configure_args=(), targets=()):
    """Builds tree in folder, which is made if it is not there. The log stays in it. No targets: all that is installed."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "build.log"), "a") as log:
        if not os.path.exists(os.path.join(tree, "configure")):
            _run(["./autogen.sh"], tree, log)
        if not os.path.exists(os.path.join(folder, "Makefile")):
            _run([os.path.join(tree, "configure"), *configure_args], folder, log)
        _run(["make", "-s", "-j%d" % (os.cpu_count() or 1), *targets], folder, log)
