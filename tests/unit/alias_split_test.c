/* SPDX-License-Identifier: ISC */
/* Packets too large for their way: told of, or sent in pieces that make the same packet again. */
#include <arpa/inet.h>
#include <string.h>

#include "aliasd/core/cksum.h"
#include "aliasd/core/split.h"
#include "common/wire.h"
#include "tests/unit/unit.h"

#define ETH 14
#define LIMIT 1400

static const uint8_t client_mac[6] = { 2, 0, 0, 0, 0, 0x65 };
static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 0x0b };
/* No operation; a recorded route, not to be copied; a security option that is. */
static const uint8_t options[12] = { 1, 7, 7, 4, 0, 0, 0, 0, 0x82, 4, 9, 9 };

static uint8_t frame[SPLIT_FRAME_MAX], got[SPLIT_FRAME_MAX], last[SPLIT_FRAME_MAX];
static size_t got_len, largest, pieces, last_len;
static bool ended;
static uint16_t ident;

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* A datagram with payload bytes from the client; returns the frame's length. */
static size_t
datagram(uint8_t proto, uint16_t field, const uint8_t *opts, size_t nopts, size_t payload)
{
	uint8_t *ip = frame + ETH, *l4 = ip + 20 + nopts;
	size_t head = proto == IPPROTO_TCP ? 20 : 8, total = 20 + nopts + head + payload, i;

	memset(frame, 0, ETH + 20 + nopts + head);
	memcpy(frame, our_mac, 6);
	memcpy(frame + 6, client_mac, 6);
	frame[12] = 0x08;
	ip[0] = (uint8_t)(0x45 + nopts / 4);
	wire_put_u16(ip + 2, (uint16_t)total);
	wire_put_u16(ip + 4, 0x1234);
	wire_put_u16(ip + 6, field);
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, "\x0a\x01\x00\x65\x0a\x01\x00\x64", 8);
	if (nopts > 0)
		memcpy(ip + 20, opts, nopts);
	wire_put_u16(l4, 40000);
	wire_put_u16(l4 + 2, 53);
	if (proto == IPPROTO_UDP)
		wire_put_u16(l4 + 4, (uint16_t)(head + payload));
	else if (proto == IPPROTO_TCP)
		l4[12] = 0x50;
	for (i = 0; i < payload; i++)
		l4[head + i] = (uint8_t)(i * 7 + i / 251);
	return ETH + total;
}

/* What a host does that leaves the rest to its device. */
static void
half_checksum(size_t ihl, size_t place)
{
	uint8_t *ip = frame + ETH;

	wire_put_u16(ip + ihl + place, (uint16_t)~cksum_fold(cksum_pseudo(ip, get16(ip + 2) - ihl)));
}

static void
take(const uint8_t *f, size_t len, void *arg)
{
	const uint8_t *ip = f + ETH;
	size_t ihl = (size_t)(ip[0] & 15) * 4, total = get16(ip + 2), at = (get16(ip + 6) & 0x1fffu) * 8;

	ck_assert_uint_eq(len, ETH + total);
	ck_assert_mem_eq(f, our_mac, 6);
	ck_assert_mem_eq(f + 6, client_mac, 6);
	ck_assert_uint_eq(cksum_fold(cksum_add(0, ip, ihl)), 0);
	if (total > largest)
		largest = total;
	pieces++;
	if (arg == NULL) { /* one datagram */
		ck_assert_uint_eq(at, got_len);
		ck_assert(!ended);
		ended = !(get16(ip + 6) & 0x2000);
		ident = get16(ip + 4);
	}
	memcpy(got + got_len, ip + ihl, total - ihl);
	got_len += total - ihl;
	memcpy(last, f, len);
	last_len = len;
}

static void
check_whole(size_t ihl)
{
	uint8_t pseudo[20];

	memcpy(pseudo, last + ETH, 20);
	ck_assert(ended);
	ck_assert_uint_eq(ident, 0x1234);
	ck_assert_uint_le(largest, LIMIT);
	ck_assert_uint_gt(largest, LIMIT - 8);
	ck_assert_uint_eq(cksum_fold(cksum_add(cksum_pseudo(pseudo, got_len), got, got_len)), 0);
	ck_assert_uint_eq(last[ETH] & 15, ihl / 4);
}

START_TEST(a_datagram_in_pieces)
{
	size_t len = datagram(IPPROTO_UDP, 0, NULL, 0, 1472);

	half_checksum(20, 6);
	ck_assert(split_allowed(frame, len));
	ck_assert_uint_eq(split_frame(frame, len, LIMIT, 0, take, NULL), 2);
	ck_assert_uint_eq(got_len, 1480);
	check_whole(20);
}
END_TEST

START_TEST(an_aggregate_of_tcp_is_one_packet)
{
	size_t len = datagram(IPPROTO_TCP, 0, NULL, 0, 60000);

	half_checksum(20, 16);
	ck_assert_uint_gt(split_frame(frame, len, LIMIT, 1448, take, NULL), 40);
	ck_assert_uint_eq(got_len, 60020);
	check_whole(20);
}
END_TEST

START_TEST(a_sum_that_is_wrong_stays_wrong)
{
	size_t len = datagram(IPPROTO_UDP, 0, NULL, 0, 1472);

	wire_put_u16(frame + ETH + 26, 0x4711);
	split_frame(frame, len, LIMIT, 0, take, NULL);
	ck_assert_uint_eq(get16(got + 6), 0x4711);
	got_len = 0;
	ended = false;
	len = datagram(IPPROTO_UDP, 0, NULL, 0, 1472); /* none */
	split_frame(frame, len, LIMIT, 0, take, NULL);
	ck_assert_uint_eq(get16(got + 6), 0);
}
END_TEST

START_TEST(options_go_where_they_belong)
{
	static const uint8_t later[12] = { 1, 1, 1, 1, 1, 1, 1, 1, 0x82, 4, 9, 9 };
	size_t len = datagram(IPPROTO_UDP, 0, options, sizeof(options), 1460);

	half_checksum(32, 6);
	ck_assert_uint_eq(split_frame(frame, len, LIMIT, 0, take, NULL), 2);
	check_whole(32);
	ck_assert_mem_eq(last + ETH + 20, later, sizeof(later));
}
END_TEST

START_TEST(fragments_of_a_fragment)
{
	size_t len = datagram(IPPROTO_UDP, 0x2000 | 185, NULL, 0, 1472);

	got_len = 1480;
	ck_assert_uint_eq(split_frame(frame, len, LIMIT, 0, take, NULL), 2);
	ck_assert_uint_eq(got_len, 2960);
	ck_assert(!ended); /* more follow */
}
END_TEST

START_TEST(an_aggregate_of_datagrams)
{
	size_t len = datagram(IPPROTO_UDP, 0, NULL, 0, 4000);
	uint8_t *ip = last + ETH;

	half_checksum(20, 6);
	/* 1472 and 8 in two pieces each, 1056 and 8 in one. */
	ck_assert_uint_eq(split_frame(frame, len, LIMIT, 1472, take, frame), 5);
	ck_assert_uint_eq(get16(ip + 4), 0x1236);
	ck_assert_uint_eq(last_len, ETH + 28 + 1056);
	ck_assert_uint_eq(get16(ip + 24), 8 + 1056);
	ck_assert_uint_eq(cksum_fold(cksum_add(cksum_pseudo(ip, 1064), ip + 20, 1064)), 0);
	ck_assert_uint_eq(got_len, 4024);
}
END_TEST

START_TEST(what_fits_is_sent_as_it_is)
{
	size_t len = datagram(IPPROTO_UDP, 0, NULL, 0, 100);

	/* Padding of a short frame is no part of it. */
	ck_assert_uint_eq(split_frame(frame, len + 7, LIMIT, 0, take, NULL), 1);
	ck_assert_uint_eq(last_len, len);
	ck_assert_uint_eq(get16(last + ETH + 6), 0);
}
END_TEST

START_TEST(what_is_no_packet)
{
	size_t len = datagram(IPPROTO_UDP, 0, NULL, 0, 1472), i;

	for (i = 0; i < len; i++)
		ck_assert_uint_eq(split_frame(frame, i, LIMIT, 0, take, NULL), 0);
	frame[ETH] = 0x44;
	ck_assert_uint_eq(split_frame(frame, len, LIMIT, 0, take, NULL), 0);
	ck_assert(!split_allowed(frame, len));
	frame[ETH] = 0x65;
	ck_assert_uint_eq(split_frame(frame, len, LIMIT, 0, take, NULL), 0);
	ck_assert_uint_eq(pieces, 0);
}
END_TEST

START_TEST(a_notice)
{
	size_t len = datagram(IPPROTO_TCP, 0x4000, options, sizeof(options), 1448), n;
	uint8_t out[SPLIT_NOTICE_MAX], *ip = out + ETH, *icmp = ip + 20;

	ck_assert(!split_allowed(frame, len));
	n = split_notice(out, frame, 256, LIMIT); /* its first bytes do */
	ck_assert_uint_eq(n, ETH + 20 + 8 + 32 + 8);
	ck_assert_mem_eq(out, client_mac, 6);
	ck_assert_mem_eq(out + 6, our_mac, 6);
	ck_assert_uint_eq(get16(out + 12), 0x0800);
	ck_assert_uint_eq(get16(ip + 2), n - ETH);
	ck_assert_uint_eq(ip[9], IPPROTO_ICMP);
	ck_assert_mem_eq(ip + 12, "\x0a\x01\x00\x64\x0a\x01\x00\x65", 8);
	ck_assert_uint_eq(cksum_fold(cksum_add(0, ip, 20)), 0);
	ck_assert_uint_eq(get16(icmp), 0x0304);
	ck_assert_uint_eq(get16(icmp + 4), 0);
	ck_assert_uint_eq(get16(icmp + 6), LIMIT);
	ck_assert_mem_eq(icmp + 8, frame + ETH, 40);
	ck_assert_uint_eq(cksum_fold(cksum_add(0, icmp, n - ETH - 20)), 0);
}
END_TEST

START_TEST(no_notice_where_none_may_be)
{
	static const uint8_t sources[] = { 0, 127, 224, 255 };
	size_t len = datagram(IPPROTO_UDP, 0x4000, NULL, 0, 1472), i;
	uint8_t out[SPLIT_NOTICE_MAX];

	for (i = 0; i < ETH + 28; i++)
		ck_assert_uint_eq(split_notice(out, frame, i, LIMIT), 0);
	for (i = 0; i < sizeof(sources); i++) {
		frame[ETH + 12] = sources[i];
		ck_assert_uint_eq(split_notice(out, frame, len, LIMIT), 0);
	}
	len = datagram(IPPROTO_UDP, 0x4000 | 185, NULL, 0, 1472);
	ck_assert_uint_eq(split_notice(out, frame, len, LIMIT), 0);
	len = datagram(IPPROTO_ICMP, 0x4000, NULL, 0, 1472);
	frame[ETH + 20] = 3; /* an error */
	ck_assert_uint_eq(split_notice(out, frame, len, LIMIT), 0);
	frame[ETH + 20] = 8; /* a question */
	ck_assert_uint_gt(split_notice(out, frame, len, LIMIT), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { a_datagram_in_pieces, an_aggregate_of_tcp_is_one_packet,
		a_sum_that_is_wrong_stays_wrong, options_go_where_they_belong, fragments_of_a_fragment,
		an_aggregate_of_datagrams, what_fits_is_sent_as_it_is, what_is_no_packet, a_notice,
		no_notice_where_none_may_be, NULL };

	return unit_run("alias split", tests);
}
