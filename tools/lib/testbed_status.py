# SPDX-License-Identifier: ISC
"""What the nodes say of themselves, gathered."""
import json

from testbed_error import TestbedError

QUESTIONS = {"lltd": ["lltstat", "-j"], "gabd": ["gabconfig", "-j"],
    "aliasd": ["cluamgr", "-s", "all", "-j"]}


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
    answers = {daemon: ask(machine, daemon) for daemon in QUESTIONS}
    return {"name": name, "power": True, "address": testbed.address(name), **answers}


def gather(testbed):
    return {"name": testbed.name, "options": testbed.options, "cuts": testbed.cuts(),
        "machines": [{"name": m, "power": testbed.machine(m).running()} for m in testbed.machines()],
        "nodes": [node(testbed, n) for n in testbed.nodes()]}


def not_formed(testbed):
    """What is still missing until all running nodes are one cluster; empty when they are."""
    missing = []
    for name in testbed.running_nodes():
        status = node(testbed, name)
        missing += ["%s: %s does not answer" % (name, d) for d in QUESTIONS if status[d] is None]
    return missing


def text(status):
    lines = ["testbed %s: %d nodes, %d links, profile %s" % (status["name"],
        status["options"]["nodes"], status["options"]["links"], status["options"]["profile"])]
    lines += ["  %-4s %s" % (m["name"], "on" if m["power"] else "off") for m in status["machines"]]
    lines += ["  cut  %s" % cut for cut in status["cuts"]]
    return "\n".join(lines)
