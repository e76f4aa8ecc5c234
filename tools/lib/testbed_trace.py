# SPDX-License-Identifier: ISC
"""testbed_trace.py SECONDS [TYPE]: lltd's data frames that leave this machine, in the order in which they do.

Prints "ready", then at the end one line for each frame: DEVICE NODE (the receiver's id).
"""
import socket
import sys
import time

ETHERTYPE = b"\xca\xfe"
DATA = 5
PACKET_OUTGOING = 4


def main():
    seconds = float(sys.argv[1])
    kind = int(sys.argv[2]) if len(sys.argv) > 2 else DATA
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    sock.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    print("ready", flush=True)
    deadline = time.monotonic() + seconds
    seen = []
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            frame, where = sock.recvfrom(64)
        except TimeoutError:
            break
        if where[2] == PACKET_OUTGOING and frame[12:14] == ETHERTYPE and frame[16] == kind:
            seen.append("%s %d" % (where[0], int.from_bytes(frame[22:24], "big")))
    print("\n".join(seen))


main()
