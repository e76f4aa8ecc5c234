/* SPDX-License-Identifier: ISC */
#include "aliasd/core/frame.h"

#include <string.h>

#include "aliasd/core/cksum.h"
#include "common/wire.h"

#define ETH_LEN 14
#define TYPE_IP 0x0800
#define TYPE_ARP 0x0806
#define IP_LEN 20
#define TCP_LEN 20

struct arp {
	uint16_t op;
	const uint8_t *sha, *tha;
	struct in_addr spa, tpa;
	const uint8_t *eth_src, *eth_dst; /* NULL: sha, and everybody */
};

static void
put_arp(uint8_t out[FRAME_ARP_LEN], const struct arp *a)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct wire_wr w;

	wire_wr_init(&w, out, FRAME_ARP_LEN);
	wire_wr_bytes(&w, a->eth_dst == NULL ? all : a->eth_dst, 6);
	wire_wr_bytes(&w, a->eth_src == NULL ? a->sha : a->eth_src, 6);
	wire_wr_u16(&w, TYPE_ARP);
	wire_wr_u16(&w, 1); /* Ethernet */
	wire_wr_u16(&w, TYPE_IP);
	wire_wr_u8(&w, 6);
	wire_wr_u8(&w, 4);
	wire_wr_u16(&w, a->op);
	wire_wr_bytes(&w, a->sha, 6);
	wire_wr_bytes(&w, &a->spa.s_addr, 4);
	wire_wr_bytes(&w, a->tha, 6);
	wire_wr_bytes(&w, &a->tpa.s_addr, 4);
}

static const uint8_t nobody[6];

void
frame_garp(uint8_t out[FRAME_ARP_LEN], const uint8_t mac[6], struct in_addr addr, bool reply)
{
	struct arp a = { .op = reply ? 2 : 1, .sha = mac, .spa = addr, .tpa = addr };

	a.tha = reply ? mac : nobody;
	put_arp(out, &a);
}

void
frame_arp_request(
    uint8_t out[FRAME_ARP_LEN], const uint8_t mac[6], struct in_addr src, struct in_addr addr)
{
	struct arp a = { .op = 1, .sha = mac, .tha = nobody, .spa = src, .tpa = addr };

	put_arp(out, &a);
}

void
frame_garp_to(uint8_t out[FRAME_ARP_LEN], const uint8_t src[6], const uint8_t dst[6],
    const uint8_t mac[6], struct in_addr addr)
{
	struct arp a = { .op = 1, .sha = mac, .tha = nobody, .spa = addr, .tpa = addr, .eth_src = src,
		.eth_dst = dst };

	put_arp(out, &a);
}

void
frame_arp_reply(uint8_t out[FRAME_ARP_LEN], const uint8_t src[6], const uint8_t mac[6],
    const struct frame_arp *asked)
{
	struct arp a = { .op = 2, .sha = mac, .tha = asked->sender_mac, .spa = asked->target,
		.tpa = asked->sender, .eth_src = src, .eth_dst = asked->sender_mac };

	put_arp(out, &a);
}

bool
frame_arp(const uint8_t *frame, size_t len, struct frame_arp *a)
{
	struct wire_rd r;
	bool arp;

	memset(a, 0, sizeof(*a));
	wire_rd_init(&r, frame, len);
	wire_rd_copy(&r, a->eth_dst, 6);
	wire_rd_view(&r, 6);
	arp = wire_rd_u16(&r) == TYPE_ARP && wire_rd_u16(&r) == 1 && wire_rd_u16(&r) == TYPE_IP &&
	    wire_rd_u16(&r) == 0x0604;
	a->request = wire_rd_u16(&r) == 1;
	wire_rd_copy(&r, a->sender_mac, 6);
	a->sender = wire_rd_addr(&r);
	wire_rd_view(&r, 6);
	a->target = wire_rd_addr(&r);
	return arp && wire_rd_ok(&r);
}

bool
frame_arp_is_answer(const uint8_t *frame, size_t len)
{
	return len >= FRAME_ARP_LEN && frame[20] == 0 && frame[21] == 2 && !(frame[0] & 1) &&
	    memcmp(frame + 28, frame + 38, 4) != 0;
}

/* Where things are in a frame with a TCP segment. */
struct layout {
	const uint8_t *ip, *tcp;
	size_t tcp_len; /* header and payload, as the IP header says */
};

static bool
find_tcp(const uint8_t *frame, size_t len, struct layout *at)
{
	size_t ihl, total, off;

	if (len < ETH_LEN + IP_LEN || frame[12] != 0x08 || frame[13] != 0x00)
		return false;
	at->ip = frame + ETH_LEN;
	ihl = (size_t)(at->ip[0] & 0x0f) * 4;
	total = (size_t)at->ip[2] << 8 | at->ip[3];
	off = (size_t)(at->ip[6] & 0x3f) << 8 | at->ip[7]; /* more fragments, and the offset */
	if (at->ip[0] >> 4 != 4 || ihl < IP_LEN || at->ip[9] != IPPROTO_TCP || off != 0 ||
	    total < ihl + TCP_LEN || len < ETH_LEN + ihl + TCP_LEN)
		return false;
	at->tcp = at->ip + ihl;
	at->tcp_len = total - ihl;
	return true;
}

bool
frame_tcp(const uint8_t *frame, size_t len, struct frame_tcp *t)
{
	struct layout at;
	struct wire_rd r;
	size_t doff;

	memset(t, 0, sizeof(*t));
	if (!find_tcp(frame, len, &at))
		return false;
	wire_rd_init(&r, at.tcp, TCP_LEN);
	wire_rd_u32(&r);
	t->seq = wire_rd_u32(&r);
	t->ack = wire_rd_u32(&r);
	doff = (size_t)(wire_rd_u8(&r) >> 4) * 4;
	t->flags = wire_rd_u8(&r) & 0x3f;
	if (doff < TCP_LEN || doff > at.tcp_len)
		return false;
	t->seg_len = (uint32_t)(at.tcp_len - doff) + !!(t->flags & FRAME_SYN) + !!(t->flags & FRAME_FIN);
	return true;
}

static void
put_ip(struct wire_wr *w, const uint8_t *from)
{
	uint8_t *ip = w->pos;

	wire_wr_u16(w, 0x4500);
	wire_wr_u16(w, IP_LEN + TCP_LEN);
	wire_wr_u16(w, 0);
	wire_wr_u16(w, 0x4000); /* do not fragment */
	wire_wr_u8(w, 64);
	wire_wr_u8(w, IPPROTO_TCP);
	wire_wr_u16(w, 0);
	wire_wr_bytes(w, from + 16, 4);
	wire_wr_bytes(w, from + 12, 4);
	cksum_ip(ip, IP_LEN);
}

static void
put_tcp(struct wire_wr *w, const uint8_t *from, const struct frame_tcp *t)
{
	uint8_t *tcp = w->pos;
	bool ack = t->flags & FRAME_ACK;

	wire_wr_bytes(w, from + 2, 2);
	wire_wr_bytes(w, from, 2);
	wire_wr_u32(w, ack ? t->ack : 0);
	wire_wr_u32(w, ack ? 0 : t->seq + t->seg_len);
	wire_wr_u8(w, TCP_LEN / 4 << 4);
	wire_wr_u8(w, ack ? FRAME_RST : FRAME_RST | FRAME_ACK);
	wire_wr_u32(w, 0); /* window, checksum */
	wire_wr_u16(w, 0);
	wire_put_u16(
	    tcp + 16, cksum_fold(cksum_add(cksum_pseudo(tcp - IP_LEN, TCP_LEN), tcp, TCP_LEN)));
}

size_t
frame_refit(uint8_t *frame, size_t len, size_t max)
{
	size_t most = len < max ? len : max, doff, ihl, tcp_len;
	struct frame_tcp t;
	struct layout at;
	uint8_t *ip, *tcp;

	if (!frame_tcp(frame, len, &t) || !find_tcp(frame, len, &at))
		return 0;
	ip = frame + ETH_LEN;
	ihl = (size_t)(at.tcp - at.ip);
	tcp = ip + ihl;
	doff = (size_t)(tcp[12] >> 4) * 4;
	if (most < ETH_LEN + ihl + doff)
		return 0;
	most -= ETH_LEN + ihl;
	tcp_len = at.tcp_len < most ? at.tcp_len : most;
	if (tcp_len < at.tcp_len)
		tcp[13] &= (uint8_t)~FRAME_FIN;
	wire_put_u16(ip + 2, (uint16_t)(ihl + tcp_len));
	cksum_ip(ip, ihl);
	wire_put_u16(tcp + 16, 0);
	wire_put_u16(tcp + 16, cksum_fold(cksum_add(cksum_pseudo(ip, tcp_len), tcp, tcp_len)));
	return ETH_LEN + ihl + tcp_len;
}

bool
frame_rst(uint8_t out[FRAME_RST_LEN], const uint8_t *frame, size_t len)
{
	struct frame_tcp t;
	struct layout at;
	struct wire_wr w;

	if (!frame_tcp(frame, len, &t) || (t.flags & FRAME_RST) || !find_tcp(frame, len, &at))
		return false;
	wire_wr_init(&w, out, FRAME_RST_LEN);
	wire_wr_bytes(&w, frame + 6, 6);
	wire_wr_bytes(&w, frame, 6);
	wire_wr_u16(&w, TYPE_IP);
	put_ip(&w, at.ip);
	put_tcp(&w, at.tcp, &t);
	return true;
}
