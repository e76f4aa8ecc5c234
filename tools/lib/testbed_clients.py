# SPDX-License-Identifier: ISC
"""testbed_clients.py COUNT ALIAS: so many hosts of the LAN, 10.1.0.130 and on, as far as ARP goes.

Each has a MAC of its own and asks once who has ALIAS. A line with JSON for everything that one of them hears
of it: {"client": number, "mac": …, "time": of time.monotonic()}. Until standard input ends.
"""
import json
import select
import socket
import sys
import time

DEVICE = "eth0"
ARP = b"\x08\x06\x00\x01\x08\x00\x06\x04"


def mac_of(n):
    return bytes((2, 0xc3, 0, 0, n >> 8, n & 0xff))


def address_of(n):
    return bytes((10, 1, 0, 130 + n))


def main():
    count, alias = int(sys.argv[1]), socket.inet_aton(sys.argv[2])
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    sock.bind((DEVICE, 0x0806))
    # Frames for MACs that are not the interface's.
    sock.setsockopt(263, 1, socket.if_nametoindex(DEVICE).to_bytes(4, "little") + b"\x01\x00" + bytes(10))
    by_mac = {mac_of(n): n for n in range(count)}
    for n in range(count):
        sock.send(b"\xff" * 6 + mac_of(n) + ARP + b"\x00\x01" + mac_of(n) + address_of(n) + bytes(6) + alias)
    while True:
        ready, _, _ = select.select([sock, sys.stdin], [], [])
        if sys.stdin in ready:
            break
        frame, where = sock.recvfrom(100)
        # Those of everybody are heard by all: the client is then null.
        to = by_mac.get(frame[:6])
        if where[2] == 4 or frame[12:20] != ARP or frame[28:32] != alias:
            continue
        if to is None and frame[:6] != b"\xff" * 6:
            continue
        print(json.dumps({"client": to, "mac": frame[22:28].hex(":"), "time": time.monotonic()}), flush=True)


main()
