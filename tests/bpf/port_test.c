/* SPDX-License-Identifier: ISC */
/* What the table of services says of ports, to real sockets of one host. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include <check.h>

#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define OWN "10.1.0.11"
#define FIRST 40000
#define LAST 40063
#define PORT 7007
#define OTHER 7008

static struct rig rig;

static void
setup(void)
{
	memset(&rig, 0, sizeof(rig));
	rig_command("ip addr replace " OWN "/24 dev lan0; ip addr replace " RIG_ALIAS "/32 dev lo");
	rig_open(&rig);
	rig_alias(&rig, RIG_ALIAS, true);
}

static void
teardown(void)
{
	rig_close(&rig);
	rig_command("echo '32768 60999' >/proc/sys/net/ipv4/ip_local_port_range");
}

static void
ports(uint8_t flags)
{
	const struct dp_port p[] = { { IPPROTO_TCP, flags, PORT, 0 }, { IPPROTO_UDP, flags, PORT, 0 } };

	ck_assert_int_eq(datapath_set_ports(rig.dp, p, 2), 0);
}

static struct sockaddr_in
place(const char *address, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = addr(address) };
}

static int
bound(int type, const char *address, uint16_t port)
{
	struct sockaddr_in sin = place(address, port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

static int
try_connect(int fd, const char *address, uint16_t port)
{
	struct sockaddr_in sin = place(address, port);

	return connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 ? 0 : errno;
}

static int
connects(const char *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err = try_connect(fd, address, PORT);

	close(fd);
	return err;
}

static int
sent_to(const char *address, char c)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(try_connect(fd, address, PORT), 0);
	ck_assert_int_eq(send(fd, &c, 1, 0), 1);
	return fd;
}

static char
next_at(int server)
{
	struct timeval patience = { .tv_sec = 10 };
	char c = 0;

	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_int_eq(recv(server, &c, 1, 0), 1);
	return c;
}

/* Behind it goes one to an open address: loopback keeps the order of what one processor sends. */
static bool
datagram_arrives(int server, const char *address, const char *open)
{
	int fd = sent_to(address, 'x');
	bool arrives;
	char c;

	close(sent_to(open, 'e'));
	arrives = next_at(server) == 'x';
	if (arrives)
		ck_assert_int_eq(next_at(server), 'e');
	/* Nothing came back that says it was refused. */
	ck_assert_int_lt(recv(fd, &c, 1, MSG_DONTWAIT), 0);
	ck_assert_int_eq(errno, EAGAIN);
	close(fd);
	return arrives;
}

static void
stay_on_this_cpu(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(here), &here), 0);
}

static struct sockaddr_in
name_of(int fd)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	return sin;
}

static bool
from_alias(const struct sockaddr_in *sin)
{
	return sin->sin_addr.s_addr == addr(RIG_ALIAS) && ntohs(sin->sin_port) >= FIRST &&
	    ntohs(sin->sin_port) <= LAST;
}

START_TEST(nolocal)
{
	int tcp = bound(SOCK_STREAM, "0.0.0.0", PORT), udp = bound(SOCK_DGRAM, "0.0.0.0", PORT);
	const char *own[] = { OWN, "127.0.0.1" };
	unsigned i;

	stay_on_this_cpu();
	ports(DP_PORT_NOLOCAL);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(connects(own[i]), ECONNREFUSED);
		ck_assert(!datagram_arrives(udp, own[i], RIG_ALIAS));
	}
	ck_assert_int_eq(connects(RIG_ALIAS), 0);
	ck_assert(datagram_arrives(udp, RIG_ALIAS, RIG_ALIAS));
	ports(0);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(connects(own[i]), 0);
		ck_assert(datagram_arrives(udp, own[i], RIG_ALIAS));
	}
	close(tcp);
	close(udp);
}
END_TEST

START_TEST(nolocal_for_ip6_sockets)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int tcp = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	ck_assert_int_eq(bind(tcp, (struct sockaddr *)&six, sizeof(six)), 0);
	ck_assert_int_eq(listen(tcp, 16), 0);
	ports(DP_PORT_NOLOCAL);
	ck_assert_int_eq(connects(OWN), ECONNREFUSED);
	ck_assert_int_eq(connects(RIG_ALIAS), 0);
	six.sin6_addr = in6addr_loopback;
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_lt(connect(fd, (struct sockaddr *)&six, sizeof(six)), 0);
	ck_assert_int_eq(errno, ECONNREFUSED);
	close(fd);
	close(tcp);
}
END_TEST

START_TEST(noalias)
{
	int tcp = bound(SOCK_STREAM, "0.0.0.0", PORT), udp = bound(SOCK_DGRAM, "0.0.0.0", PORT);

	stay_on_this_cpu();
	ports(DP_PORT_NOALIAS);
	ck_assert_int_eq(connects(RIG_ALIAS), ECONNREFUSED);
	ck_assert(!datagram_arrives(udp, RIG_ALIAS, OWN));
	ck_assert_int_eq(connects(OWN), 0);
	ck_assert(datagram_arrives(udp, OWN, OWN));
	close(tcp);
	close(udp);
}
END_TEST

START_TEST(closed_ports_outlive_the_daemon)
{
	int tcp = bound(SOCK_STREAM, "0.0.0.0", PORT);

	ports(DP_PORT_NOLOCAL);
	datapath_close(rig.dp, false);
	ck_assert_int_eq(connects(OWN), ECONNREFUSED);
	rig_open(&rig);
	ck_assert(datapath_resumed(rig.dp));
	ck_assert_int_eq(connects(OWN), ECONNREFUSED);
	ports(DP_PORT_NOLOCAL);
	ck_assert_int_eq(connects(OWN), ECONNREFUSED);
	rig_close(&rig);
	ck_assert_int_eq(connects(OWN), 0);
	setup();
	close(tcp);
}
END_TEST

static void
share(void)
{
	struct in_addr alias = { .s_addr = addr(RIG_ALIAS) };

	rig_command("echo '%d %d' >/proc/sys/net/ipv4/ip_local_port_range", FIRST, LAST);
	datapath_set_source(rig.dp, alias, FIRST, LAST);
	ports(DP_PORT_OUT);
}

START_TEST(out_tcp)
{
	int a = bound(SOCK_STREAM, OWN, PORT), b = bound(SOCK_STREAM, OWN, OTHER);
	int fd[LAST - FIRST + 2], n = LAST - FIRST + 1, i;
	struct sockaddr_in sin, here = place("127.0.0.1", 0);

	share();
	/* All of the share, and all of it again to another server. */
	for (i = 0; i < n; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(try_connect(fd[i], OWN, PORT), 0);
		close(accept(a, NULL, NULL));
		sin = name_of(fd[i]);
		ck_assert(from_alias(&sin));
	}
	fd[n] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(try_connect(fd[n], OWN, PORT), EADDRNOTAVAIL);
	for (i = 0; i <= n; i++)
		close(fd[i]);
	/* Not to another port, not from an address of its own choice, not to itself. */
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(try_connect(fd[0], OWN, OTHER), 0);
	sin = name_of(fd[0]);
	ck_assert_uint_eq(sin.sin_addr.s_addr, addr(OWN));
	close(fd[0]);
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd[0], (struct sockaddr *)&here, sizeof(here)), 0);
	try_connect(fd[0], OWN, PORT);
	sin = name_of(fd[0]);
	ck_assert_uint_eq(sin.sin_addr.s_addr, here.sin_addr.s_addr);
	close(fd[0]);
	close(a);
	close(b);
}
END_TEST

START_TEST(out_same_port_to_many_servers)
{
	int server[3], fd[3][LAST - FIRST + 1], i, j;
	const struct dp_port p[] = { { IPPROTO_TCP, DP_PORT_OUT, PORT, 0 },
		{ IPPROTO_TCP, DP_PORT_OUT, PORT + 1, 0 }, { IPPROTO_TCP, DP_PORT_OUT, PORT + 2, 0 } };
	struct sockaddr_in sin;

	share();
	ck_assert_int_eq(datapath_set_ports(rig.dp, p, 3), 0);
	for (i = 0; i < 3; i++) {
		server[i] = bound(SOCK_STREAM, OWN, PORT + i);
		for (j = 0; j <= LAST - FIRST; j++) {
			fd[i][j] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
			ck_assert_int_eq(try_connect(fd[i][j], OWN, PORT + i), 0);
			close(accept(server[i], NULL, NULL));
			sin = name_of(fd[i][j]);
			ck_assert(from_alias(&sin));
		}
	}
	for (i = 0; i < 3; i++) {
		for (j = 0; j <= LAST - FIRST; j++)
			close(fd[i][j]);
		close(server[i]);
	}
}
END_TEST

START_TEST(out_ip6_socket)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) }, name;
	int server = bound(SOCK_STREAM, OWN, PORT), fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(name);

	share();
	six.sin6_addr.s6_addr32[2] = htonl(0xffff);
	six.sin6_addr.s6_addr32[3] = addr(OWN);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&six, sizeof(six)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	ck_assert_uint_eq(name.sin6_addr.s6_addr32[3], addr(RIG_ALIAS));
	close(fd);
	close(server);
}
END_TEST

static struct sockaddr_in
datagram_from(int server, int fd, const struct sockaddr_in *to)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char c = 'x';

	ck_assert_int_eq(sendto(fd, &c, 1, 0, (const struct sockaddr *)to, to ? sizeof(*to) : 0), 1);
	ck_assert_int_eq(recvfrom(server, &c, 1, 0, (struct sockaddr *)&from, &len), 1);
	return from;
}

START_TEST(out_udp)
{
	int server = bound(SOCK_DGRAM, OWN, PORT), other = bound(SOCK_DGRAM, OWN, OTHER), fd;
	struct sockaddr_in to = place(OWN, PORT), to_other = place(OWN, OTHER), from;

	share();
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(try_connect(fd, OWN, PORT), 0);
	from = datagram_from(server, fd, NULL);
	ck_assert(from_alias(&from));
	close(fd);
	/* Not connected: each datagram for itself. */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	from = datagram_from(server, fd, &to);
	ck_assert(from_alias(&from));
	from = datagram_from(other, fd, &to_other);
	ck_assert_uint_eq(from.sin_addr.s_addr, addr(OWN));
	close(fd);
	/* A port outside of the share would not find its way back; an address that was chosen stays. */
	fd = bound(SOCK_DGRAM, "0.0.0.0", 9999);
	from = datagram_from(server, fd, &to);
	ck_assert_uint_eq(from.sin_addr.s_addr, addr(OWN));
	close(fd);
	fd = bound(SOCK_DGRAM, "127.0.0.1", 0);
	from = datagram_from(server, fd, &to);
	ck_assert_uint_eq(from.sin_addr.s_addr, addr("127.0.0.1"));
	close(fd);
	close(server);
	close(other);
}
END_TEST

START_TEST(out_no_more)
{
	struct in_addr none = { 0 };
	int server = bound(SOCK_STREAM, OWN, PORT), fd;
	struct sockaddr_in sin;

	share();
	datapath_set_source(rig.dp, none, 0, 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(try_connect(fd, OWN, PORT), 0);
	sin = name_of(fd);
	ck_assert_uint_eq(sin.sin_addr.s_addr, addr(OWN));
	close(fd);
	close(server);
}
END_TEST

static int
answer(uint16_t port, uint8_t flags)
{
	struct frame f;

	rig_tcp(&rig, &f, "10.1.0.101", PORT, RIG_ALIAS, port, flags, 7);
	return rig_where(&rig, &f);
}

START_TEST(answers_find_the_share)
{
	static const struct dp_target t[] = { { 3, 1 } };
	struct dp_shares s = { .addr.s_addr = addr(RIG_ALIAS), .first = FIRST, .size = 100, .n = 4,
		.node = { RIG_SELF, 2, DP_NO_NODE, 3 } };
	struct frame f;

	rig_paths(&rig, 2, 1);
	rig_paths(&rig, 3, 1);
	datapath_set_shares(rig.dp, &s);
	ck_assert_int_eq(answer(FIRST + 100, F_SYN | F_ACK), 2);
	ck_assert_int_eq(answer(FIRST + 199, F_ACK), 2);
	ck_assert_int_eq(answer(FIRST + 399, F_RST), 3);
	/* Nobody's: the others are asked. So it is with our own where no socket is. */
	ck_assert_int_eq(answer(FIRST + 200, F_SYN | F_ACK), -1);
	ck_assert_int_eq(answer(FIRST + 400, F_SYN | F_ACK), -1);
	ck_assert_int_eq(answer(FIRST - 1, F_SYN | F_ACK), -1);
	ck_assert_int_eq(answer(FIRST, F_SYN | F_ACK), -1);
	/* A new connection is no answer. */
	ck_assert_int_eq(answer(FIRST + 100, F_SYN), RIG_SELF);
	rig_udp(&rig, &f, "10.1.0.101", PORT, RIG_ALIAS, FIRST + 300);
	ck_assert_int_eq(rig_where(&rig, &f), 3);
	rig_udp(&rig, &f, "10.1.0.101", PORT, RIG_ALIAS, FIRST + 400);
	ck_assert_int_eq(rig_where(&rig, &f), RIG_SELF);
	/* Services go first. */
	rig_service(&rig, RIG_ALIAS, IPPROTO_UDP, FIRST + 100, 1, t);
	rig_udp(&rig, &f, "10.1.0.101", PORT, RIG_ALIAS, FIRST + 100);
	ck_assert_int_eq(rig_where(&rig, &f), 3);
	/* A member that died has no answers coming. */
	rig_paths(&rig, 2, 0);
	ck_assert_int_eq(answer(FIRST + 100, F_ACK), -1);
	s.n = 0;
	datapath_set_shares(rig.dp, &s);
	ck_assert_int_eq(answer(FIRST + 399, F_ACK), -1);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, nolocal);
	tcase_add_test(tc, nolocal_for_ip6_sockets);
	tcase_add_test(tc, noalias);
	tcase_add_test(tc, closed_ports_outlive_the_daemon);
	tcase_add_test(tc, out_tcp);
	tcase_add_test(tc, out_same_port_to_many_servers);
	tcase_add_test(tc, out_ip6_socket);
	tcase_add_test(tc, out_udp);
	tcase_add_test(tc, out_no_more);
	tcase_add_test(tc, answers_find_the_share);
}

int
main(void)
{
	static const struct suite suite = { .name = "port", .add = add_tests, .setup = setup,
		.teardown = teardown, .timeout = 60 };

	rig_isolate();
	return suite_run(&suite);
}
