# SPDX-License-Identifier: ISC
"""A machine of the testbed: namespaces and a control group with a PID 1 of its own.

Nothing is remembered that the kernel does not know: a machine is found again by its control group,
clua-testbed.NAME/MACHINE, and is gone when that is empty.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

from testbed_error import TestbedError, wait_until

LIB = os.path.dirname(os.path.abspath(__file__))
NAMESPACES = ["--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup"]
GROUP_PREFIX = "clua-testbed."
NO_SUCH_COMMAND = 127


def cgroup2_root():
    with open("/proc/self/mountinfo") as f:
        for line in f:
            fields = line.split()
            if fields[fields.index("-") + 1] == "cgroup2":
                return fields[4]
    raise TestbedError("no cgroup2 file system is mounted")


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError, OSError):
        return ""


class Machine:
    def __init__(self, testbed, name, state_dir, path):
        self.name = name
        self.dir = os.path.join(state_dir, name)
        self.etc = os.path.join(self.dir, "etc")
        self.logs = os.path.join(self.dir, "log")
        self.cgroup = os.path.join(cgroup2_root(), GROUP_PREFIX + testbed, name)
        self.path = path

    # ---- life ----

    def pids(self):
        return [int(p) for p in read(self.cgroup + "/cgroup.procs").split()]

    def init_pid(self):
        """PID 1 of the machine as the host sees it; None if it is off."""
        for pid in self.pids():
            found = re.search(r"^NSpid:\s+\d+\s+1$", read("/proc/%d/status" % pid), re.M)
            if found:
                return pid
        return None

    def running(self):
        return self.init_pid() is not None

    def prepare(self):
        """Makes the directories that outlive a power cut."""
        os.makedirs(self.logs, exist_ok=True)
        os.makedirs(os.path.join(self.logs, "nginx"), exist_ok=True)
        if not os.path.isdir(self.etc):
            shutil.copytree("/etc", self.etc, symlinks=True, ignore_dangling_symlinks=True)

    def boot(self):
        if self.running():
            raise TestbedError("%s is up already" % self.name)
        os.makedirs(self.cgroup, exist_ok=True)
        command = self._joining(["unshare", *NAMESPACES, "--fork", "/usr/bin/python3", "-I", "-S",
            os.path.join(LIB, "testbed_init.py"), self.name, self.etc, self.logs])
        with open(os.path.join(self.dir, "init.log"), "ab") as log:
            proc = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=log, start_new_session=True, close_fds=True)
        answer = proc.stdout.readline()
        proc.stdout.close()
        if answer.strip() != b"ready":
            raise TestbedError("%s does not boot:\n%s" % (self.name,
                read(os.path.join(self.dir, "init.log")).strip()))

    def freeze(self):
        """Stops every process within microseconds, so that none sees the others of its links go."""
        try:
            with open(self.cgroup + "/cgroup.freeze", "w") as f:
                f.write("1")
        except FileNotFoundError:
            pass

    def power_off(self):
        """SIGKILL to every process at once; returns when they are gone."""
        try:
            with open(self.cgroup + "/cgroup.kill", "w") as f:
                f.write("1")
        except FileNotFoundError:
            return
        wait_until(self._remove_cgroup, 10, "the processes of %s to end" % self.name)

    def _remove_cgroup(self):
        if "populated 1" in read(self.cgroup + "/cgroup.events"):
            return False
        # Deepest first: the machine may have made groups of its own.
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                pass
            except OSError:
                return False
        return True

    # ---- commands in it ----

    def _joining(self, command):
        """command, started in the control group of the machine."""
        script = 'echo 0 >"$0/cgroup.procs" && exec "$@"'
        return ["/bin/sh", "-c", script, self.cgroup, *command]

    def command(self, argv):
        """What to execute on the host so that argv runs in the machine."""
        pid = self.init_pid()
        if pid is None:
            raise TestbedError("%s is off" % self.name)
        enter = ["nsenter", "-t", str(pid), "--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup",
            "--wd=/"]
        # What a shell runs in the background ignores SIGINT, and so would its children.
        return self._joining([*enter, "/usr/bin/env", "--default-signal", "PATH=" + self.path, "HOME=/root",
            "HOSTNAME=" + self.name, "USER=root", *argv])

    def popen(self, argv, **kwargs):
        if isinstance(argv, str):
            argv = shlex.split(argv)
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.command(argv), **kwargs)

    def run(self, argv, check=True, timeout=60, **kwargs):
        """Runs to the end; the result has stdout and stderr as text."""
        if isinstance(argv, str):
            argv = shlex.split(argv)
        kwargs.setdefault("stdin", subprocess.DEVNULL if "input" not in kwargs else None)
        if "input" in kwargs:
            kwargs.pop("stdin")
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        done = subprocess.run(self.command(argv), text=True, timeout=timeout, **kwargs)
        if done.returncode == NO_SUCH_COMMAND or (check and done.returncode != 0):
            raise TestbedError("%s: %s: exit status %d\n%s%s" % (self.name, shlex.join(argv),
                done.returncode, done.stdout or "", done.stderr or ""))
        return done

    def spawn(self, argv, log, priority=None):
        """Starts a daemon, as the service manager would; its output goes to the file log (on the host)."""
        scheduling = ["chrt", "-r", str(priority)] if priority else []
        with open(log, "ab") as out:
            out.write(b"---- %s: %s\n" % (time.strftime("%H:%M:%S").encode(),
                shlex.join(argv).encode()))
            out.flush()
            # setsid --fork: init becomes the parent, as of everything that loses its own.
            done = subprocess.run(self.command(["setsid", "--fork", *scheduling, *argv]),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        if done.returncode != 0:
            raise TestbedError("%s: cannot start %s" % (self.name, shlex.join(argv)))

    def daemon_pids(self, program):
        """Host PIDs of a program in the machine, by the name of its executable."""
        return [pid for pid in self.pids() if self._program(pid) == program]

    @staticmethod
    def _program(pid):
        try:
            return os.path.basename(os.readlink("/proc/%d/exe" % pid))
        except OSError:
            return ""


def machines_left(testbed):
    """Names of the machines of a testbed that have a control group, whether or not its state is left."""
    group = os.path.join(cgroup2_root(), GROUP_PREFIX + testbed)
    try:
        return sorted(e.name for e in os.scandir(group) if e.is_dir())
    except FileNotFoundError:
        return []


def remove_group(testbed):
    try:
        os.rmdir(os.path.join(cgroup2_root(), GROUP_PREFIX + testbed))
    except FileNotFoundError:
        pass


def require_root():
    if os.geteuid() != 0:
        sys.exit("testbed: needs root (network namespaces, eBPF): try sudo")
