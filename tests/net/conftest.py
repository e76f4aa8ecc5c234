# SPDX-License-Identifier: ISC
"""A testbed for every module of tests; its logs when a test fails.

A module says what it wants: CLUSTER = {"nodes": 3, "join": [...]}. Measured figures go through the
fixture `figures` and are printed at the end.
"""
import glob
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools", "lib"))
sys.dont_write_bytecode = True

import testbed_build  # noqa: E402
from testbed import Testbed  # noqa: E402
from testbed_error import TestbedError  # noqa: E402

FIGURES = []
# A busy host that stands still for 30 ms is dead to the testbed's own default, fast: that is for tests of
# how fast a failure is noticed.
DEFAULTS = {"profile": "lan"}


def pytest_configure(config):
    if os.geteuid() != 0:
        pytest.exit("the network tests need root", 1)
    config.addinivalue_line("markers", "timing: how long something takes: without sanitizers, too")


def pytest_sessionstart(session):
    if hasattr(session.config, "workeroutput"):
        return
    try:
        testbed_build.build(testbed_build.default_dir())
    except TestbedError as e:
        pytest.exit(str(e), 1)


@pytest.fixture
def figures(request):
    def note(text):
        FIGURES.append("%s: %s" % (request.node.name, text))
    return note


def pytest_sessionfinish(session):
    """Of several processes that share the work (pytest-xdist), each gives its figures to the first."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["figures"] = FIGURES


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    FIGURES.extend(getattr(node, "workeroutput", {}).get("figures", []))


def pytest_terminal_summary(terminalreporter):
    for line in FIGURES:
        terminalreporter.write_line("figure: " + line)


@pytest.fixture(scope="module")
def tb(request):
    """The module's cluster, formed."""
    name = "t%d-%s" % (os.getpid(), request.module.__name__.replace("test_", "")[:16])
    testbed = Testbed(name)
    request.node.testbed = testbed
    try:
        testbed.up(make=False, **{**DEFAULTS, **getattr(request.module, "CLUSTER", {})})
        yield testbed
    finally:
        testbed.down()


def sanitizer_findings(testbed):
    """Reports of ASan and UBSan in the logs of the daemons."""
    found = []
    for log in glob.glob(os.path.join(testbed.dir, "n*", "*.log")):
        with open(log, errors="replace") as f:
            text = f.read()
        if "Sanitizer" in text or "runtime error:" in text:
            found.append(os.path.relpath(log, testbed.dir))
    return found


@pytest.fixture(autouse=True)
def no_finding(request):
    """No test passes while a sanitizer has found something."""
    yield
    if "tb" in request.fixturenames:
        found = sanitizer_findings(request.getfixturevalue("tb"))
        assert not found, "sanitizer reports in %s" % " ".join(found)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    testbed = getattr(item.getparent(pytest.Module), "testbed", None)
    if not report.failed or testbed is None or not testbed.exists():
        return
    for log in sorted(glob.glob(os.path.join(testbed.dir, "n*", "*.log"))):
        with open(log, errors="replace") as f:
            tail = "".join(f.readlines()[-25:])
        report.sections.append((os.path.relpath(log, testbed.dir), tail))
