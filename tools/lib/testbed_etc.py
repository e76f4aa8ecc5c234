# SPDX-License-Identifier: ISC
"""What stands in /etc of the machines."""
import os
import re
import secrets
import shutil

DEFAULT_ALIAS, SECOND_ALIAS, VIRTUAL_ALIAS = "10.1.0.100", "10.1.0.99", "10.77.0.1"
LAN_GATEWAY = "10.1.0.1"

SERVICES = """\
# name  port/protocol  attributes
http    80/tcp     in_multi
https   443/tcp    in_multi
iperf3  5201/tcp   in_multi
echo    7000/tcp   in_multi
echo    7000/udp   in_multi
echo2   7001/tcp   in_multi
echo2   7001/udp   in_multi
single  7100/tcp   in_single
single  7100/udp   in_single
"""


def write(etc, name, text, mode=0o644):
    path = os.path.join(etc, name)
    if os.path.islink(path):
        os.unlink(path)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def hosts(names):
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    lines += ["%s %s" % (address, name) for name, address in names.items()]
    lines += ["%s clua" % DEFAULT_ALIAS, "%s clua2" % SECOND_ALIAS, "%s vclua" % VIRTUAL_ALIAS]
    return "".join(line + "\n" for line in lines)


def common(etc, name, names):
    """For every machine: who it is, and nothing but /etc/hosts to ask."""
    write(etc, "hostname", name + "\n")
    write(etc, "hosts", hosts(names))
    write(etc, "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n")
    write(etc, "resolv.conf", "")
    with open(os.path.join(etc, "group")) as f:
        groups = f.read()
    if "\nclua:" not in groups:
        write(etc, "group", groups + "clua:x:64642:\n")


def udp_link(addresses, low):
    """The same on every node: who finds its own name in the list knows its address."""
    peers = ", ".join('{ node = "%s"; address = "%s"; }' % a for a in addresses.items())
    return '{ type = "udp"; %speers = ( %s ); }' % ('priority = "low"; ' if low else "", peers)


def lltd_conf(profile, links, cluster, bursts, low=None):
    """low: the link after the high ones, or the only one."""
    high = ", ".join('{ device = "ic%d"; %s}' % (i, "burst = %d; " % bursts[i] if i < len(bursts)
        else "") for i in range(links))
    return 'cluster = %d;\nprofile = "%s";\nlinks = ( %s );\nkey_file = "/etc/clua.key";\n' % (cluster,
        profile, ", ".join(filter(None, (high, low))))


def new_key():
    """32 bytes in hexadecimal digits: the form that the key file has."""
    return secrets.token_hex(32) + "\n"


def node_lines(name, lines):
    """Of "LINE" and "NODE:LINE", what stands in the file of node name."""
    mine = []
    for line in lines:
        node_name, colon, rest = line.partition(":")
        if not colon or not re.fullmatch(r"n\d+", node_name):
            mine.append(line)
        elif node_name == name:
            mine.append(rest)
    return "".join(line + "\n" for line in mine)


def last_link(name, options, addresses):
    if options["udp"]:
        return udp_link(addresses, low=name not in options["remote"])
    return '{ device = "eth0"; priority = "low"; }' if options["low_link"] else None


def node(etc, name, samples, options, key, addresses):
    """The files of the cluster; what the testbed does not care for is as it is shipped."""
    for sample in ("lltd.conf", "llthosts", "gabd.conf", "aliasd.conf", "clu_alias.config"):
        if os.path.exists(os.path.join(samples, sample)):
            shutil.copy(os.path.join(samples, sample), os.path.join(etc, sample))
    nodes = ["n%d" % i for i in range(1, options["nodes"] + 1)]
    write(etc, "llthosts", "".join("%d %s\n" % (i + 1, n) for i, n in enumerate(nodes)))
    links = 0 if name in options["remote"] else options["links"]
    write(etc, "lltd.conf", lltd_conf(options["profile"], links, options["cluster"],
        options["bursts"], last_link(name, options, addresses)))
    write(etc, "clua.key", key, 0o600)
    write(etc, "gabd.conf", "seed = %d;\n%s\n" % (options["seed"], options["gabd"]))
    write(etc, "aliasd.conf", 'default_alias = "clua";\n' + node_lines(name,
        options["aliasd"].splitlines()))
    write(etc, "clu_alias.config", node_lines(name, options["join"]))
    write(etc, "clua_services", SERVICES)
