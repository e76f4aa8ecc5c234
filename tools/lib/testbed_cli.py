# SPDX-License-Identifier: ISC
"""The command line of tools/testbed."""
import argparse
import json
import os
import sys

import testbed_status
from testbed import DEFAULTS, DEFAULT_JOIN, Testbed
from testbed_error import TestbedError
from testbed_machine import require_root

USAGE = """\
A cluster on one computer, in network namespaces. Needs root.

  testbed up [--nodes 3] [--links 2] [--profile fast] [--clients 1] [--name tb] [--build DIR]
             [--udp-links] [--remote n3]  n3 behind r1, with a link by UDP alone
  testbed exec n2 -- COMMAND…       in node n2 (also clients c1…, router r1, host x1 behind it)
  testbed kill n2 | start n2        power cut | boot
  testbed cut n2 ic0 | heal [n2 ic0]
  testbed status [-j]
  testbed down

Every verb takes --name right after it. In a machine: interfaces eth0 (LAN) and ic0, ic1… (links), its
own /etc and /run, our programs first in PATH. Aliases: clua (10.1.0.100, the default), clua2
(10.1.0.99), vclua (10.77.0.1, virtual)."""


def parser():
    top = argparse.ArgumentParser(prog="testbed", usage=argparse.SUPPRESS, description=USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name):
        sub = verbs.add_parser(name)
        sub.add_argument("--name", default="tb", help="which testbed (tb)")
        return sub

    up = verb("up")
    for option, kind in (("nodes", int), ("links", int), ("clients", int), ("profile", str),
            ("build", str), ("seed", int), ("cluster", int)):
        up.add_argument("--" + option, type=kind, help="(%s)" % DEFAULTS[option])
    up.add_argument("--join", action="append", metavar="[NODE:]LINE",
        help="a line of /etc/clu_alias.config, of every node or one (%s)" % DEFAULT_JOIN[0])
    up.add_argument("--off", action="append", metavar="NODE", help="not started yet")
    up.add_argument("--daemons", metavar="A,B", type=lambda text: [d for d in text.split(",") if d],
        help="start these only: lltd,gabd,aliasd, or none: ''")
    up.add_argument("--aliasd", metavar="LINES", help="more of /etc/aliasd.conf")
    up.add_argument("--xdp", action="store_true", help="the switch takes what native XDP sends")
    up.add_argument("--udp-links", dest="udp", action="store_true",
        help="a low-priority link by UDP in place of that on eth0")
    up.add_argument("--remote", action="append", metavar="NODE",
        help="behind r1, in the cluster by UDP alone (implies --udp-links)")
    up.add_argument("--lan-nics", dest="lan_nics", type=int, help="eth0 and eth1 of each node on the LAN (1)")
    up.add_argument("--no-make", dest="make", action="store_false", help="use the build as it is")
    verb("down")
    run = verb("exec")
    run.add_argument("machine")
    run.add_argument("command", nargs=argparse.REMAINDER)
    for name in ("kill", "start"):
        verb(name).add_argument("machine")
    cut = verb("cut")
    cut.add_argument("machine")
    cut.add_argument("interface")
    heal = verb("heal")
    heal.add_argument("machine", nargs="?")
    heal.add_argument("interface", nargs="?")
    verb("status").add_argument("-j", dest="json", action="store_true", help="JSON")
    return top


def do_up(tb, args):
    keys = list(DEFAULTS) + ["make"]
    try:
        tb.up(**{k: v for k, v in vars(args).items() if k in keys})
    except (TestbedError, KeyboardInterrupt):
        if tb.state is not None:  # it was we who made it
            print("testbed: left as it is, to look at; remove it with: testbed down --name %s"
                % tb.name, file=sys.stderr)
        raise


def do_exec(tb, args):
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        raise TestbedError("exec: no command")
    argv = tb.machine(args.machine).command(command)
    os.execv(argv[0], argv)


def do_heal(tb, args):
    if args.machine and not args.interface:
        raise TestbedError("heal: of which interface of %s?" % args.machine)
    tb.heal(args.machine, args.interface)


def do_status(tb, args):
    status = testbed_status.gather(tb)
    print(json.dumps(status, indent=1) if args.json else testbed_status.text(status))


VERBS = {
    "up": do_up,
    "down": lambda tb, args: tb.down(),
    "exec": do_exec,
    "kill": lambda tb, args: tb.kill(args.machine),
    "start": lambda tb, args: tb.start(args.machine),
    "cut": lambda tb, args: tb.cut(args.machine, args.interface),
    "heal": do_heal,
    "status": do_status,
}


def main():
    if len(sys.argv) == 1:
        print(USAGE)
        return 0
    args = parser().parse_args()
    require_root()
    try:
        VERBS[args.verb](Testbed(args.name), args)
    except TestbedError as e:
        print("testbed: %s" % e, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
