/* SPDX-License-Identifier: ISC */
#include <string.h>
#include <arpa/inet.h>

#include "tests/bpf/frame.h"

static uint8_t *
append(struct frame *f, const void *data, size_t n)
{
	uint8_t *at = &f->b[f->len];

	if (f->len + n > sizeof(f->b))
		n = 0;
	if (data)
		memcpy(at, data, n);
	else
		memset(at, 0, n);
	f->len += n;
	return at;
}

static void
put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

uint32_t
addr(const char *text)
{
	struct in_addr a = { 0 };

	inet_pton(AF_INET, text, &a);
	return a.s_addr;
}

void
frame_ether(struct frame *f, const uint8_t dst[6], const uint8_t src[6], uint16_t type)
{
	uint8_t be[2];

	f->len = f->ip = f->l4 = 0;
	put16(be, type);
	append(f, dst, 6);
	append(f, src, 6);
	append(f, be, 2);
}

void
frame_vlan(struct frame *f, uint16_t vid)
{
	memmove(f->b + 16, f->b + 12, f->len - 12);
	put16(f->b + 12, 0x8100);
	put16(f->b + 14, vid);
	f->len += 4;
	f->ip += 4;
	f->l4 += 4;
}

void
frame_ip(struct frame *f, const char *src, const char *dst, uint8_t proto, size_t options)
{
	uint32_t s = addr(src), d = addr(dst);
	uint8_t *ip = append(f, NULL, 20 + options);

	f->ip = ip - f->b;
	f->l4 = f->len;
	ip[0] = 0x40 | (5 + options / 4);
	put16(ip + 4, 0x1234);
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, &s, 4);
	memcpy(ip + 16, &d, 4);
	memset(ip + 20, 1, options);
}

void
frame_fragment(struct frame *f, uint16_t id, uint16_t offset, bool more)
{
	put16(f->b + f->ip + 4, id);
	put16(f->b + f->ip + 6, offset / 8 | (more ? 0x2000 : 0));
}

void
frame_tcp(struct frame *f, uint16_t sport, uint16_t dport, uint8_t flags, uint32_t seq)
{
	uint8_t *tcp = append(f, NULL, 20);

	put16(tcp, sport);
	put16(tcp + 2, dport);
	put32(tcp + 4, seq);
	tcp[12] = 5 << 4;
	tcp[13] = flags;
	put16(tcp + 14, 65535);
}

void
frame_udp(struct frame *f, uint16_t sport, uint16_t dport)
{
	uint8_t *udp = append(f, NULL, 8);

	put16(udp, sport);
	put16(udp + 2, dport);
	put16(udp + 4, 8);
}

void
frame_icmp(struct frame *f, uint8_t type, uint8_t code)
{
	uint8_t *icmp = append(f, NULL, 8);

	icmp[0] = type;
	icmp[1] = code;
}

void
frame_data(struct frame *f, size_t n)
{
	memset(append(f, NULL, n), 'x', n);
}

static uint16_t
checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

void
frame_finish(struct frame *f)
{
	uint8_t *ip = f->b + f->ip;

	put16(ip + 2, f->len - f->ip);
	put16(ip + 10, 0);
	put16(ip + 10, checksum(ip, (ip[0] & 15) * 4));
}

void
frame_arp(struct frame *f, uint16_t op, const uint8_t sha[6], const char *spa,
    const uint8_t tha[6], const char *tpa)
{
	static const uint8_t head[] = { 0, 1, 8, 0, 6, 4 };
	uint32_t s = addr(spa), t = addr(tpa);
	uint8_t be[2];

	put16(be, op);
	append(f, head, sizeof(head));
	append(f, be, 2);
	append(f, sha, 6);
	append(f, &s, 4);
	append(f, tha, 6);
	append(f, &t, 4);
}
