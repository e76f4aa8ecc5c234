/* SPDX-License-Identifier: ISC */
/* Connections and datagrams from end to end, and what the daemon hears of them. */
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include <check.h>

#include "aliasd/bpf/young.h"
#include "common/clock.h"
#include "tests/bpf/live.h"

START_TEST(tcp_through_the_router)
{
	int l = listener(&owner, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a;

	expect_event(&owner, DP_LISTEN, 1);
	ck_assert_uint_eq(ntohs(owner.last[DP_LISTEN].port), PORT);
	ck_assert_uint_eq(owner.last[DP_LISTEN].alias.s_addr, 0);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, NULL, NULL);
	ck_assert_int_ge(a, 0);
	expect_event(&owner, DP_ESTABLISHED, 1);
	ck_assert_uint_eq(owner.events[DP_UNLISTEN], 0); /* its socket began as a copy of the listener */
	ck_assert_uint_eq(owner.last[DP_ESTABLISHED].alias.s_addr, addr(RIG_ALIAS));
	ck_assert_uint_eq(owner.last[DP_ESTABLISHED].client.s_addr, addr(CLIENT));
	ck_assert_uint_eq(ntohs(owner.last[DP_ESTABLISHED].port), PORT);
	ck_assert_int_eq(
	    datapath_set_flow(router.dp, &owner.last[DP_ESTABLISHED], OWNER), 0);
	pour(c, a, 64 << 20);
	pour(a, c, 64 << 20);
	ck_assert_uint_eq(counter(&router, DP_C_NEW_FORWARDED), 1);
	ck_assert_uint_gt(counter(&router, DP_C_FLOW_FORWARDED), 100);
	ck_assert_uint_eq(counter(&router, DP_C_ARP_ANSWERED) > 0, true);
	ck_assert_uint_gt(counter(&owner, DP_C_FROM_MEMBER), 100);
	ck_assert_uint_eq(counter(&owner, DP_C_NEW_LOCAL), 0);
	close(c);
	close(a);
	expect_event(&owner, DP_CLOSED, 1);
	ck_assert_mem_eq(
	    &owner.last[DP_CLOSED], &owner.last[DP_ESTABLISHED], sizeof(struct dp_conn));
	close(l);
	expect_event(&owner, DP_UNLISTEN, 1);
	/* What happens in another namespace is not told. */
	datapath_poll(router.dp);
	ck_assert_uint_eq(router.events[DP_LISTEN] + router.events[DP_ESTABLISHED], 0);
	ck_assert_uint_eq(router.strays + owner.strays, 0);
}
END_TEST

static bool
nobody_is_young(const struct datapath *dp)
{
	__u64 when;

	return dp_young_first(dp->state.young, DP_YOUNGS, &when) == DP_YOUNG_FIRST_NONE;
}

/* What ends before it is old enough is not told of at all. */
START_TEST(short_connections)
{
	int l = listener(&owner, PORT), c, a, i, k;

	expect_event(&owner, DP_LISTEN, 1);
	for (i = 0; i < 20; i++) {
		c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0);
		ck_assert_int_eq(connect_to(c, PORT), 0);
		a = accept(l, NULL, NULL);
		ck_assert_int_ge(a, 0);
		close(i % 2 ? c : a); /* either side may be the first */
		close(i % 2 ? a : c);
		for (k = 0; k < 1000 && !nobody_is_young(owner.dp); k++)
			poll(NULL, 0, 10);
		ck_assert(nobody_is_young(owner.dp));
	}
	datapath_poll(owner.dp);
	ck_assert_uint_eq(owner.events[DP_ESTABLISHED] + owner.events[DP_ENDING] + owner.events[DP_CLOSED], 0);
	close(l);
}
END_TEST

/* Nothing else happens: the kernel's timer wakes the daemon for it, again and again. */
START_TEST(a_connection_that_lasts)
{
	int l = listener(&owner, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a, i;
	struct pollfd woken = { .events = POLLIN };
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	struct dp_conn conn = { .alias.s_addr = addr(RIG_ALIAS), .client.s_addr = addr(CLIENT),
		.port = htons(PORT) };
	struct dp_young y;

	expect_event(&owner, DP_LISTEN, 1);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, (struct sockaddr *)&peer, &len);
	conn.client_port = peer.sin_port;
	ck_assert(datapath_is_young(owner.dp, &conn));
	woken.fd = ring_buffer__epoll_fd(owner.dp->events);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(poll(&woken, 1, 10000), 1);
		ck_assert_int_gt(ring_buffer__consume(owner.dp->events), 0);
	}
	ck_assert_uint_eq(owner.events[DP_ESTABLISHED], 0);
	ck_assert(young_take(owner.dp, clock_ns() - DP_YOUNG_AGE, &y));
	ck_assert_uint_eq(y.client, conn.client.s_addr);
	ck_assert_uint_eq(y.client_port, conn.client_port);
	ck_assert(!datapath_is_young(owner.dp, &conn));
	close(a);
	close(c);
	expect_event(&owner, DP_CLOSED, 1);
	ck_assert_mem_eq(&owner.last[DP_CLOSED], &conn, sizeof(conn));
	close(l);
}
END_TEST

/* The end of an earlier one may be among what is held up. */
START_TEST(none_begins_before_all_is_told)
{
	int l = listener(&owner, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a, i;
	const unsigned long *produced = owner.dp->events_produced, more = ULONG_MAX;

	expect_event(&owner, DP_LISTEN, 1);
	ck_assert(datapath_look_for_missed(owner.dp));
	owner.dp->events_produced = &more;
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, NULL, NULL);
	for (i = 0; i < 5; i++) {
		poll(NULL, 0, 10);
		datapath_poll(owner.dp);
		ck_assert(!datapath_look_for_missed(owner.dp));
	}
	ck_assert_uint_eq(owner.events[DP_ESTABLISHED], 0);
	owner.dp->events_produced = produced;
	expect_event(&owner, DP_ESTABLISHED, 1);
	ck_assert(datapath_look_for_missed(owner.dp));
	close(a);
	close(c);
	expect_event(&owner, DP_CLOSED, 1);
	close(l);
}
END_TEST

START_TEST(ip6_socket_that_takes_ip4)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int l, c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a;

	enter(&owner);
	l = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enter(NULL);
	ck_assert_int_eq(bind(l, (struct sockaddr *)&sin6, sizeof(sin6)), 0);
	ck_assert_int_eq(listen(l, 4), 0);
	expect_event(&owner, DP_LISTEN, 1);
	ck_assert_uint_eq(owner.last[DP_LISTEN].alias.s_addr, 0);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, NULL, NULL);
	expect_event(&owner, DP_ESTABLISHED, 1);
	ck_assert_uint_eq(owner.last[DP_ESTABLISHED].client.s_addr, addr(CLIENT));
	close(a);
	close(c);
	close(l);
	expect_event(&owner, DP_CLOSED, 1);
}
END_TEST

START_TEST(connection_to_the_router_itself)
{
	int l = listener(&router, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a;

	deal_to(ROUTER);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, NULL, NULL);
	ck_assert_int_ge(a, 0);
	pour(c, a, 1 << 20);
	pour(a, c, 1 << 20);
	close(a);
	close(c);
	close(l);
}
END_TEST

/* The tables of the router are empty, but its own sockets know their connections. */
START_TEST(own_sockets_are_asked)
{
	int l = listener(&router, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a;

	deal_to(ROUTER);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, NULL, NULL);
	enter(&router);
	datapath_close(router.dp, true);
	start(&router, ROUTER, true);
	ck_assert(!datapath_resumed(router.dp));
	pour(c, a, 1 << 20);
	ck_assert_uint_gt(counter(&router, DP_C_FLOW_LOCAL), 0);
	ck_assert_uint_eq(counter(&router, DP_C_STRAY), 0);
	close(a);
	close(c);
	close(l);
}
END_TEST

static void
udp_echo(int server, int c, const char *from)
{
	struct sockaddr_in peer, to = { .sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = addr(RIG_ALIAS) };
	socklen_t len = sizeof(peer);
	char buf[16];

	ck_assert_int_eq(sendto(c, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	ck_assert_int_eq(
	    recvfrom(server, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len), 5);
	ck_assert_int_eq(sendto(server, buf, 5, 0, (struct sockaddr *)&peer, len), 5);
	len = sizeof(peer);
	ck_assert_int_eq(recvfrom(c, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len), 5);
	ck_assert_str_eq(inet_ntoa(peer.sin_addr), from);
	ck_assert_uint_eq(ntohs(peer.sin_port), PORT);
}

START_TEST(udp_answers_from_the_alias)
{
	int server = sock_in(&owner, SOCK_DGRAM, "0.0.0.0", PORT);
	int c = sock_in(&client, SOCK_DGRAM, "0.0.0.0", 0), i;

	for (i = 0; i < 3; i++)
		udp_echo(server, c, RIG_ALIAS);
	ck_assert_uint_eq(counter(&router, DP_C_UDP_FORWARDED), 3);
	close(server);
	server = sock_in(&owner, SOCK_DGRAM, RIG_ALIAS, PORT); /* bound to it: the same */
	udp_echo(server, c, RIG_ALIAS);
	close(server);
	close(c);
}
END_TEST

/* A dual-stack server: the client's address comes and goes as a mapped one. */
START_TEST(udp_answers_of_an_ip6_socket)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) }, peer6;
	struct sockaddr_in peer, to = { .sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = addr(RIG_ALIAS) };
	int c = sock_in(&client, SOCK_DGRAM, "0.0.0.0", 0), server;
	socklen_t len = sizeof(peer6);
	char buf[16];

	enter(&owner);
	server = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	enter(NULL);
	ck_assert_int_eq(bind(server, (struct sockaddr *)&sin6, sizeof(sin6)), 0);
	ck_assert_int_eq(sendto(c, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	ck_assert_int_eq(
	    recvfrom(server, buf, sizeof(buf), 0, (struct sockaddr *)&peer6, &len), 5);
	ck_assert_int_eq(sendto(server, buf, 5, 0, (struct sockaddr *)&peer6, len), 5);
	len = sizeof(peer);
	ck_assert_int_eq(recvfrom(c, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len), 5);
	ck_assert_str_eq(inet_ntoa(peer.sin_addr), RIG_ALIAS);
	close(server);
	close(c);
}
END_TEST

START_TEST(udp_to_the_host_is_left_alone)
{
	struct sockaddr_in peer, to = { .sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = addr("10.1.0.12") };
	int server = sock_in(&owner, SOCK_DGRAM, "0.0.0.0", PORT);
	int c = sock_in(&client, SOCK_DGRAM, "0.0.0.0", 0);
	socklen_t len = sizeof(peer);
	char buf[16];

	ck_assert_int_eq(sendto(c, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	ck_assert_int_eq(
	    recvfrom(server, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len), 5);
	ck_assert_int_eq(sendto(server, buf, 5, 0, (struct sockaddr *)&peer, len), 5);
	len = sizeof(peer);
	ck_assert_int_eq(recvfrom(c, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len), 5);
	ck_assert_str_eq(inet_ntoa(peer.sin_addr), "10.1.0.12");
	close(server);
	close(c);
}
END_TEST

START_TEST(large_datagrams)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = addr(RIG_ALIAS) };
	static char out[8192], in[9000];
	int server = sock_in(&owner, SOCK_DGRAM, "0.0.0.0", PORT);
	int c = sock_in(&client, SOCK_DGRAM, "0.0.0.0", 0), i;

	for (i = 0; i < 10; i++) {
		memset(out, i, sizeof(out));
		ck_assert_int_eq(
		    sendto(c, out, sizeof(out), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(out));
		ck_assert_int_eq(recv(server, in, sizeof(in), 0), sizeof(out));
		ck_assert_mem_eq(in, out, sizeof(out));
	}
	ck_assert_uint_eq(counter(&router, DP_C_FRAGMENT_FORWARDED), 50);
	ck_assert_uint_eq(counter(&owner, DP_C_FRAGMENT_RECEIVED), 50);
	ck_assert_uint_eq(counter(&owner, DP_C_UDP_RECEIVED), 10);
	close(server);
	close(c);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, tcp_through_the_router);
	tcase_add_test(tc, short_connections);
	tcase_add_test(tc, a_connection_that_lasts);
	tcase_add_test(tc, none_begins_before_all_is_told);
	tcase_add_test(tc, ip6_socket_that_takes_ip4);
	tcase_add_test(tc, connection_to_the_router_itself);
	tcase_add_test(tc, own_sockets_are_asked);
	tcase_add_test(tc, udp_answers_from_the_alias);
	tcase_add_test(tc, udp_answers_of_an_ip6_socket);
	tcase_add_test(tc, udp_to_the_host_is_left_alone);
	tcase_add_test(tc, large_datagrams);
}

int
main(void)
{
	return live_run("live", add_tests);
}
