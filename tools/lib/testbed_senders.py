# SPDX-License-Identifier: ISC
"""testbed_senders.py MAC: in the switch, which ports frames from this MAC come in by.

Prints "ready"; on SIGINT, JSON: [time of time.monotonic(), port] for every frame.
"""
import ctypes
import json
import signal
import socket
import struct
import sys
import time


def filter_source(sock, mac):
    """The kernel passes frames from this MAC alone."""
    high, low = int.from_bytes(mac[:2], "big"), int.from_bytes(mac[2:], "big")
    code = [(0x20, 0, 0, 8), (0x15, 0, 3, low), (0x28, 0, 0, 6), (0x15, 0, 1, high),
        (0x06, 0, 0, 256), (0x06, 0, 0, 0)]
    program = b"".join(struct.pack("HBBI", *c) for c in code)
    buf = ctypes.create_string_buffer(program)
    sock.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HP", len(code), ctypes.addressof(buf)))


def main():
    mac = bytes(int(b, 16) for b in sys.argv[1].split(":"))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    filter_source(sock, mac)
    sock.settimeout(0.05)
    ended, seen = [], []
    signal.signal(signal.SIGINT, lambda *_: ended.append(True))
    print("ready", flush=True)
    while not ended:
        try:
            frame, where = sock.recvfrom(256)
        except TimeoutError:
            continue
        # Some may have come in before the filter; 4 is PACKET_OUTGOING.
        if frame[6:12] == mac and where[2] != 4 and "." in where[0]:
            seen.append([time.monotonic(), where[0]])
    print(json.dumps(seen))


main()
