# SPDX-License-Identifier: ISC
"""The oldest kernel that clua runs on, Linux 6.1 as Debian 12 has it, in a virtual machine with the files of this one.

The processor is emulated, which any machine can do: ten to twenty times slower than this one.
"""
import glob
import os
import platform
import re
import shutil
import subprocess

import testbed_build
from testbed_error import TestbedError

META_PACKAGE = "linux-image-amd64"
FILE_SYSTEMS = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
# On demand they are loaded only where systemd runs.
NETWORK = ("cls_bpf", "sch_ingress", "inet_diag", "tcp_diag", "udp_diag")
MEMORY = "4G"
INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs dev /dev
for m in $($b cat /modules/order); do $b insmod /modules/$m; done
share=trans=virtio,version=9p2000.L,msize=262144
$b mount -t 9p -o $share,cache=loose,ro host /lower
$b mount -t tmpfs tmpfs /upper
$b mkdir /upper/files /upper/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work root /root
$b mkdir -p /root/result /root/usr/lib/modules
$b mount -t 9p -o $share result /root/result
$b mount --bind /lower%(modules)s /root/usr/lib/modules
for m in dev proc sys; do $b mount --move /$m /root/$m; done
$b mkdir -p /root/dev/pts /root/dev/shm
$b mount -t devpts devpts /root/dev/pts
for m in dev/shm run; do $b mount -t tmpfs tmpfs /root/$m; done
$b mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
$b mount -t bpf bpf /root/sys/fs/bpf
$b cp -a /root/result/files/. /root
exec $b switch_root /root /bin/sh /result/start
"""
START = """hostname old-kernel
ip link set lo up
modprobe -a %s
exec /bin/sh /result/main
"""
UNIT = "clua-test.service"
START_SYSTEMD = "exec /lib/systemd/systemd --unit=%s\n" % UNIT
FILES_SYSTEMD = {
    "etc/fstab": "",
    "etc/systemd/system/" + UNIT: "[Service]\nType=oneshot\nExecStart=/bin/sh /result/main\n",
}
MAIN = """export PATH=%(path)s HOME=/root TERM=dumb LANG=C.UTF-8
cd %(folder)s
/bin/sh /result/script >/result/output 2>&1
echo $? >/result/status
sync
echo o >/proc/sysrq-trigger
sleep 60
"""


def _run(command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", **options)
    if done.returncode != 0:
        raise TestbedError("%s: exit status %d\n%s" % (" ".join(command), done.returncode, done.stdout))
    return done.stdout


def _dependencies(folder, name):
    """The files of a module and of all it needs, in the order in which they are to be loaded."""
    with open(os.path.join(folder, "modules.dep")) as f:
        for line in f:
            module, needs = line.rstrip("\n").split(":")
            if os.path.basename(module) == name + ".ko":
                return [os.path.join(folder, m) for m in reversed(needs.split())] + [os.path.join(folder, module)]
    return []  # built in


class OldKernel:
    def __init__(self, work):
        """work: a folder for all of it, which is kept: the kernel is fetched once."""
        if platform.machine() != "x86_64":
            raise TestbedError("no Linux 6.1 for %s here: it is tried on x86_64 alone" % platform.machine())
        self.work = work
        self.image = os.path.join(work, "image")
        self.result = os.path.join(work, "result")
        self.console = os.path.join(work, "console")
        self.files = os.path.join(self.result, "files")
        os.makedirs(self.result, exist_ok=True)
        self.release = self._unpack()
        self.initrd = self._make_initrd()

    def _download(self):
        depends = _run(["apt-cache", "depends", META_PACKAGE])
        package = re.search(r"Depends: (linux-image-6\.1\.\S+)", depends)
        if not package:
            raise TestbedError("the package %s here is not of Linux 6.1:\n%s" % (META_PACKAGE, depends))
        _run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package.group(1)], cwd=self.work)

    def _fetch(self):
        """apt's lists may be missing, or name what the archive has no more."""
        try:
            self._download()
        except TestbedError:
            _run(["apt-get", "-qq", "update"])
            self._download()

    def _unpack(self):
        if not glob.glob(self.image + "/boot/vmlinuz-*"):
            for old in glob.glob(self.work + "/linux-image-*.deb"):
                os.unlink(old)
            shutil.rmtree(self.image + ".new", ignore_errors=True)
            self._fetch()
            deb = glob.glob(self.work + "/linux-image-*.deb")[0]
            _run(["dpkg-deb", "-x", deb, self.image + ".new"])
            os.unlink(deb)
            os.rename(self.image + ".new", self.image)
        release = os.path.basename(glob.glob(self.image + "/boot/vmlinuz-*")[0])[len("vmlinuz-"):]
        _run(["/sbin/depmod", "-b", self.image, release])
        return release

    def _make_initrd(self):
        root = os.path.join(self.work, "initrd")
        shutil.rmtree(root, ignore_errors=True)
        for folder in ("bin", "modules", "proc", "sys", "dev", "root", "lower", "upper"):
            os.makedirs(os.path.join(root, folder))
        shutil.copy("/bin/busybox", os.path.join(root, "bin"))
        order = []
        for name in FILE_SYSTEMS:
            for module in _dependencies(os.path.join(self.image, "lib/modules", self.release), name):
                if os.path.basename(module) not in order:
                    shutil.copy(module, os.path.join(root, "modules"))
                    order.append(os.path.basename(module))
        with open(os.path.join(root, "modules/order"), "w") as f:
            f.write("\n".join(order) + "\n")
        init = os.path.join(root, "init")
        with open(init, "w") as f:
            f.write(INIT % {"modules": os.path.join(self.image, "lib/modules")})
        os.chmod(init, 0o755)
        _run(["sh", "-c", "find . | busybox cpio -o -H newc >../initrd.cpio"], cwd=root)
        return root + ".cpio"

    def _write(self, name, text):
        with open(os.path.join(self.result, name), "w") as f:
            f.write(text)

    def _read(self, name):
        try:
            with open(os.path.join(self.result, name), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def _command(self):
        share = "local,id=%s,path=%s,security_model=passthrough,multidevs=remap"
        return ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot", "-accel", "tcg,thread=multi",
            "-cpu", "max", "-smp", str(os.cpu_count() or 1), "-m", MEMORY,
            "-kernel", os.path.join(self.image, "boot/vmlinuz-" + self.release), "-initrd", self.initrd,
            "-append", "console=ttyS0 panic=-1", "-serial", "file:" + self.console,
            "-fsdev", share % ("host", "/") + ",readonly=on", "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
            "-fsdev", share % ("result", self.result), "-device", "virtio-9p-pci,fsdev=result,mount_tag=result",
            "-device", "virtio-rng-pci"]

    def run_under_systemd(self, script, seconds, files):
        """The same when systemd has started the machine, with the files of a folder besides this machine's."""
        shutil.rmtree(self.files, ignore_errors=True)
        shutil.copytree(files, self.files, symlinks=True)
        for name, text in FILES_SYSTEMD.items():
            os.makedirs(os.path.dirname(os.path.join(self.files, name)), exist_ok=True)
            self._write(os.path.join("files", name), text)
        return self._run_script(START_SYSTEMD, script, seconds, testbed_build.TREE)

    def run(self, script, seconds, folder=testbed_build.TREE):
        """Boots, runs a shell script in folder and ends; its exit status and its output. It may write in /result."""
        shutil.rmtree(self.files, ignore_errors=True)
        os.makedirs(self.files)
        return self._run_script(START % " ".join(NETWORK), script, seconds, folder)

    def _run_script(self, start, script, seconds, folder):
        for name in ("output", "status"):
            if os.path.exists(os.path.join(self.result, name)):
                os.unlink(os.path.join(self.result, name))
        self._write("start", start)
        self._write("script", script)
        self._write("main", MAIN % {"path": testbed_build.SYSTEM_PATH, "folder": folder})
        try:
            subprocess.run(self._command(), stdin=subprocess.DEVNULL, check=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise TestbedError("Linux %s: not done within %d s; see %s\n%s" % (self.release, seconds,
                self.console, self._read("output"))) from None
        except subprocess.CalledProcessError as e:
            raise TestbedError("qemu: exit status %d" % e.returncode) from None
        status = self._read("status").strip()
        if not status:
            raise TestbedError("Linux %s did not run the script; see %s" % (self.release, self.console))
        return int(status), self._read("output")
