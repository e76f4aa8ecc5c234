# SPDX-License-Identifier: ISC
"""Packets of every kind, and servers that answer them.

    packets.py serve NAME UDP-PORT TCP-PORT      UDP-PORT any, +1 with IP_PKTINFO
    packets.py ask ADDRESS PORT SIZE COUNT [--options|--may-fragment|--aggregate]
                                                 datagrams; prints the answers' names
    packets.py stream|fetch ADDRESS PORT BYTES   up or down by TCP; prints the name and the bytes
    packets.py fragments IFACE ADDRESS PORT ORDER COUNT
    packets.py tagged IFACE ADDRESS PORT COUNT [TAG]
    packets.py handshake IFACE ADDRESS PORT SOURCE SPORT
                                                 prints "answered" after the SYN, waits for a line, goes on and
                                                 says a line; prints what comes back, a line or "reset"
    packets.py twice IFACE ADDRESS PORT SOURCE SPORT COUNT
                                                 the same of COUNT ports at once, all of whose SYNs come again
                                                 after the line; goes on with the first answer of those that
                                                 have got two, and prints what comes back to each
"""
import os
import random
import select
import socket
import struct
import sys
import threading

IP_PKTINFO = 8
OPTIONS = b"\x01" * 8  # no operation
SIZE, PIECE = 8000, 1480
IP_MTU_DISCOVER, UDP_SEGMENT, AGGREGATE = 10, 103, 8


# ---- servers ----

def udp_socket(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", port))
    return s


def serve_any(name, port):
    s = udp_socket(port)
    while True:
        data, client = s.recvfrom(65536)
        s.sendto(name + b" " + data, client)


def serve_pktinfo(name, port):
    """Answers from the address that it was asked at, as it learns it from the kernel."""
    s = udp_socket(port)
    s.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    while True:
        data, control, _, client = s.recvmsg(65536, 256)
        info = next(c for level, kind, c in control if level == socket.IPPROTO_IP and kind == IP_PKTINFO)
        _, _, asked = struct.unpack("i4s4s", info)
        s.sendmsg([name + b" " + data], [(socket.IPPROTO_IP, IP_PKTINFO,
            struct.pack("i4s4s", 0, asked, b"\0\0\0\0"))], 0, client)


def serve_stream(name, port):
    """First the client says how many bytes go which way."""
    listener = socket.create_server(("", port), backlog=64, reuse_port=False)
    while True:
        c, _ = listener.accept()
        threading.Thread(target=talk, args=(name, c), daemon=True).start()


def talk(name, c):
    with c, c.makefile("rwb") as f:
        verb, n = f.readline().split()
        if verb == b"fetch":
            f.write(name + b"\n" + b"x" * int(n))
        else:
            got = 0
            while got < int(n):
                got += len(f.read(min(65536, int(n) - got)))
            f.write(name + b" %d\n" % got)
        f.flush()


def serve(name, udp, tcp):
    name = name.encode()
    for port, fn in enumerate((serve_any, serve_pktinfo), int(udp)):
        threading.Thread(target=fn, args=(name, port), daemon=True).start()
    threading.Thread(target=serve_stream, args=(name, int(tcp)), daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


# ---- clients ----

def receive(s, want):
    """The name of who answered with just these bytes, from the address that was asked."""
    if not select.select([s], [], [], 0.5)[0]:
        return None
    try:
        data = s.recv(65536)
    except OSError:
        return None  # a router said that ours was too big
    name, _, rest = data.partition(b" ")
    return name.decode() if rest == want else None


def ask(address, port, size, count, *flags):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if "--options" in flags:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, OPTIONS)
    if "--may-fragment" in flags:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, 0)
    n = AGGREGATE if "--aggregate" in flags else 1
    s.connect((address, int(port)))
    for _ in range(int(count)):
        data = os.urandom(int(size))
        s.sendmsg([data * n], [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", len(data)))][:n - 1])
        for _ in range(n):
            name = receive(s, data)
            if name:
                print(name)


def connect(address, port, flags):
    c = socket.socket()
    if "--options" in flags:
        c.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, OPTIONS)
    c.settimeout(20)
    c.connect((address, int(port)))
    return c, c.makefile("rwb")


def stream(address, port, count, *flags):
    c, f = connect(address, port, flags)
    f.write(b"stream %s\n" % count.encode() + b"x" * int(count))
    f.flush()
    print(f.readline().decode().strip())


def fetch(address, port, count, *flags):
    c, f = connect(address, port, flags)
    f.write(b"fetch %s\n" % count.encode())
    f.flush()
    print(f.readline().decode().strip(), len(f.read()))


# ---- frames by hand ----

def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip_packet(src, dst, ident, offset, more, payload, proto=17):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident,
        offset // 8 | (0x2000 if more else 0), 64, proto, 0, src, dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def link_addresses(iface, address):
    """Destination and source MAC: of who answers for the address, and ours."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.connect((address, 9))
    probe.send(b"")
    for _ in range(100):
        with open("/proc/net/arp") as f:
            found = [line.split() for line in f if line.startswith(address + " ")]
        if found and found[0][2] != "0x0":
            break
        select.select([], [], [], 0.02)
    with open("/sys/class/net/%s/address" % iface) as f:
        own = f.read().strip()
    return [bytes.fromhex(mac.replace(":", "")) for mac in (found[0][3], own)], \
        socket.inet_aton(probe.getsockname()[0])


def orders(pieces, order, rng):
    if order == "reverse":
        return pieces[::-1]
    if order == "last-first":
        return pieces[-1:] + pieces[:-1]
    if order == "mixed":
        return rng.sample(pieces, len(pieces))
    if order == "twice":
        return [p for p in pieces for _ in (0, 1)]
    if order == "headless":
        return pieces[1:]
    return pieces


def fragments(iface, address, port, order, count):
    macs, src = link_addresses(iface, address)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", 0))
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind((iface, 0x0800))
    rng = random.Random(1)
    for ident in range(int(count)):
        data = rng.randbytes(SIZE)
        udp = struct.pack("!HHHH", s.getsockname()[1], int(port), 8 + SIZE, 0) + data
        pieces = [ip_packet(src, socket.inet_aton(address), 1000 + ident, at, at + PIECE < len(udp),
            udp[at:at + PIECE]) for at in range(0, len(udp), PIECE)]
        for piece in orders(pieces, order, rng):
            raw.send(b"".join(macs) + b"\x08\x00" + piece)
        name = receive(s, data) if order != "headless" else None
        if name:
            print(name)


def tcp_segment(src, dst, sport, dport, seq, ack, flags, data=b""):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, 5 << 4, flags, 65535,
        0, 0)
    text = struct.pack("!4s4sBBH", src, dst, 0, 6, len(head) + len(data)) + head + data
    total = checksum(text + b"\0" * (len(text) % 2))
    return ip_packet(src, dst, 1, 0, False, head[:16] + struct.pack("!H", total) + head[18:] + data, 6)


def tcp_receive(raw, sports):
    """Port, sequence number, flags and data of the next segment for one of the ports that says something."""
    while select.select([raw], [], [], 10)[0]:
        frame = raw.recv(65536)
        tcp = frame[34:]
        if frame[12:14] != b"\x08\x00" or frame[23] != 6 or struct.unpack("!H", tcp[2:4])[0] not in sports:
            continue
        data = tcp[(tcp[12] >> 4) * 4:struct.unpack("!H", frame[16:18])[0] - 20]
        if data or tcp[13] & 0x06:
            return *struct.unpack("!HI", tcp[2:8]), tcp[13], data
    raise SystemExit("nothing came")


def tcp_end(raw, sports):
    """The next that is more than an answer to a SYN: the port, and the text or "reset"."""
    while True:
        sport, _, flags, data = tcp_receive(raw, sports)
        if data or flags & 0x04:
            return sport, data.decode().strip() or "reset"


def tcp_by_hand(iface, address, port, source):
    """A socket, and what sends a segment to whoever answers for the address by now."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0008)
    raw.bind((iface, 0x0800))

    def send(sport, *args):
        macs = link_addresses(iface, address)[0]
        raw.send(b"".join(macs) + b"\x08\x00" + tcp_segment(socket.inet_aton(source),
            socket.inet_aton(address), sport, int(port), *args))
    return raw, send


def go_on(send, sport, seq, theirs):
    send(sport, seq + 1, theirs + 1, 0x10)
    send(sport, seq + 1, theirs + 1, 0x18, b"hello\n")


def handshake(iface, address, port, source, sport):
    sport, seq = int(sport), 1000
    raw, send = tcp_by_hand(iface, address, port, source)
    send(sport, seq, 0, 0x02)
    theirs = tcp_receive(raw, [sport])[1]
    print("answered", flush=True)
    sys.stdin.readline()
    go_on(send, sport, seq, theirs)
    print(tcp_end(raw, [sport])[1], flush=True)


def twice(iface, address, port, source, sport, count):
    sports, seq, answers = range(int(sport), int(sport) + int(count)), 1000, {}
    raw, send = tcp_by_hand(iface, address, port, source)

    def begin(order):
        for s in order:
            send(s, seq, 0, 0x02)
        missing = set(order)
        while missing:
            s, theirs, _, _ = tcp_receive(raw, sports)
            known = answers.setdefault(s, [])
            known += [theirs] if theirs not in known else []
            missing.discard(s)
    begin(sports)
    print("answered", flush=True)
    sys.stdin.readline()
    begin([*sports[::2], *sports[1::2]])  # the members have their turns in another order
    both = [s for s in sports if len(answers[s]) > 1]
    for s in both:
        go_on(send, s, seq, answers[s][0])
    while both:
        s, text = tcp_end(raw, both)
        both.remove(s)
        print(text, flush=True)


def tagged(iface, address, port, count, tag="10"):
    macs, src = link_addresses(iface, address)
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind((iface, 0x8100))
    udp = struct.pack("!HHHH", 5000, int(port), 8, 0)
    for _ in range(int(count)):
        raw.send(b"".join(macs) + struct.pack("!HHH", 0x8100, int(tag), 0x0800) +
            ip_packet(src, socket.inet_aton(address), 1, 0, False, udp))


if __name__ == "__main__":
    {"serve": serve, "ask": ask, "stream": stream, "fetch": fetch, "fragments": fragments,
        "tagged": tagged, "handshake": handshake, "twice": twice}[sys.argv[1]](*sys.argv[2:])
