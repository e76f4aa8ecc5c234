# SPDX-License-Identifier: ISC
"""All tests, stage after stage; sums what every suite says of itself."""
import glob
import os
import re
import shlex
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

sys.dont_write_bytecode = True

from old_kernel import OldKernel  # noqa: E402
from testbed_error import TestbedError  # noqa: E402

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORK = os.path.join(TREE, "build-test")
SAN, PLAIN = os.path.join(WORK, "san"), os.path.join(WORK, "plain")
JOBS = "-j%d" % (os.cpu_count() or 1)


class Result:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __str__(self):
        return "%d passed, %d failed, %d skipped" % (self.passed, self.failed, self.skipped)


class BuildFailed(Exception):
    pass


def run(command, cwd, log, env=None):
    """Output goes to a log in WORK; its end is shown when the command fails."""
    os.makedirs(WORK, exist_ok=True)
    path = os.path.join(WORK, log)
    with open(path, "a") as out:
        out.write("---- %s\n" % shlex.join(command))
        out.flush()
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            env=dict(os.environ, **env) if env else None)
    if done.returncode != 0:
        print("  %s: exit status %d; the end of %s:" % (shlex.join(command), done.returncode, path))
        show_end(path, 40)
    return done.returncode == 0


def show_end(path, lines):
    try:
        with open(path, errors="replace") as f:
            sys.stdout.writelines("    " + line for line in f.readlines()[-lines:])
    except FileNotFoundError:
        pass


def build(folder, args, log):
    os.makedirs(folder, exist_ok=True)
    steps = []
    if not os.path.exists(os.path.join(TREE, "configure")):
        steps.append((["./autogen.sh"], TREE))
    if not os.path.exists(os.path.join(folder, "Makefile")):
        steps.append(([os.path.join(TREE, "configure"), "--enable-werror", *args], folder))
    steps.append((["make", "-s", JOBS], folder))
    for command, cwd in steps:
        if not run(command, cwd, log):
            raise BuildFailed(log)


# ---- results of make check ----

def libcheck_counts(text):
    """(checks, not passed) of all suites in the log of a check(1) program; None if there are none."""
    found = re.findall(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", text, re.M)
    if not found:
        return None
    return sum(int(c) for c, _, _ in found), sum(int(f) + int(e) for _, f, e in found)


def program_result(trs):
    with open(trs) as f:
        verdict = re.search(r"^:test-result: (\w+)", f.read(), re.M)
    verdict = verdict.group(1) if verdict else "ERROR"
    with open(trs[:-4] + ".log", errors="replace") as f:
        counts = libcheck_counts(f.read())
    if verdict == "SKIP":
        return Result(skipped=1)
    good = verdict in ("PASS", "XFAIL")
    if counts is None:
        return Result(passed=int(good), failed=int(not good))
    checks, bad = counts
    # A program may fail although each check passed: a leak found at its end.
    return Result(passed=checks - bad, failed=bad if good else max(bad, 1))


def make_check(folder, log):
    for trs in glob.glob(folder + "/**/*.trs", recursive=True):
        os.unlink(trs)
    good = run(["make", "-s", JOBS, "-k", "check"], folder, log)
    total = Result()
    for trs in sorted(glob.glob(folder + "/**/*.trs", recursive=True)):
        result = program_result(trs)
        if result.failed:
            print("  failed: %s" % trs[:-4])
            show_end(trs[:-4] + ".log", 40)
        total += result
    if not good and not total.failed:
        total.failed = 1
    return total


# ---- stages ----

def one(good):
    return Result(passed=int(good), failed=int(not good))


def stage_sanitizers():
    """build with ASan and UBSan, make check"""
    build(SAN, ["--enable-sanitizers"], "san.log")
    return make_check(SAN, "san-check.log")


def stage_style():
    """make check-style"""
    build(SAN, ["--enable-sanitizers"], "san.log")
    return one(run(["make", "-s", "check-style"], SAN, "style.log"))


def pytest(build_dir, log, *options):
    junit = os.path.join(WORK, log + ".xml")
    if os.path.exists(junit):
        os.unlink(junit)
    command = ["/usr/bin/python3", "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q", "--tb=short",
        "--durations=10", "--junitxml=" + junit, *options, os.path.join(TREE, "tests/net")]
    good = run(command, TREE, log, env={"CLUA_BUILD": build_dir})
    try:
        suite = ET.parse(junit).getroot().find("testsuite")
    except (OSError, ET.ParseError):
        return Result(failed=1)
    n = {k: int(suite.get(k)) for k in ("tests", "failures", "errors", "skipped")}
    failed = n["failures"] + n["errors"]
    return Result(passed=n["tests"] - failed - n["skipped"], failed=failed or int(not good),
        skipped=n["skipped"])


def stage_net():
    """of the network suite, what looks at how long something takes"""
    build(PLAIN, [], "plain.log")
    return pytest(PLAIN, "net.log", "-m", "timing")


def stage_net_sanitizers():
    """the whole network suite, daemons with ASan and UBSan"""
    build(SAN, ["--enable-sanitizers"], "san.log")
    # Modules wait more than they work: two at a time, each with a cluster of its own.
    total = pytest(SAN, "net-san.log", "-m", "not timing", "-n", "2", "--dist", "loadfile")
    total += pytest(SAN, "net-san-timing.log", "-m", "timing")
    return total


def stage_kernel():
    """the packet programs on the oldest kernel"""
    build(PLAIN, [], "plain.log")
    program = "tests/bpf/mutate_test"
    if not run(["make", "-s", program], PLAIN, "plain.log"):
        raise BuildFailed("plain.log")
    try:
        status, output = OldKernel(os.path.join(WORK, "kernel")).run("./mutate_test 20000", 300,
            os.path.join(PLAIN, os.path.dirname(program)))
    except TestbedError as e:
        status, output = 1, str(e)
    if status != 0:
        print(output)
    return one(status == 0)


def stage_distcheck():
    """make distcheck: build, check and install as users do"""
    build(PLAIN, [], "plain.log")
    return one(run(["make", "-s", JOBS, "distcheck"], PLAIN, "distcheck.log"))


STAGES = {
    "sanitizers": stage_sanitizers,
    "style": stage_style,
    "net": stage_net,
    "net-sanitizers": stage_net_sanitizers,
    "kernel": stage_kernel,
    "distcheck": stage_distcheck,
}


def run_stage(name):
    stage = STAGES[name]
    print("== %s: %s" % (name, stage.__doc__), flush=True)
    began = time.monotonic()
    try:
        result = stage()
    except BuildFailed:
        result = Result(failed=1)
    print("   %s (%.0f s)" % (result, time.monotonic() - began), flush=True)
    return result


def main():
    names = sys.argv[1:] or list(STAGES)
    if names == ["-l"]:
        for name, stage in STAGES.items():
            print("%-15s %s" % (name, stage.__doc__))
        return 0
    unknown = [n for n in names if n not in STAGES]
    if unknown:
        print("test: no stage %s; -l lists them" % " ".join(unknown), file=sys.stderr)
        return 2
    for old in glob.glob(WORK + "/*.log"):
        os.unlink(old)
    total = Result()
    for name in names:
        total += run_stage(name)
    print(total)
    return 1 if total.failed else 0


sys.exit(main())
