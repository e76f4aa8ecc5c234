# SPDX-License-Identifier: ISC
"""PID 1 of a machine of the testbed: sets up what makes it a machine of its own, then reaps.

Run inside fresh mount, net, pid, uts, ipc and cgroup namespaces, as
    testbed_init.py HOSTNAME ETC LOGS
It prints "ready" when the machine is up and never ends by itself: who kills it cuts the power.
"""
import ctypes
import grp
import os
import signal
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2


def mount(source, target, fstype="", flags=0, data=""):
    args = [s.encode() for s in (source, target, fstype)]
    if LIBC.mount(*args, ctypes.c_ulong(flags), data.encode()) != 0:
        err = ctypes.get_errno()
        raise OSError(err, "mount %s on %s: %s" % (fstype or source, target, os.strerror(err)))


def mount_if_there(fstype, target):
    """File systems that a small kernel may lack; who needs them says so itself."""
    if not os.path.isdir(target):
        return
    try:
        mount(fstype, target, fstype)
    except OSError as e:
        print(e, file=sys.stderr)


def detach(path):
    """Takes away what the host has mounted there, and below: nobody shall find it in the list of mounts."""
    while os.path.ismount(path):
        if LIBC.umount2(path.encode(), MNT_DETACH) != 0:
            return


def set_up_mounts(etc, logs):
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    mount(etc, "/etc", flags=MS_BIND)
    mount(logs, "/var/log", flags=MS_BIND)
    for path in ("/run", "/sys"):
        detach(path)
    # The host's /run may hold the sockets of a real installation: a machine starts with an empty one.
    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    os.makedirs("/run/lock", mode=0o1777)
    # As tmpfiles.d has it.
    os.makedirs("/run/clua", mode=0o750)
    try:
        os.chown("/run/clua", 0, grp.getgrnam("clua").gr_gid)
    except KeyError:
        pass
    mount("proc", "/proc", "proc")
    # A new sysfs shows the interfaces of our network namespace, and has empty mount points.
    mount("sysfs", "/sys", "sysfs")
    mount("bpf", "/sys/fs/bpf", "bpf")
    mount("cgroup2", "/sys/fs/cgroup", "cgroup2")
    mount_if_there("tracefs", "/sys/kernel/tracing")
    if os.path.isdir("/var/lib/nginx"):
        mount("tmpfs", "/var/lib/nginx", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")


def reap_forever():
    while True:
        signal.sigwait({signal.SIGCHLD})
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


def main():
    hostname, etc, logs = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    LIBC.sethostname(hostname.encode(), len(hostname))
    os.chdir("/")
    os.umask(0o022)
    set_up_mounts(etc, logs)
    print("ready", flush=True)
    devnull = os.open("/dev/null", os.O_RDWR)
    os.dup2(devnull, 0)
    os.dup2(devnull, 1)
    reap_forever()


main()
