/* SPDX-License-Identifier: ISC */
/* The kernel's sockets, in a network namespace of its own: needs root. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aliasd/edge/diag.h"
#include "tests/unit/unit.h"

static struct diag *diag;
static struct sockaddr_in server;
static int listener, client, served;
static struct alias_conn conn;

static void
loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

static void
listening(void)
{
	socklen_t len = sizeof(server);

	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	loopback_up();
	server = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&server, sizeof(server)), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&server, &len), 0);
	diag = diag_open();
	ck_assert_ptr_nonnull(diag);
}

static void
connected(void)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);

	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&server, sizeof(server)), 0);
	served = accept(listener, (struct sockaddr *)&peer, &len);
	ck_assert_int_ge(served, 0);
	conn = (struct alias_conn){ .client = peer.sin_addr, .alias = server.sin_addr,
		.client_port = peer.sin_port, .port = server.sin_port };
}

static enum alias_verdict
verdict(void)
{
	enum alias_verdict v;

	ck_assert_int_eq(diag_lookup(diag, &conn, &v), 0);
	return v;
}

START_TEST(aborts_this_connection)
{
	char c;

	listening();
	connected();
	ck_assert_int_eq(verdict(), ALIAS_MINE);
	ck_assert_int_eq(diag_abort(diag, &conn), 0);
	ck_assert_int_eq(recv(client, &c, 1, 0), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	ck_assert_int_eq(verdict(), ALIAS_NOT_MINE);
}
END_TEST

/* Asked for it the kernel names the socket that listens, with all who wait to be accepted. */
START_TEST(aborts_nothing_else)
{
	struct linger now = { .l_onoff = 1 };

	listening();
	connected();
	ck_assert_int_eq(setsockopt(served, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(served);
	ck_assert_int_eq(verdict(), ALIAS_NOT_MINE);
	ck_assert_int_eq(diag_abort(diag, &conn), -1);
	ck_assert_int_eq(errno, ENOENT);
	connected();
	ck_assert_int_eq(verdict(), ALIAS_MINE);
}
END_TEST

static void
silent(const struct alias_conn *c, uint32_t silent_ms, void *arg)
{
	if (memcmp(c, &conn, sizeof(conn)) == 0)
		*(uint32_t *)arg = silent_ms;
}

static uint32_t
silent_ms(void)
{
	uint32_t ms = UINT32_MAX;

	ck_assert_int_eq(diag_connections(diag, silent, &ms), 0);
	return ms;
}

static void
wait_silent(uint32_t ms)
{
	int i;

	for (i = 0; i < 1000 && silent_ms() < ms; i++)
		poll(NULL, 0, 10);
	ck_assert_uint_ge(silent_ms(), ms);
}

START_TEST(how_long_a_client_is_silent)
{
	uint32_t before;
	char c = 'x';

	listening();
	connected();
	ck_assert_uint_lt(silent_ms(), 60000);
	wait_silent(1000);
	ck_assert_int_eq(send(client, &c, 1, 0), 1);
	before = silent_ms();
	ck_assert_uint_lt(before, 1000);
	wait_silent(before + 100);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { aborts_this_connection, aborts_nothing_else,
		how_long_a_client_is_silent, NULL };

	return unit_run("alias_diag", tests);
}
