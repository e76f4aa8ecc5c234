# SPDX-License-Identifier: ISC
"""libclua: what programs learn of aliases, and how the ports that they register behave."""
import errno
import os
import signal
import subprocess

import pytest

import testbed_build
from testbed_load import ALIAS, ALIAS2, echods, end, load, owners
from testbed_error import wait_until
from testbed_status import status

CLUSTER = {"profile": "lan", "join": ["cluamgr -a alias=DEFAULTALIAS,join",
    "n1:cluamgr -a alias=clua2,join,selw=3,selp=2,rpri=7", "n2:cluamgr -a alias=clua2"]}

SUCCESS, ENOCLUSTER, ENODEFAULT, NOMOREALIASES, ENOTALIAS = 1, -100, -99, -98, -97
EBADOPTION, EBADTYPE, EPORTCONFLICT, ENOTRESERVED, ERRNO = -96, -95, -94, -93, -89
MULTI, SINGLE, IN_NOALIAS, IN_NOLOCAL, TRANSIENT, NONE = 0x10, 0x20, 0x80, 0x200, 0x1000, 0x4000
OUT_LOCAL = 0x800
PORT = 7300
FOR_OTHERS = "/run/apitool"


class Tool:
    """A program in a node that calls the library as it is told."""

    def __init__(self, tb, node, user=None):
        argv = ["apitool"]
        if user:
            # Where the tree is, others may not be able to look.
            tb.machine(node).run(["sh", "-c", 'mkdir -p "$0" && cp -n "$(command -v apitool)" "$1" "$0"', FOR_OTHERS,
                os.path.join(testbed_build.default_dir(), "libclua/libclua.so.1")])
            argv = ["setpriv", *user, "env", "LD_LIBRARY_PATH=" + FOR_OTHERS, FOR_OTHERS + "/apitool"]
        self.proc = tb.machine(node).popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, bufsize=1)

    def __call__(self, *words):
        self.proc.stdin.write(" ".join(str(w) for w in words) + "\n")
        return self.proc.stdout.readline().strip()

    def status(self, *words):
        return int(self(*words).split()[0])

    def register(self, port, options, proto="tcp"):
        return self.status("register", port, proto, "%x" % options)

    def unregister(self, port, proto="tcp"):
        return self.status("unregister", port, proto)

    def end(self):
        """At the end of its input: as any program that ends by itself."""
        self.proc.stdin.close()
        self.proc.wait(20)
        self.proc.stdout.close()


@pytest.fixture
def tool(tb):
    tools = []

    def make(node="n1", user=None):
        tools.append(Tool(tb, node, user))
        return tools[-1]
    yield make
    for t in tools:
        if t.proc.poll() is None and not t.proc.stdin.closed:
            t.end()


def registered(tb, node="n1"):
    """(port, proto) -> row, as a member sees it."""
    return {(r["port"], r["proto"]): r for r in status(tb, node)["registered"]}


def attrs(tb, port, node="n1", alias=ALIAS):
    rows = next(a for a in status(tb, node)["aliases"] if a["alias"] == alias)["services"]
    return next((s["attrs"] for s in rows if s["port"] == port and s["proto"] == "tcp"), None)


def shares(tb, port, n=30):
    account = load(tb, "short", "-a", ALIAS, "-p", port, "-n", n, "-q")
    return sorted(owners(account).values())


def wait_shares(tb, port, expected):
    wait_until(lambda: shares(tb, port) == expected, 10, "port %d to be dealt out as %s" % (port, expected))


def pair(words):
    return dict(w.split("=", 1) for w in words if "=" in w)


def test_aliases(tb, tool):
    t = tool("n1")
    assert t("default") == "1 %s" % ALIAS
    seen = [t("next"), t("next"), t("next")]
    assert {s.split()[-1] for s in seen[:2]} == {ALIAS, ALIAS2}
    assert seen[2] == str(NOMOREALIASES)
    assert t("next") == str(NOMOREALIASES)
    # n2 routes for the second alias, and has not joined it; n3 does not know it.
    for node in ("n2", "n3"):
        t = tool(node)
        assert (t("next"), t("next")) == ("1 %s" % ALIAS, str(NOMOREALIASES))
        assert t("isalias", ALIAS2) == "1"
    assert t("isalias", ALIAS) == "1"
    assert t("isalias", "10.1.0.11") == "0"
    assert t.status("info", "10.1.0.11") == ENOTALIAS


def test_information_is_that_of_cluamgr(tb, tool):
    with echods(tb, tcp=(7000,), udp=(7000,)):
        assert sum(shares(tb, 7000)) == 30
        load(tb, "probe", "-a", ALIAS, "-p", 7000, "-n", 30, "-d", 1)
    # The members count what they see of a connection's end a moment later.
    def same():
        t = tool("n1")
        for alias in (a for a in status(tb, "n1")["aliases"]):
            words = t("info", alias["alias"]).split()
            info = pair(words)
            counters = [str(c) for c in alias["counters"].values()]
            if info["counters"].split(",") != counters:
                return False
            assert words[0] == "1" and info["addr"] == alias["alias"]
            assert info["netmask"] == alias["netmask"]
            assert int(info["aliasid"]) == alias["id"]
            expected = ["member=%d,%x,%d,%d,%d" % (m["id"], 0x11 if "JOINED" in m["flags"] else 1,
                m["selw"], m["selp"], m["rpri"]) for m in alias["members"]]
            assert [w for w in words if w.startswith("member=")] == expected
            assert int(info["maxmember"]) == max(m["id"] for m in alias["members"])
            assert int(info["flags"], 16) == (7 if alias["alias"] == ALIAS else 5)
        return True
    wait_until(same, 10, "the same counters")
    assert any(a["counters"]["connections_received_from_network"] for node in tb.nodes()
        for a in status(tb, node)["aliases"])


def test_a_name_server_finds_its_interfaces(tb, tool):
    ids = {a["alias"]: a["id"] for a in status(tb, "n1")["aliases"]}
    found = pair(tool("n1")("interfaces").split())
    assert found == {"clua%d" % i: address for address, i in ids.items()}


def test_registration_is_for_all_members(tb, tool):
    t = tool("n2")
    with echods(tb, tcp=(PORT,)):
        wait_shares(tb, PORT, [30])
        assert t.register(PORT, MULTI) == SUCCESS
        wait_shares(tb, PORT, [10, 10, 10])
        for node in tb.nodes():
            row = registered(tb, node)[PORT, "tcp"]
            assert row["attrs"] == ["in_multi"] and not row["transient"] and row["program"] is None
        text = tb.machine("n3").run("cluamgr -s all").stdout
        assert "\nPorts registered by programs:\nregistered: %d/tcp in_multi\n" % PORT in text
        # It stays when the program has ended, and whatever the file says of other ports.
        t.end()
        tb.machine("n1").run("cluamgr -f")
        wait_shares(tb, PORT, [10, 10, 10])
        t = tool("n3")
        assert t.unregister(PORT) == SUCCESS
        wait_shares(tb, PORT, [30])
        assert t.unregister(PORT) == ENOTRESERVED
        assert t.register(PORT, IN_NOALIAS) == SUCCESS
        wait_until(lambda: load(tb, "short", "-a", ALIAS, "-p", PORT, "-n", 6, "-q")["refused"] == 6, 10,
            "connections to be refused")
        assert t.register(PORT, NONE) == SUCCESS
        wait_shares(tb, PORT, [30])
    assert registered(tb) == {}


def test_a_new_file_drops_no_registration(tb, tool):
    t = tool("n1")
    assert t.register(PORT, MULTI) == SUCCESS
    path = os.path.join(tb.machine("n1").etc, "services.new")
    with open(path, "w") as f:
        f.write("http 80/tcp in_multi\n")
    tb.machine("n1").run("cluamgr -F /etc/services.new")
    assert registered(tb)[PORT, "tcp"]["attrs"] == ["in_multi"]
    tb.machine("n1").run("cluamgr -f")
    assert registered(tb)[PORT, "tcp"]["attrs"] == ["in_multi"]
    assert t.unregister(PORT) == SUCCESS


def test_errors(tb, tool):
    t = tool("n1")
    assert t.register(PORT, MULTI | SINGLE) == EBADOPTION
    assert t.register(PORT, IN_NOLOCAL | IN_NOALIAS) == EBADOPTION
    assert t.register(PORT, OUT_LOCAL) == EBADOPTION
    assert t.register(PORT, NONE | MULTI) == EBADOPTION
    assert t.register(PORT, 0x8000) == EBADOPTION
    assert t.register(PORT, MULTI, "sctp") == EBADTYPE
    assert t.unregister(PORT, "sctp") == EBADTYPE
    assert t("register", 0, "tcp", "10") == "%d errno %d" % (ERRNO, errno.EINVAL)
    assert t.unregister(PORT) == ENOTRESERVED
    assert t.register(7000, SINGLE) == EPORTCONFLICT  # the file says in_multi
    assert t.unregister(7000) == ENOTRESERVED
    assert t.register(7000, MULTI) == SUCCESS
    assert t.unregister(7000) == SUCCESS
    assert t.register(PORT, MULTI) == SUCCESS
    assert tool("n3").register(PORT, SINGLE) == EPORTCONFLICT
    assert t.register(PORT, MULTI, "udp") == SUCCESS
    assert t.unregister(PORT, "udp") == SUCCESS
    assert t.unregister(PORT) == SUCCESS
    assert registered(tb) == {}
    assert t("error", NOMOREALIASES) == "no more cluster aliases"
    assert t("error", 7) == "unknown status"


def test_who_may(tb, tool):
    group = next(line.split(":")[2] for line in open(os.path.join(tb.machine("n1").etc, "group"))
        if line.startswith("clua:"))
    user = ["--reuid=65534", "--regid=65534"]
    member = tool("n1", [*user, "--groups=" + group])
    assert member("default") == "1 %s" % ALIAS
    assert member("register", 81, "tcp", "10") == "%d errno %d" % (ERRNO, errno.EACCES)
    assert member("unregister", 81, "tcp") == "%d errno %d" % (ERRNO, errno.EACCES)
    assert member("common", 0x20000100, "tcp", "resv") == "-1 errno %d" % errno.EACCES
    assert member.register(PORT, MULTI) == SUCCESS
    assert member.unregister(PORT) == SUCCESS
    stranger = tool("n1", [*user, "--clear-groups"])
    assert stranger("default") == "%d errno %d" % (ERRNO, errno.EACCES)
    assert stranger("isalias", ALIAS) == "0"


def test_transient_ends_with_the_last_unbind(tb, tool):
    first, second, third = tool("n1"), tool("n2"), tool("n3")
    for t in (first, second):
        assert t.register(PORT, MULTI | TRANSIENT) == SUCCESS
        assert t.status("listen", PORT, "tcp") == 1
    assert registered(tb, "n3")[PORT, "tcp"]["members"] == [1, 2]
    assert third.status("listen", PORT, "tcp") == 1  # did not register, and is served all the same
    wait_until(lambda: attrs(tb, PORT, "n2") == ["in_multi"], 10, "in_multi")
    assert first.status("close", PORT) == 1
    assert second.status("close", PORT) == 1
    wait_until(lambda: registered(tb, "n3")[PORT, "tcp"] and attrs(tb, PORT, "n3") == ["in_multi"], 10,
        "it to be in force while somebody listens")
    assert third.status("close", PORT) == 1
    for node in tb.nodes():
        wait_until(lambda: registered(tb, node) == {}, 10, "the registration to end")
    # The programs live on, and may register again.
    assert first.register(PORT, SINGLE | TRANSIENT) == SUCCESS
    assert registered(tb, "n2")[PORT, "tcp"]["attrs"] == ["in_single"]
    assert first.unregister(PORT) == SUCCESS


def test_transient_ends_with_its_program(tb, tool):
    t, other = tool("n1"), tool("n2")
    assert t.register(PORT, MULTI | TRANSIENT) == SUCCESS
    assert t.register(PORT, MULTI | TRANSIENT, "udp") == SUCCESS
    assert other.register(PORT, MULTI | TRANSIENT, "udp") == SUCCESS
    for pid in tb.machine("n1").daemon_pids("apitool"):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(registered(tb, "n3")) == {(PORT, "udp")}, 10, "the first to end")
    assert registered(tb, "n3")[PORT, "udp"]["members"] == [2]
    assert other.status("listen", PORT, "udp") == 1
    wait_until(lambda: any(s["port"] == PORT for a in status(tb, "n1")["aliases"] for s in a["services"]), 10,
        "the socket to be known")
    other.end()
    wait_until(lambda: registered(tb, "n3") == {}, 10, "the second to end")


def test_transient_ends_with_its_member(tb, tool):
    victim, stays = tool("n3"), tool("n1")
    assert victim.register(PORT, MULTI | TRANSIENT) == SUCCESS
    assert victim.register(PORT + 1, MULTI) == SUCCESS
    assert victim.register(PORT + 2, MULTI | TRANSIENT) == SUCCESS
    assert stays.register(PORT + 2, MULTI | TRANSIENT) == SUCCESS
    tb.kill("n3")
    wait_until(lambda: set(registered(tb, "n1")) == {(PORT + 1, "tcp"), (PORT + 2, "tcp")}, 20,
        "the member's own to end")
    # Who joins learns what is registered.
    tb.start("n3")
    wait_until(lambda: registered(tb, "n3") == registered(tb, "n1") != {}, 10, "the same table")
    assert stays.unregister(PORT + 1) == SUCCESS
    assert stays.unregister(PORT + 2) == SUCCESS


def test_aliasd_is_started_anew_in_between(tb, tool):
    t = tool("n1")
    assert t("default") == "1 %s" % ALIAS
    assert t.register(PORT, MULTI | TRANSIENT) == SUCCESS
    assert t.register(PORT + 1, MULTI) == SUCCESS
    before = registered(tb, "n2")
    for pid in tb.machine("n1").daemon_pids("aliasd"):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: t.status("default") == ENOCLUSTER, 10, "the daemon to be away")
    assert t("isalias", ALIAS) == "0"
    assert t.status("next") == ENOCLUSTER
    assert t.register(PORT + 2, MULTI) == ENOCLUSTER
    assert t("common", 0x20000101, "tcp") == "-1 errno %d" % errno.ENETDOWN
    wait_until(lambda: (PORT, "tcp") not in registered(tb, "n2"), 20, "the others to miss it")
    tb.start_daemon("n1", "aliasd")
    wait_until(lambda: t.status("default") == SUCCESS, 20, "the daemon to be back")
    wait_until(lambda: registered(tb, "n2") == before == registered(tb, "n1"), 20,
        "what its programs registered to be in force again")
    t.end()
    wait_until(lambda: set(registered(tb, "n2")) == {(PORT + 1, "tcp")}, 10, "the program's to end")
    assert tool("n2").unregister(PORT + 1) == SUCCESS
    tb.wait_formed(20)


def test_a_member_that_was_apart(tb, tool):
    """It takes what is registered with the others, and they learn what its programs registered."""
    here, there = tool("n1"), tool("n3")
    assert here.register(PORT, MULTI) == SUCCESS
    assert there.register(PORT + 1, MULTI | TRANSIENT) == SUCCESS
    for interface in ("ic0", "ic1", "eth0"):
        tb.cut("n3", interface)
    wait_until(lambda: (PORT + 1, "tcp") not in registered(tb), 20, "the others to miss it")
    wait_until(lambda: set(registered(tb, "n3")) == {(PORT, "tcp"), (PORT + 1, "tcp")}, 20,
        "it to go on alone")
    assert here.register(PORT + 2, MULTI) == SUCCESS
    assert there.register(PORT + 3, SINGLE) == SUCCESS
    assert there.register(PORT + 2, SINGLE | TRANSIENT) == SUCCESS  # will not stand
    tb.heal()
    tb.wait_formed(30)
    both = {(PORT + i, "tcp") for i in range(4)}
    for node in tb.nodes():
        wait_until(lambda: set(registered(tb, node)) == both, 20, "one table")
        assert registered(tb, node)[PORT + 2, "tcp"]["attrs"] == ["in_multi"]
    for i in range(4):
        assert here.unregister(PORT + i) == SUCCESS
    assert registered(tb, "n1") == {}


def test_the_sample_server(tb):
    argv = [os.path.join(tb.options["build"], "libclua", "clua_example"), "7310"]
    servers = {n: tb.machine(n).popen(argv, stdout=subprocess.PIPE, bufsize=0) for n in tb.nodes()}
    for node, proc in servers.items():
        lines = [proc.stdout.readline() for _ in range(3 if node == "n1" else 2)]
        assert lines[-1] == b"ready\n" and b": %s (default)\n" % ALIAS.encode() in b"".join(lines)
    script = "for i in $(seq 9); do exec 3<>/dev/tcp/%s/7310; cat <&3; done" % ALIAS
    wait_until(lambda: sorted(tb.machine("c1").run(["bash", "-c", script]).stdout.split())
        == sorted(3 * tb.nodes()), 10, "every member to answer in turn")
    for proc in servers.values():
        end(proc, signal.SIGTERM)
        proc.wait(10)
        proc.stdout.close()
    wait_until(lambda: registered(tb) == {}, 10, "the registration to end with the servers")


def test_without_a_cluster(tb):
    done = tb.machine("c1").run(["apitool"], input="default\nnext\ninfo %s\nisalias %s\n"
        "register %d tcp 10\nunregister %d tcp\ncommon 536870912 tcp\nfds\n" % (ALIAS, ALIAS, PORT, PORT))
    assert done.stdout.split("\n")[:6] == ["-100", "-100", "-100", "0", "-100", "-100"]
    assert done.stdout.split("\n")[6] == "-1 errno %d" % errno.ENETDOWN
    assert "Sanitizer" not in done.stderr


def test_threads_and_descriptors(tb, tool):
    t = tool("n1")
    before = t("fds")
    assert t("threads", 8) == "0"
    assert t("fds") == before


def test_a_daemon_that_hangs(tb, tool):
    """Who asks waits for it, and gets the answer."""
    t = tool("n2")
    assert t("default") == "1 %s" % ALIAS
    pids = tb.machine("n2").daemon_pids("aliasd")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        t.proc.stdin.write("default\n")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert t.proc.stdout.readline().strip() == "1 %s" % ALIAS
