# SPDX-License-Identifier: ISC
"""testbed_arp_again.py DEVICE ADDRESS: asks every ms who has it until it is told to end (SIGTERM); prints the
longest time without an answer, in ms, and how many answers there were, as JSON."""
import fcntl
import json
import signal
import socket
import struct
import sys
import time

SIOCGIFHWADDR, SIOCGIFADDR = 0x8927, 0x8915


def interface(device, request):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return fcntl.ioctl(s, request, struct.pack("256s", device.encode()))


def main():
    device, wanted, ended = sys.argv[1], socket.inet_aton(sys.argv[2]), []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    mac = interface(device, SIOCGIFHWADDR)[18:24]
    own = interface(device, SIOCGIFADDR)[20:24]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    sock.bind((device, 0x0806))
    sock.settimeout(0.001)
    request = (b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + mac + own +
        bytes(6) + wanted)
    print("ready", flush=True)
    answers, longest, last = 0, 0, time.monotonic()
    while not ended:
        sock.send(request)
        try:
            frame = sock.recv(128)
        except TimeoutError:
            continue
        if len(frame) < 42 or frame[20:22] != b"\0\2" or frame[28:32] != wanted or frame[:6] != mac:
            continue
        now = time.monotonic()
        answers += 1
        longest = max(longest, now - last)
        last = now
        time.sleep(0.001)
    longest = max(longest, time.monotonic() - last)
    print(json.dumps({"longest_ms": longest * 1e3, "answers": answers}))


main()
