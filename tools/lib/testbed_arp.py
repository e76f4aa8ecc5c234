# SPDX-License-Identifier: ISC
"""testbed_arp.py DEVICE ADDRESS [SECONDS]: asks once who has it; prints the MAC of every answer."""
import fcntl
import socket
import struct
import sys
import time

SIOCGIFHWADDR, SIOCGIFADDR = 0x8927, 0x8915
BROADCAST = b"\xff" * 6


def interface(device, request):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return fcntl.ioctl(s, request, struct.pack("256s", device.encode()))


def main():
    device, wanted = sys.argv[1], socket.inet_aton(sys.argv[2])
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 0.3
    mac = interface(device, SIOCGIFHWADDR)[18:24]
    own = interface(device, SIOCGIFADDR)[20:24]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    sock.bind((device, 0x0806))
    sock.send(BROADCAST + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + mac + own +
        bytes(6) + wanted)
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            frame = sock.recv(128)
        except TimeoutError:
            break
        if len(frame) >= 42 and frame[20:22] == b"\0\2" and frame[28:32] == wanted and \
                frame[:6] == mac and frame[38:42] == own:
            print(":".join("%02x" % b for b in frame[22:28]))


main()
