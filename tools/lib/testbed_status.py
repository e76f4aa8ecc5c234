# SPDX-License-Identifier: ISC
"""What the nodes say of themselves, gathered."""
import json

from testbed_error import TestbedError

QUESTIONS = {"lltd": ["lltstat", "-j"], "gabd": ["gabconfig", "-j"],
    "aliasd": ["cluamgr", "-s", "all", "-j"]}
# As text, for people, without what changes all the time.
SHOWN = {"lltd": ["lltstat", "-nvv"], "gabd": ["gabconfig", "-a"], "aliasd": ["cluamgr", "-s", "all"]}


def answer_of(machine, daemon):
    """The daemon's own JSON; what is wrong as an error if it does not answer."""
    return json.loads(machine.run(QUESTIONS[daemon], timeout=10).stdout)


def ask(machine, daemon):
    """The same, or None if it does not answer."""
    try:
        return answer_of(machine, daemon)
    except (ValueError, TestbedError):
        return None


def status(testbed, name):
    """What aliasd on a node says, which has to answer."""
    return answer_of(testbed.machine(name), "aliasd")


def nodes(testbed, name, key):
    """Node -> what aliasd on a node says of it."""
    return {row["name"]: row[key] for row in status(testbed, name)["nodes"]}


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


# ---- gabd ----

def gabd_ports(answer):
    """(letter, generation, member ids) of every port with members."""
    return [(p["port"], p["gen"], " ".join(str(m) for m in p["members"])) for p in answer["ports"]
        if p["members"]]


def gabd_missing(answer, running):
    ids = sorted(int(name[1:]) for name in running)
    members = {p["port"]: sorted(p["members"]) for p in answer["ports"]}
    return ["port %s has the members %s" % (port, members.get(port, [])) for port in "a"
        if members.get(port) != ids]


def generation(testbed, name):
    """Of gabd's own port: another one means another membership."""
    answer = ask(testbed.machine(name), "gabd")
    return next(p["gen"] for p in answer["ports"] if p["port"] == "a")


# ---- aliasd ----

def aliasd_missing(answer, running):
    """What aliasd on a node still waits for, or knows of others that are off."""
    missing = [key for key in ("in_group", "quorate", "loaded", "synced") if not answer[key]]
    for node_row in answer["nodes"]:
        if node_row["member"] != (node_row["name"] in running):
            missing.append("%s is %s member" % (node_row["name"], "a" if node_row["member"] else "no"))
        elif node_row["member"] and not node_row["synced"]:
            missing.append("%s is not synced" % node_row["name"])
    names = {n["id"]: n["name"] for n in answer["nodes"]}
    missing += ["%s has no master" % alias["alias"] for alias in answer["aliases"]
        if names.get(alias["master"]) not in running and "VIRTUAL" not in alias["flags"]]
    return missing


def masters(testbed, name):
    """Alias address -> name of its ARP master, as aliasd on a node sees it."""
    answer = ask(testbed.machine(name), "aliasd")
    names = {n["id"]: n["name"] for n in answer["nodes"]}
    return {alias["alias"]: names.get(alias["master"]) for alias in answer["aliases"]}


# ---- the whole ----

def not_formed(testbed):
    """What is still missing until all running nodes are one cluster; empty when they are."""
    missing, running = [], testbed.running_nodes()
    checks = {"lltd": lltd_missing, "gabd": gabd_missing, "aliasd": aliasd_missing}
    for name in running:
        for daemon, answer in node(testbed, name).items():
            if daemon not in QUESTIONS:
                continue
            if answer is None:
                missing.append("%s: %s does not answer" % (name, daemon))
            else:
                missing += ["%s: %s: %s" % (name, daemon, text)
                    for text in checks[daemon](answer, running)]
    return missing


# ---- for people ----

def link_text(peer):
    return "%s %s" % (peer["name"], "/".join(link["state"].lower() for link in peer["links"]))


def node_lines(row):
    if not row["power"]:
        return ["%-4s off" % row["name"]]
    lines = ["%-4s %s" % (row["name"], row["address"])]
    if row.get("lltd"):
        peers = [n for n in row["lltd"]["nodes"] if not n["self"] and n["state"] == "OPEN"]
        lines.append("     links    " + "; ".join(link_text(p) for p in peers))
    if row.get("gabd"):
        lines += ["     port %s   gen %s membership %s" % port for port in gabd_ports(row["gabd"])]
    if row.get("aliasd"):
        lines.append("     owns     " + ", ".join("%s %d" % (n["name"], n["flows"])
            for n in row["aliasd"]["nodes"] if n["member"]))
    return lines


def alias_lines(rows):
    """The first node that answers speaks for all."""
    for row in rows:
        answer = row.get("aliasd")
        if answer:
            names = {n["id"]: n["name"] for n in answer["nodes"]}
            return ["alias %s (%s): master %s, members %s" % (a["alias"], a["name"],
                names.get(a["master"], "none"), " ".join(m["name"] for m in a["members"]))
                for a in answer["aliases"]]
    return []


def text(status):
    lines = ["testbed %s: %d nodes, %d links, profile %s" % (status["name"],
        status["options"]["nodes"], status["options"]["links"], status["options"]["profile"])]
    for row in status["nodes"]:
        lines += node_lines(row)
    others = [m for m in status["machines"] if m["name"] not in [n["name"] for n in status["nodes"]]]
    lines.append("also " + ", ".join("%s %s" % (m["name"], "on" if m["power"] else "off")
        for m in others))
    lines += alias_lines(status["nodes"])
    lines += ["cut  %s" % cut for cut in status["cuts"]]
    return "\n".join(lines)
