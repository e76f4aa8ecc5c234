/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <string.h>

#include "aliasd/core/frame.h"
#include "tests/unit/unit.h"

static const uint8_t client_mac[6] = { 2, 0, 0, 0, 0, 0x65 };
static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 0x0b };

/* From 10.1.0.101:40000 to 10.1.0.100:80; returns the length. */
static size_t
segment(uint8_t *f, uint8_t flags, uint32_t seq, uint32_t ack, size_t payload)
{
	static const uint8_t ip[20] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 1, 0, 101, 10, 1,
		0, 100 };
	size_t total = 40 + payload;
	int i;

	memset(f, 0, 14 + total);
	memcpy(f, our_mac, 6);
	memcpy(f + 6, client_mac, 6);
	f[12] = 0x08;
	memcpy(f + 14, ip, 20);
	f[16] = (uint8_t)(total >> 8);
	f[17] = (uint8_t)total;
	f[34] = 40000 >> 8;
	f[35] = 40000 & 0xff;
	f[37] = 80;
	for (i = 0; i < 4; i++) {
		f[38 + i] = (uint8_t)(seq >> (24 - 8 * i));
		f[42 + i] = (uint8_t)(ack >> (24 - 8 * i));
	}
	f[46] = 0x50;
	f[47] = flags;
	return 14 + total;
}

static uint32_t
sum(const uint8_t *p, size_t len)
{
	uint32_t s = 0;

	for (size_t i = 0; i < len; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	return s;
}

static uint16_t
fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
check_rst(const uint8_t *r, uint8_t flags, uint32_t seq, uint32_t ack)
{
	ck_assert_mem_eq(r, client_mac, 6);
	ck_assert_mem_eq(r + 6, our_mac, 6);
	ck_assert_uint_eq(get32(r + 26), 0x0a010064);
	ck_assert_uint_eq(get32(r + 30), 0x0a010065);
	ck_assert_uint_eq(r[34] << 8 | r[35], 80);
	ck_assert_uint_eq(r[36] << 8 | r[37], 40000);
	ck_assert_uint_eq(get32(r + 38), seq);
	ck_assert_uint_eq(get32(r + 42), ack);
	ck_assert_uint_eq(r[47], flags);
	ck_assert_uint_eq(fold(sum(r + 14, 20)), 0xffff);
	ck_assert_uint_eq(fold(sum(r + 26, 8) + IPPROTO_TCP + 20 + sum(r + 34, 20)), 0xffff);
}

/* RFC 9293, 3.10.7.1 */
START_TEST(reset)
{
	uint8_t f[256], r[FRAME_RST_LEN];
	size_t len = segment(f, FRAME_ACK, 1000, 77, 10);

	ck_assert(frame_rst(r, f, len));
	check_rst(r, FRAME_RST, 77, 0);
	len = segment(f, FRAME_ACK | FRAME_FIN, 1000, 0xfffffff0u, 0);
	ck_assert(frame_rst(r, f, len));
	check_rst(r, FRAME_RST, 0xfffffff0u, 0);
	len = segment(f, FRAME_FIN, 0xffffffffu, 5, 10);
	ck_assert(frame_rst(r, f, len));
	check_rst(r, FRAME_RST | FRAME_ACK, 0, 10);
	len = segment(f, FRAME_SYN, 1000, 0, 0);
	ck_assert(frame_rst(r, f, len));
	check_rst(r, FRAME_RST | FRAME_ACK, 0, 1001);
	len = segment(f, FRAME_RST, 1000, 0, 0);
	ck_assert(!frame_rst(r, f, len));
	len = segment(f, FRAME_RST | FRAME_ACK, 1000, 0, 0);
	ck_assert(!frame_rst(r, f, len));
}
END_TEST

static void
check_fit(const uint8_t *f, size_t len)
{
	size_t tcp_len = len - 34;

	ck_assert_uint_eq((size_t)(f[16] << 8 | f[17]), len - 14);
	ck_assert_uint_eq(fold(sum(f + 14, 20)), 0xffff);
	ck_assert_uint_eq(fold(sum(f + 26, 8) + IPPROTO_TCP + (uint32_t)tcp_len + sum(f + 34, tcp_len)), 0xffff);
}

START_TEST(refit)
{
	uint8_t f[4096];
	size_t len = segment(f, FRAME_ACK | FRAME_FIN, 1000, 2000, 101), fit;

	memset(f + 54, 0xa5, 101);
	f[14 + 40 + 101] = 0; /* the sum runs over pairs */
	ck_assert_uint_eq(frame_refit(f, len, FRAME_MAX), len);
	ck_assert_uint_eq(f[47], FRAME_ACK | FRAME_FIN);
	check_fit(f, len);
	/* An aggregate, of which we have the beginning. */
	len = segment(f, FRAME_ACK | FRAME_FIN, 1000, 2000, 3000);
	memset(f + 54, 0x5a, 3000);
	fit = frame_refit(f, 2048, FRAME_MAX);
	ck_assert_uint_eq(fit, FRAME_MAX);
	ck_assert_uint_eq(f[47], FRAME_ACK);
	check_fit(f, fit);
	/* Padding of the wire goes. */
	len = segment(f, FRAME_ACK, 1, 2, 0);
	memset(f + len, 0, 6);
	ck_assert_uint_eq(frame_refit(f, 60, FRAME_MAX), 54);
	ck_assert_uint_eq(frame_refit(f, 40, FRAME_MAX), 0);
	f[23] = IPPROTO_UDP;
	ck_assert_uint_eq(frame_refit(f, 60, FRAME_MAX), 0);
}
END_TEST

START_TEST(malformed)
{
	uint8_t f[256];
	struct frame_tcp t;
	size_t cut, len = segment(f, FRAME_ACK, 1, 2, 0);

	ck_assert(frame_tcp(f, len, &t));
	for (cut = 0; cut < len; cut++)
		ck_assert(!frame_tcp(f, cut, &t));
	f[46] = 0x40; /* a header shorter than TCP's */
	ck_assert(!frame_tcp(f, len, &t));
	f[46] = 0xf0; /* one longer than the packet */
	ck_assert(!frame_tcp(f, len, &t));
	segment(f, FRAME_ACK, 1, 2, 0);
	f[14] = 0x65;
	ck_assert(!frame_tcp(f, len, &t));
	segment(f, FRAME_ACK, 1, 2, 0);
	f[21] = 1; /* a later fragment */
	ck_assert(!frame_tcp(f, len, &t));
	segment(f, FRAME_ACK, 1, 2, 0);
	f[23] = IPPROTO_UDP;
	ck_assert(!frame_tcp(f, len, &t));
	segment(f, FRAME_ACK, 1, 2, 0);
	f[12] = 0x86;
	ck_assert(!frame_tcp(f, len, &t));
}
END_TEST

START_TEST(arp)
{
	uint8_t f[FRAME_ARP_LEN];
	struct frame_arp a;
	struct in_addr addr;
	size_t cut;

	inet_aton("10.1.0.100", &addr);
	frame_garp(f, our_mac, addr, false);
	ck_assert_uint_eq(f[0], 0xff);
	ck_assert(frame_arp(f, sizeof(f), &a) && a.request);
	ck_assert(a.sender.s_addr == addr.s_addr && a.target.s_addr == addr.s_addr);
	ck_assert_mem_eq(a.sender_mac, our_mac, 6);
	frame_garp(f, our_mac, addr, true);
	ck_assert(frame_arp(f, sizeof(f), &a) && !a.request);
	ck_assert_mem_eq(f + 32, our_mac, 6);
	for (cut = 0; cut < sizeof(f); cut++)
		ck_assert(!frame_arp(f, cut, &a));
	f[13] = 0;
	ck_assert(!frame_arp(f, sizeof(f), &a));
}
END_TEST

START_TEST(arp_to_one_client)
{
	static const uint8_t member_mac[6] = { 2, 8, 8, 8, 8, 8 };
	uint8_t f[FRAME_ARP_LEN];
	struct in_addr addr, client;
	struct frame_arp asked, a;

	inet_aton("10.1.0.100", &addr);
	inet_aton("10.1.0.7", &client);
	frame_arp_request(f, client_mac, client, addr);
	ck_assert(frame_arp(f, sizeof(f), &asked) && asked.request);
	ck_assert(asked.sender.s_addr == client.s_addr && asked.target.s_addr == addr.s_addr);
	/* The answer comes from us and speaks of another. */
	frame_arp_reply(f, our_mac, member_mac, &asked);
	ck_assert_mem_eq(f, client_mac, 6);
	ck_assert_mem_eq(f + 6, our_mac, 6);
	ck_assert(frame_arp(f, sizeof(f), &a) && !a.request);
	ck_assert(a.sender.s_addr == addr.s_addr && a.target.s_addr == client.s_addr);
	ck_assert_mem_eq(a.sender_mac, member_mac, 6);
	/* Unasked: in a form that a client believes although it has heard another lately. */
	frame_garp_to(f, our_mac, client_mac, member_mac, addr);
	ck_assert_mem_eq(f, client_mac, 6);
	ck_assert(frame_arp(f, sizeof(f), &a) && a.request && a.sender.s_addr == a.target.s_addr);
	ck_assert_mem_eq(a.sender_mac, member_mac, 6);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { reset, refit, malformed, arp, arp_to_one_client, NULL };

	return unit_run("alias_frame", tests);
}
