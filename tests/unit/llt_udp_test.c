/* SPDX-License-Identifier: ISC */
/* Links by UDP: the socket, in a network namespace of its own (needs root), and what the core does. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lltd/crypto.h"
#include "lltd/linksock.h"
#include "lltd/udpsock.h"
#include "tests/unit/llt_net.h"
#include "tests/unit/unit.h"

/* ---- the socket ---- */
static struct {
	unsigned n, strays;
	uint8_t src[LLT_ADDR_LEN];
	size_t len;
	uint8_t first;
} got;

static void
on_frame(void *arg, const uint8_t *src, bool for_us, const uint8_t *frame, size_t len)
{
	if (!for_us) {
		got.strays++;
		return;
	}
	got.n++;
	memcpy(got.src, src, LLT_ADDR_LEN);
	got.len = len;
	got.first = len > 0 ? frame[0] : 0;
}

static void
enter_namespace(void)
{
	ck_assert_msg(unshare(CLONE_NEWNET) == 0, "needs root: %s", strerror(errno));
	ck_assert_int_eq(system("ip link set lo up"), 0);
	memset(&got, 0, sizeof(got));
}

static void
place(uint8_t addr[LLT_ADDR_LEN], const char *ip, unsigned port)
{
	struct in_addr in;

	ck_assert_int_eq(inet_pton(AF_INET, ip, &in), 1);
	llt_addr_udp(addr, &in, htons((uint16_t)port));
}

static struct linksock *
sock_at(const char *ip, const uint8_t (*peers)[LLT_ADDR_LEN], size_t n, bool listed_only)
{
	uint8_t addr[LLT_ADDR_LEN];
	struct linksock *s;

	place(addr, ip, LLT_UDP_PORT);
	s = udpsock_open(addr, peers, n, listed_only);
	ck_assert_msg(s != NULL, "%s", strerror(errno));
	return s;
}

/* What has been sent over lo is there when sendmmsg() returns. */
static unsigned
take(struct linksock *s)
{
	struct pollfd p = { .fd = linksock_fd(s), .events = POLLIN };

	poll(&p, 1, 0);
	return linksock_read(s, 1000, on_frame, NULL);
}

START_TEST(to_one_and_to_all)
{
	uint8_t peer[2][LLT_ADDR_LEN], a[LLT_ADDR_LEN];
	struct linksock *s1, *s2, *s3;

	enter_namespace();
	place(a, "127.0.0.1", LLT_UDP_PORT);
	place(peer[0], "127.0.0.2", LLT_UDP_PORT);
	place(peer[1], "127.0.0.3", LLT_UDP_PORT);
	s1 = sock_at("127.0.0.1", (const uint8_t(*)[LLT_ADDR_LEN])peer, 2, false);
	s2 = sock_at("127.0.0.2", NULL, 0, false);
	s3 = sock_at("127.0.0.3", NULL, 0, false);
	linksock_send(s1, peer[0], (const uint8_t *)"x", 1);
	ck_assert_uint_eq(take(s2), 0); /* not before it is flushed */
	linksock_flush(s1);
	ck_assert_uint_eq(take(s2), 1);
	ck_assert_uint_eq(take(s3), 0);
	ck_assert_mem_eq(got.src, a, LLT_ADDR_LEN);
	ck_assert_uint_eq(got.len, 1);
	ck_assert_uint_eq(got.first, 'x');
	linksock_send(s1, llt_addr_all, (const uint8_t *)"hello", 5);
	linksock_flush(s1);
	ck_assert_uint_eq(take(s2), 1);
	ck_assert_uint_eq(take(s3), 1);
	ck_assert_uint_eq(take(s1), 0);
	ck_assert_uint_eq(linksock_send_errors(s1), 0);
	linksock_close(s1);
	linksock_close(s2);
	linksock_close(s3);
}
END_TEST

START_TEST(long_empty_and_many)
{
	static uint8_t big[LLT_FRAME_MAX + 3000];
	uint8_t to[LLT_ADDR_LEN], nowhere[LLT_ADDR_LEN];
	struct linksock *s1, *s2;
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(LLT_UDP_PORT) };
	int fd;

	enter_namespace();
	place(to, "127.0.0.2", LLT_UDP_PORT);
	place(nowhere, "192.0.2.1", LLT_UDP_PORT);
	s1 = sock_at("127.0.0.1", NULL, 0, false);
	s2 = sock_at("127.0.0.2", NULL, 0, false);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	inet_pton(AF_INET, "127.0.0.2", &sin.sin_addr);
	ck_assert_int_eq(sendto(fd, big, sizeof(big), 0, (struct sockaddr *)&sin, sizeof(sin)),
	    (int)sizeof(big));
	ck_assert_int_eq(sendto(fd, big, 0, 0, (struct sockaddr *)&sin, sizeof(sin)), 0);
	close(fd);
	ck_assert_uint_eq(take(s2), 2);
	ck_assert_uint_eq(got.n, 2);
	ck_assert_uint_eq(got.len, 0);
	for (unsigned i = 0; i < 500; i++)
		linksock_send(s1, to, big, 100);
	linksock_send(s1, nowhere, big, 100); /* no route: it costs nothing but itself */
	linksock_send(s1, to, big, 100);
	linksock_flush(s1);
	ck_assert_uint_eq(linksock_send_errors(s1), 1);
	ck_assert_uint_eq(take(s2), 501);
	linksock_close(s1);
	linksock_close(s2);
}
END_TEST

START_TEST(strangers_without_a_key)
{
	uint8_t listed[1][LLT_ADDR_LEN], to[LLT_ADDR_LEN];
	struct linksock *s1, *s2, *s3;

	enter_namespace();
	place(to, "127.0.0.2", LLT_UDP_PORT);
	place(listed[0], "127.0.0.1", LLT_UDP_PORT);
	s1 = sock_at("127.0.0.1", NULL, 0, false);
	s3 = sock_at("127.0.0.3", NULL, 0, false);
	s2 = sock_at("127.0.0.2", (const uint8_t(*)[LLT_ADDR_LEN])listed, 1, true);
	linksock_send(s3, to, (const uint8_t *)"x", 1);
	linksock_flush(s3);
	take(s2);
	ck_assert_uint_eq(got.n, 0);
	ck_assert_uint_eq(got.strays, 1);
	linksock_send(s1, to, (const uint8_t *)"x", 1);
	linksock_flush(s1);
	take(s2);
	ck_assert_uint_eq(got.n, 1);
	linksock_close(s1);
	linksock_close(s2);
	linksock_close(s3);
}
END_TEST

START_TEST(not_our_address)
{
	uint8_t addr[LLT_ADDR_LEN];
	struct linksock *s;

	enter_namespace();
	place(addr, "192.0.2.1", LLT_UDP_PORT);
	ck_assert_ptr_null(udpsock_open(addr, NULL, 0, false));
	ck_assert_int_eq(errno, EADDRNOTAVAIL);
	s = sock_at("127.0.0.1", NULL, 0, false);
	place(addr, "127.0.0.1", LLT_UDP_PORT);
	ck_assert_ptr_null(udpsock_open(addr, NULL, 0, false));
	ck_assert_int_eq(errno, EADDRINUSE);
	linksock_close(s);
}
END_TEST

START_TEST(path_mtu)
{
	uint8_t a[LLT_ADDR_LEN], b[LLT_ADDR_LEN];

	enter_namespace();
	place(a, "127.0.0.1", LLT_UDP_PORT);
	place(b, "127.0.0.2", LLT_UDP_PORT);
	ck_assert_int_eq(system("ip link set lo mtu 1400"), 0);
	ck_assert_uint_eq(udpsock_path_mtu(a, b), 1400);
	place(b, "192.0.2.1", LLT_UDP_PORT);
	ck_assert_uint_eq(udpsock_path_mtu(a, b), 0);
}
END_TEST

START_TEST(texts)
{
	uint8_t a[LLT_ADDR_LEN];
	struct in_addr in;
	uint16_t port;

	place(a, "10.1.0.11", 50001);
	ck_assert_str_eq(llt_addr_text(LLT_KIND_UDP, a), "10.1.0.11:50001");
	llt_addr_udp_get(a, &in, &port);
	ck_assert_uint_eq(ntohl(in.s_addr), 0x0a01000b);
	ck_assert_uint_eq(ntohs(port), 50001);
	ck_assert_str_eq(llt_addr_text(LLT_KIND_ETHER, (const uint8_t *)"\2\0\0\0\1\xfe"),
	    "02:00:00:00:01:FE");
}
END_TEST

/* ---- the core ---- */
static uint8_t seen[256];
static size_t seen_len;

static void
tap(unsigned from, unsigned link, const uint8_t *frame, size_t len)
{
	if (from != 0 || len > sizeof(seen))
		return;
	memcpy(seen, frame, len);
	seen_len = len;
}

static void
start_udp(unsigned nodes, unsigned links)
{
	net_start(nodes, links, 7);
	for (unsigned i = 0; i < links; i++)
		net.conf.link[i].kind = LLT_KIND_UDP;
	for (unsigned i = 0; i < nodes; i++)
		net_on(i);
	net_form(1000 * MS);
}

/* The other end may count its links otherwise; only addresses tell. */
START_TEST(other_numbers_of_links)
{
	uint64_t crossed, source;

	ck_assert(crypto_init());
	start_udp(2, 2);
	net.tap = tap;
	net_run(50 * MS);
	crossed = net_stat(1, STAT_DROP_CROSSED);
	source = net_stat(1, STAT_DROP_SOURCE);
	ck_assert_uint_gt(seen_len, 0);
	core_input(net.node[1].core, 1 - seen[10], (const uint8_t *)"\12\1\0\11\1\1", seen, seen_len, net.now);
	ck_assert_uint_eq(net_stat(1, STAT_DROP_CROSSED), crossed);
	ck_assert_uint_eq(net_stat(1, STAT_DROP_SOURCE), source + 1);
	net_stop();
}
END_TEST

/* Nothing that the second one sends reaches the first: a third, which knows that, speaks for it. */
START_TEST(others_speak_for_a_node)
{
	ck_assert(crypto_init());
	start_udp(3, 1);
	net.conf.check_ns = 20 * MS;
	net.mute = 1;
	net_on_as(NET_NODES, 0, "n0");
	net_run(15 * MS);
	ck_assert(net.node[NET_NODES].checked);
	ck_assert_ptr_nonnull(strstr(net.node[NET_NODES].refused, "already exists"));
	ck_assert_ptr_nonnull(strstr(net.node[NET_NODES].refused, "2.0.0.0:0"));
	ck_assert(net_open(1, 0));
	net_stop();
}
END_TEST

/* The same place, another incarnation: it was restarted. */
START_TEST(a_restart_is_no_second_node)
{
	ck_assert(crypto_init());
	start_udp(3, 1);
	net_off(0);
	net.conf.check_ns = 20 * MS;
	net_on(0);
	net_run(25 * MS);
	ck_assert(net.node[0].checked);
	ck_assert_str_eq(net.node[0].refused, "");
	net_form(1000 * MS);
	net_stop();
}
END_TEST

static void
make_narrower(void)
{
	struct llt_ev_link e;
	uint8_t addr[LLT_ADDR_LEN];
	unsigned events = net.node[0].link_events;

	net_mac(0, 0, addr);
	core_carrier(net.node[0].core, 0, true, addr, 1, 1372, net.now);
	ck_assert_uint_gt(net.node[0].link_events, events);
	ck_assert(core_link_state(net.node[0].core, 1, 0, &e));
	ck_assert_uint_eq(e.mtu, 1372);
}

/* Watchers hear of it; longer frames of this session leave in fragments. */
START_TEST(narrower)
{
	ck_assert(crypto_init());
	start_udp(2, 1);
	make_narrower();
	net_send(0, 1, 3, 0);
	net_run(100 * MS);
	ck_assert(net_open(0, 1));
	ck_assert_uint_eq(net_session(0, 1), 1);
	ck_assert_uint_eq(net.node[1].got[0][3], 1);
	net_stop();
}
END_TEST

/* By Ethernet a session whose frames the link does not take is followed by one with shorter frames. */
START_TEST(narrower_by_ethernet)
{
	ck_assert(crypto_init());
	net_start(2, 1, 7);
	net_on(0);
	net_on(1);
	net_form(1000 * MS);
	make_narrower();
	net_form(1000 * MS);
	ck_assert_uint_eq(net_session(0, 1), 2);
	net_send(0, 1, 3, 0);
	net_run(10 * MS);
	ck_assert_uint_eq(net.node[1].got[0][3], 1);
	net_stop();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		to_one_and_to_all, long_empty_and_many, strangers_without_a_key, not_our_address, path_mtu,
		texts, other_numbers_of_links, others_speak_for_a_node, a_restart_is_no_second_node, narrower,
		narrower_by_ethernet,
		NULL,
	};

	return unit_run("llt_udp", tests);
}
