# SPDX-License-Identifier: ISC
"""testbed_arpwatch.py DEVICE ADDRESS [INTERVAL_MS [MAC...]]: asks who has it, again and again, and listens.

Every question has a sender's address of its own, so that each answer is known to belong to it: the first
goes to everybody, the next to each MAC in turn. Prints "ready"; on SIGINT, JSON: the questions with their
answers, and every other frame of somebody who says to have the address. Times of time.monotonic().
"""
import json
import signal
import socket
import struct
import sys
import time

BROADCAST = b"\xff" * 6
LINGER = 0.2  # for the answers to the last questions


def text(mac):
    return ":".join("%02x" % b for b in mac)


def raw(mac):
    return bytes(int(b, 16) for b in mac.split(":"))


class Watch:
    def __init__(self, device, address, targets):
        self.wanted = socket.inet_aton(address)
        self.targets = targets
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self.sock.bind((device, 0x0806))
        self.mac = self.sock.getsockname()[4]
        self.asked, self.said = [], []

    def ask(self):
        target = self.targets[len(self.asked) % len(self.targets)]
        sender = struct.pack("!I", 0x0AFA0000 + len(self.asked))  # of nobody's subnet
        self.asked.append({"at": time.monotonic(), "to": text(target), "answers": []})
        self.sock.send(target + self.mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) +
            self.mac + sender + bytes(6) + self.wanted)

    def heard(self, frame):
        if len(frame) < 42 or frame[28:32] != self.wanted:
            return
        number = struct.unpack("!I", frame[38:42])[0] - 0x0AFA0000
        row = {"at": time.monotonic(), "mac": text(frame[22:28]), "from": text(frame[6:12])}
        if frame[:6] == self.mac and 0 <= number < len(self.asked):
            self.asked[number]["answers"].append(row)
        else:
            self.said.append(row)

    def listen(self, until):
        while (left := until - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                frame, where = self.sock.recvfrom(128)
            except TimeoutError:
                return
            if where[2] != 4:  # PACKET_OUTGOING
                self.heard(frame)


def main():
    interval = float(sys.argv[3]) / 1e3 if len(sys.argv) > 3 else 0
    watch = Watch(sys.argv[1], sys.argv[2], [BROADCAST] + [raw(m) for m in sys.argv[4:]])
    ended = []
    signal.signal(signal.SIGINT, lambda *_: ended.append(True))
    print("ready", flush=True)
    while not ended:
        if interval:
            watch.ask()
        watch.listen(time.monotonic() + (interval or 0.05))
    watch.listen(time.monotonic() + LINGER)
    print(json.dumps({"asked": watch.asked, "said": watch.said}))


main()
