/* SPDX-License-Identifier: ISC */
/*
 * echod -n NAME [-t PORT]… [-u PORT]… [-s PORT]… [-o PORT]… [-6 PORT]… [-c PORT]…
 *
 * Answers each line on TCP, and each UDP datagram, with "NAME " before it. The simplest possible server:
 * all sockets are bound to any address, UDP answers go out by plain sendto(). Lines of net_data.h are
 * checked and answered with other contents; to a wrong one it says "NAME wrong" and closes. Datagrams to
 * the port of -c are only counted; how many there were is the last line printed. For each answer from the
 * port of -s the socket is connected, and is not any more after that; from the port of -o each client is
 * answered by another socket, bound to the same port and connected to it. -6: as -o with IPv6 sockets.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/net/net.h"
#include "tests/net/net_data.h"

enum kind { LISTENER, DATAGRAMS, SAME, OTHER, PEER, COUNTED, CONNECTION };

struct endpoint {
	LIST_ENTRY(endpoint) next;
	enum kind kind;
	int fd;
	uint16_t port; /* of OTHER */
	bool ip6;
	struct net_data data;
	size_t len; /* of the beginning of a line in buf */
	char buf[NET_LINE_MAX];
};

struct echod {
	LIST_HEAD(, endpoint) endpoints;
	int epoll;
	unsigned long long counted;
	const char *name;
	size_t name_len;
};

static struct endpoint *
endpoint_add(struct echod *e, enum kind kind, int fd)
{
	struct endpoint *ep = calloc(1, sizeof(*ep));

	if (ep == NULL)
		err(1, "calloc");
	ep->kind = kind;
	ep->fd = fd;
	LIST_INSERT_HEAD(&e->endpoints, ep, next);
	net_watch(e->epoll, fd, EPOLLIN, (uint64_t)(uintptr_t)ep);
	return ep;
}

static void
endpoint_close(struct endpoint *ep)
{
	LIST_REMOVE(ep, next);
	close(ep->fd);
	free(ep);
}

static void
accept_all(struct echod *e, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		endpoint_add(e, CONNECTION, fd);
}

static void
answer_datagrams(struct echod *e, int fd)
{
	char buf[NET_OWNER_MAX + 1 + 2048];
	struct sockaddr_in from;

	memcpy(buf, e->name, e->name_len);
	buf[e->name_len] = ' ';
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(
		    fd, buf + e->name_len + 1, 2048, 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		sendto(fd, buf, e->name_len + 1 + (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

/* One to buf, after the name; the length of all, or -1. */
static ssize_t
take_datagram(struct echod *e, int fd, char *buf, struct sockaddr_storage *from, socklen_t *len)
{
	ssize_t n;

	memcpy(buf, e->name, e->name_len);
	buf[e->name_len] = ' ';
	*len = sizeof(*from);
	n = recvfrom(fd, buf + e->name_len + 1, 2048, 0, (struct sockaddr *)from, len);
	return n < 0 ? -1 : (ssize_t)e->name_len + 1 + n;
}

static void
answer_connected(struct echod *e, int fd)
{
	static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	char buf[NET_OWNER_MAX + 1 + 2048];
	struct sockaddr_storage from;
	socklen_t len;
	ssize_t n;

	while ((n = take_datagram(e, fd, buf, &from, &len)) >= 0) {
		if (connect(fd, (struct sockaddr *)&from, len) < 0)
			err(1, "connect");
		send(fd, buf, (size_t)n, 0);
		if (connect(fd, &nobody, sizeof(nobody)) < 0)
			err(1, "connect to nobody");
	}
}

static int
bind_again(uint16_t port, bool ip6)
{
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(ip6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, ip6 ? (struct sockaddr *)&any6 : (struct sockaddr *)&any,
	        ip6 ? sizeof(any6) : sizeof(any)) < 0)
		err(1, "bind");
	return fd;
}

static void
add_other(struct echod *e, const char *port, bool ip6)
{
	uint16_t number = (uint16_t)net_number(port, 65535);
	struct endpoint *ep = endpoint_add(e, OTHER, bind_again(number, ip6));

	ep->port = number;
	ep->ip6 = ip6;
}

static void
answer_by_another(struct echod *e, const struct endpoint *ep)
{
	char buf[NET_OWNER_MAX + 1 + 2048];
	struct sockaddr_storage from;
	socklen_t len;
	ssize_t n;
	int fd;

	while ((n = take_datagram(e, ep->fd, buf, &from, &len)) >= 0) {
		fd = bind_again(ep->port, ep->ip6);
		if (connect(fd, (struct sockaddr *)&from, len) < 0)
			err(1, "connect");
		send(fd, buf, (size_t)n, 0);
		endpoint_add(e, PEER, fd);
	}
}

static void
answer_peer(struct echod *e, int fd)
{
	char buf[NET_OWNER_MAX + 1 + 2048];
	struct sockaddr_storage from;
	socklen_t len;
	ssize_t n;

	while ((n = take_datagram(e, fd, buf, &from, &len)) >= 0)
		send(fd, buf, (size_t)n, 0);
}

static void
count_datagrams(struct echod *e, int fd)
{
	char buf[1];

	while (recv(fd, buf, sizeof(buf), 0) >= 0)
		e->counted++;
}

/* False when the client does not read its answers: echod is no place to queue them; or sent wrong data. */
static bool
answer_line(struct echod *e, struct endpoint *ep, const char *line, size_t len)
{
	char out[NET_OWNER_MAX + 1 + NET_LINE_MAX], *text = out + e->name_len + 1;
	bool data = net_data_is(line, len);
	size_t n = data ? net_data_answer(&ep->data, line, len, text) : len;
	bool wrong = n == 0;

	memcpy(out, e->name, e->name_len);
	out[e->name_len] = ' ';
	if (wrong)
		n = (size_t)snprintf(text, NET_LINE_MAX, "wrong\n");
	else if (!data)
		memcpy(text, line, len);
	n += e->name_len + 1;
	return send(ep->fd, out, n, MSG_NOSIGNAL) == (ssize_t)n && !wrong;
}

static bool
answer_lines(struct echod *e, struct endpoint *ep)
{
	char *line = ep->buf, *end;

	while ((end = memchr(line, '\n', ep->len)) != NULL) {
		size_t n = (size_t)(end - line) + 1;
		if (!answer_line(e, ep, line, n))
			return false;
		line += n;
		ep->len -= n;
	}
	memmove(ep->buf, line, ep->len);
	return ep->len < sizeof(ep->buf);
}

static bool
serve(struct echod *e, struct endpoint *ep)
{
	ssize_t n = recv(ep->fd, ep->buf + ep->len, sizeof(ep->buf) - ep->len, 0);

	if (n < 0)
		return errno == EAGAIN;
	if (n == 0)
		return false;
	ep->len += (size_t)n;
	return answer_lines(e, ep);
}

static void
dispatch(struct echod *e, struct endpoint *ep)
{
	if (ep->kind == LISTENER)
		accept_all(e, ep->fd);
	else if (ep->kind == DATAGRAMS)
		answer_datagrams(e, ep->fd);
	else if (ep->kind == SAME)
		answer_connected(e, ep->fd);
	else if (ep->kind == OTHER)
		answer_by_another(e, ep);
	else if (ep->kind == PEER)
		answer_peer(e, ep->fd);
	else if (ep->kind == COUNTED)
		count_datagrams(e, ep->fd);
	else if (!serve(e, ep))
		endpoint_close(ep);
}

static void
usage(void)
{
	errx(2, "usage: echod -n NAME [-t PORT]… [-u PORT]… [-s PORT]… [-o PORT]… [-6 PORT]… [-c PORT]…");
}

static void
parse(struct echod *e, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "6:c:n:o:s:t:u:")) != -1) {
		if (opt == 'n')
			e->name = optarg;
		else if (opt == 't')
			endpoint_add(e, LISTENER, net_tcp_listen((uint16_t)net_number(optarg, 65535)));
		else if (opt == 'u')
			endpoint_add(e, DATAGRAMS, net_udp_bind((uint16_t)net_number(optarg, 65535)));
		else if (opt == 's')
			endpoint_add(e, SAME, net_udp_bind((uint16_t)net_number(optarg, 65535)));
		else if (opt == 'o' || opt == '6')
			add_other(e, optarg, opt == '6');
		else if (opt == 'c')
			endpoint_add(e, COUNTED, net_udp_bind((uint16_t)net_number(optarg, 65535)));
		else
			usage();
	}
	if (e->name == NULL || strlen(e->name) >= NET_OWNER_MAX)
		usage();
	e->name_len = strlen(e->name);
}

int
main(int argc, char **argv)
{
	struct echod e = {.epoll = net_epoll()};
	struct epoll_event events[64];

	net_raise_limits();
	net_catch_signals();
	parse(&e, argc, argv);
	puts("ready");
	fflush(stdout);
	while (!net_stopped()) {
		int n = net_wait(e.epoll, events, 64, UINT64_MAX / 2);
		for (int i = 0; i < n; i++)
			dispatch(&e, (struct endpoint *)(uintptr_t)events[i].data.u64);
	}
	while (!LIST_EMPTY(&e.endpoints))
		endpoint_close(LIST_FIRST(&e.endpoints));
	close(e.epoll);
	printf("%llu\n", e.counted);
	return 0;
}
