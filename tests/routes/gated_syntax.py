#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Checks gated.conf files against the grammar of gated.conf(4), as far as aliasd uses the language.

Statements have an order there: protocols, then static routes, then what is exported. gated_syntax.py
without arguments checks the golden files, and that what is wrong is found.
"""
import ipaddress
import os
import re
import sys


class Wrong(Exception):
    pass


class Reader:
    def __init__(self, text):
        text = re.sub(r"#[^\n]*|/\*.*?\*/", " ", text, flags=re.S)
        self.tokens = re.findall(r"[{};]|[^\s{};]+", text)
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else ""

    def want(self, *words):
        got = self.next()
        if got not in words:
            raise Wrong("token %d: %r, expected one of %s" % (self.at, got, " ".join(words)))
        return got

    def maybe(self, word):
        if self.peek() == word:
            self.at += 1
            return True
        return False

    def number(self, low, high):
        word = self.next()
        if not word.isdigit() or not low <= int(word) <= high:
            raise Wrong("token %d: %r, expected %d..%d" % (self.at, word, low, high))
        return int(word)

    def address(self):
        word = self.next()
        try:
            return ipaddress.IPv4Address(word)
        except ValueError:
            raise Wrong("token %d: %r is no address" % (self.at, word)) from None

    def block(self, item):
        self.want("{")
        while not self.maybe("}"):
            item()
        self.want(";")


def interface_list(r):
    if not re.fullmatch(r"all|[a-z][a-z0-9._-]*", r.next()):
        raise Wrong("token %d: no interface" % r.at)
    while r.peek() not in ("noripin", "ripin", "noripout", "ripout", "version", "cost", "{", ";", ""):
        r.next()


def rip_item(r):
    if r.maybe("broadcast") or r.maybe("nobroadcast") or r.maybe("nocheckzero"):
        r.want(";")
        return
    r.want("interface")
    interface_list(r)
    if r.peek() in ("ripin", "noripin"):
        r.next()
    if r.peek() in ("ripout", "noripout"):
        r.next()
    if r.maybe("version") and r.number(1, 2) == 2 and r.peek() in ("multicast", "broadcast"):
        r.next()
    r.want(";")


def ospf_interface(r):
    word = r.want("enable", "disable", "priority", "hellointerval", "routerdeadinterval")
    if word not in ("enable", "disable"):
        r.number(0, 65535)
    r.want(";")


def ospf_area(r):
    if r.maybe("authtype"):
        r.want("none", "simple")
        r.want(";")
        return
    r.want("interface")
    interface_list(r)
    if r.maybe("cost"):
        r.number(1, 65535)
    r.block(lambda: ospf_interface(r))


def ospf_item(r):
    if r.want("backbone", "area") == "area" and not r.peek().isdigit():
        r.address()
    elif r.peek() != "{":
        r.number(1, 2 ** 32 - 1)
    r.block(lambda: ospf_area(r))


def protocol(r, item):
    if r.want("yes", "on", "no", "off") in ("yes", "on") and r.peek() == "{":
        r.block(lambda: item(r))
    else:
        r.want(";")


def destination(r):
    if r.maybe("host"):
        r.address()
        return
    net = r.address()
    if r.maybe("masklen"):
        length = r.number(0, 32)
        if int(net) & (2 ** (32 - length) - 1):
            raise Wrong("%s has host bits beyond /%d" % (net, length))


def static_item(r):
    destination(r)
    r.want("gateway")
    r.address()
    while r.peek() in ("retain", "reject", "blackhole", "noinstall"):
        r.next()
    r.want(";")


def filter_item(r):
    destination(r)
    if r.want("metric", "restrict") == "metric":
        r.number(1, 16777215)
    r.want(";")


def export_item(r):
    r.want("proto")
    r.want("static", "direct")
    if r.peek() == "{":
        r.block(lambda: filter_item(r))
    else:
        r.want(";")


def export(r):
    r.want("proto")
    if r.want("rip", "ospfase") == "ospfase" and r.maybe("type"):
        r.number(1, 2)
    if r.maybe("restrict"):
        r.want(";")
    else:
        r.block(lambda: export_item(r))


CLASSES = {"rip": 1, "ospf": 1, "static": 2, "export": 3}


def check(text):
    r, reached = Reader(text), 0
    while r.peek():
        word = r.want(*CLASSES)
        if CLASSES[word] < reached:
            raise Wrong("%s stands too late" % word)
        reached = CLASSES[word]
        if word == "rip":
            protocol(r, rip_item)
        elif word == "ospf":
            protocol(r, ospf_item)
        elif word == "static":
            r.block(lambda: static_item(r))
        else:
            export(r)


def check_itself():
    for bad in ("rip yes", "rip maybe ;", "static { host 10.1.0.300 gateway 127.0.0.1 ; } ;",
            "static { 10.1.0.1 masklen 24 gateway 127.0.0.1 ; } ;", "static { } ; rip no ;",
            "export proto rip { proto static { host 10.1.0.1 } ; } ;", "rip yes { broadcast } ;"):
        try:
            check(bad)
        except Wrong:
            continue
        raise SystemExit("not found to be wrong: " + bad)


def main():
    files = sys.argv[1:]
    if not files:
        check_itself()
        here = os.path.dirname(os.path.abspath(__file__))
        files = [os.path.join(here, name) for name in ("gated.conf", "gated-none.conf")]
    for name in files:
        with open(name) as f:
            try:
                check(f.read())
            except Wrong as e:
                raise SystemExit("%s: %s" % (name, e)) from None


if __name__ == "__main__":
    main()
