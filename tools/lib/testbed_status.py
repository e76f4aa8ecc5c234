# SPDX-License-Identifier: ISC
"""What the nodes say of themselves, gathered."""
import json

from testbed_error import TestbedError

QUESTIONS = {"lltd": ["lltstat", "-j"], "gabd": ["gabconfig", "-j"],
    "aliasd": ["cluamgr", "-s", "all", "-j"]}
# As text, for people, without what changes all the time.
SHOWN = {"lltd": ["lltstat", "-nvv"], "gabd": ["gabconfig", "-a"], "aliasd": ["cluamgr", "-s", "all"]}


def ask(machine, daemon):
    """The daemon's own JSON, or None if it does not answer."""
    try:
        done = machine.run(QUESTIONS[daemon], check=False, timeout=10)
        return json.loads(done.stdout) if done.returncode == 0 else None
    except (ValueError, TestbedError):
        return None


def node(testbed, name):
    machine = testbed.machine(name)
    if not machine.running():
        return {"name": name, "power": False}
    answers = {daemon: ask(machine, daemon) for daemon in testbed.options["daemons"]}
    return {"name": name, "power": True, "address": testbed.address(name), **answers}


def gather(testbed):
    return {"name": testbed.name, "options": testbed.options, "cuts": testbed.cuts(),
        "machines": [{"name": m, "power": testbed.machine(m).running()} for m in testbed.machines()],
        "nodes": [node(testbed, n) for n in testbed.nodes()]}


# ---- lltd ----

def lltd_missing(answer, running):
    """Nodes that should be open and are not."""
    peers = [n for n in answer["nodes"] if not n["self"]]
    return ["%s is %s" % (n["name"], n["state"]) for n in peers if
        (n["state"] == "OPEN") != (n["name"] in running)]


def links_up(testbed, name, peer):
    """How many links lltd on a node sees up to the node of that id."""
    answer = ask(testbed.machine(name), "lltd")
    links = next(n for n in answer["nodes"] if n["node"] == peer)["links"]
    return sum(link["state"] == "UP" for link in links)


def sessions(testbed, name):
    """Peer -> its session as lltd on a node counts them: the same numbers mean that nobody was lost."""
    answer = ask(testbed.machine(name), "lltd")
    return {n["name"]: n["session"] for n in answer["nodes"] if n["state"] == "OPEN"}


def rejected(testbed, name):
    """Reason -> number of frames that lltd dropped for it."""
    return ask(testbed.machine(name), "lltd")["errors"]


# ---- the whole ----

def not_formed(testbed):
    """What is still missing until all running nodes are one cluster; empty when they are."""
    missing, running = [], testbed.running_nodes()
    checks = {"lltd": lltd_missing}
    for name in running:
        for daemon, answer in node(testbed, name).items():
            if daemon not in QUESTIONS:
                continue
            if answer is None:
                missing.append("%s: %s does not answer" % (name, daemon))
            elif daemon in checks:
                missing += ["%s: %s" % (name, text) for text in checks[daemon](answer, running)]
    return missing


def text(status):
    lines = ["testbed %s: %d nodes, %d links, profile %s" % (status["name"],
        status["options"]["nodes"], status["options"]["links"], status["options"]["profile"])]
    lines += ["  %-4s %s" % (m["name"], "on" if m["power"] else "off") for m in status["machines"]]
    lines += ["  cut  %s" % cut for cut in status["cuts"]]
    return "\n".join(lines)
