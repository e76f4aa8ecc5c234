# SPDX-License-Identifier: ISC
"""testbed_arp_again.py DEVICE ADDRESS...: asks every 2 ms who has each of them until it is told to end (SIGTERM);
prints as JSON for each address the longest time without an answer, in ms, and who answered, by time of
arrival at the kernel, so that it does not matter when this program gets to run."""
import ctypes
import fcntl
import json
import select
import signal
import socket
import struct
import sys
import time

SIOCGIFHWADDR, SIOCGIFADDR = 0x8927, 0x8915
SO_ATTACH_FILTER, SO_TIMESTAMPNS = 26, 35
INTERVAL = 0.002
LD_W, LD_H, JEQ, RET = 0x20, 0x28, 0x15, 0x06


def interface(device, request):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return fcntl.ioctl(s, request, struct.pack("256s", device.encode()))


def attach_filter(sock, mac):
    """Only ARP answers to us: a thousand announcements shall not keep us from them."""
    high, low = struct.unpack("!IH", mac)
    program = [(LD_W, 0, 0, 0), (JEQ, 0, 5, high), (LD_H, 0, 0, 4), (JEQ, 0, 3, low), (LD_H, 0, 0, 20),
        (JEQ, 0, 1, 2), (RET, 0, 0, 128), (RET, 0, 0, 0)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in program))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
        struct.pack("HP", len(program), ctypes.addressof(code)))


class Asked:
    def __init__(self, now):
        self.last, self.longest, self.answerers = now, 0, []

    def answered(self, now, mac):
        if now - self.last > self.longest:
            self.longest, self.began = now - self.last, self.last
        self.last = now
        if not self.answerers or self.answerers[-1]["mac"] != mac:
            self.answerers.append({"mac": mac, "first": now, "answers": 0})
        self.answerers[-1]["last"] = now
        self.answerers[-1]["answers"] += 1

    def result(self, now):
        return {"longest_ms": max(self.longest, now - self.last) * 1e3,
            "answers": sum(a["answers"] for a in self.answerers), "answerers": self.answerers}


def receive(sock, offset, asked):
    while True:
        try:
            frame, ancillary, _, _ = sock.recvmsg(128, 64, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        seconds, ns = struct.unpack("qq", ancillary[0][2][:16])
        one = asked.get(frame[28:32])
        if one:
            one.answered(seconds + ns / 1e9 - offset, frame[22:28].hex(":"))


def main():
    device, wanted, ended = sys.argv[1], [socket.inet_aton(a) for a in sys.argv[2:]], []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    mac = interface(device, SIOCGIFHWADDR)[18:24]
    own = interface(device, SIOCGIFADDR)[20:24]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    attach_filter(sock, mac)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind((device, 0x0806))
    requests = [b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + mac + own +
        bytes(6) + w for w in wanted]
    offset = time.time() - time.monotonic()
    asked = {w: Asked(time.monotonic()) for w in wanted}
    print("ready", flush=True)
    due = time.monotonic()
    while not ended:
        for request in requests:
            sock.send(request)
        due = max(due + INTERVAL, time.monotonic())
        while not ended and (left := due - time.monotonic()) > 0:
            if select.select([sock], [], [], left)[0]:
                receive(sock, offset, asked)
    receive(sock, offset, asked)
    now = time.monotonic()
    print(json.dumps({socket.inet_ntoa(w): a.result(now) for w, a in asked.items()}))


main()
