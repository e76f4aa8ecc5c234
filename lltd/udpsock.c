/* SPDX-License-Identifier: ISC */
#include "lltd/udpsock.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lltd/linksock_priv.h"

_Static_assert(sizeof(struct sockaddr_in) <= LINKSOCK_NAME, "names fit");

struct udpsock {
	bool listed_only;
	size_t npeers;
	uint8_t peer[][LLT_ADDR_LEN];
};

static struct sockaddr_in
name_of(const uint8_t addr[LLT_ADDR_LEN])
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	llt_addr_udp_get(addr, &sin.sin_addr, &sin.sin_port);
	return sin;
}

static void
source(const struct linksock *s, const void *name, const uint8_t *buf, uint8_t src[LLT_ADDR_LEN],
    bool *for_us)
{
	const struct sockaddr_in *sin = name;
	const struct udpsock *u = linksock_priv(s);

	llt_addr_udp(src, &sin->sin_addr, sin->sin_port);
	*for_us = !u->listed_only;
	for (size_t i = 0; i < u->npeers && !*for_us; i++)
		*for_us = memcmp(u->peer[i], src, LLT_ADDR_LEN) == 0;
}

static void
send_one(struct linksock *s, const uint8_t *dst, const uint8_t *frame, size_t len)
{
	struct sockaddr_in sin = name_of(dst);

	linksock_queue(s, &sin, sizeof(sin), NULL, frame, len);
}

static void
send_to(struct linksock *s, const uint8_t *dst, const uint8_t *frame, size_t len)
{
	const struct udpsock *u = linksock_priv(s);

	if (memcmp(dst, llt_addr_all, LLT_ADDR_LEN) != 0)
		send_one(s, dst, frame, len);
	else
		for (size_t i = 0; i < u->npeers; i++)
			send_one(s, u->peer[i], frame, len);
}

static const struct linksock_ops ops = { 0, source, send_to, free };

/*
 * Not to be fragmented by routers: the kernel learns how long a packet may be, and cuts those that are
 * longer itself, so that a way that became narrower does not stop a session.
 */
static void
set_options(int fd)
{
	int pmtu = IP_PMTUDISC_WANT, tos = IPTOS_CLASS_CS6;

	linksock_set_buffers(fd);
	(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &pmtu, sizeof(pmtu));
	(void)setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)); /* heartbeats first */
}

static int
open_socket(const uint8_t addr[LLT_ADDR_LEN])
{
	struct sockaddr_in sin = name_of(addr);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	set_options(fd);
	return linksock_bind(fd, &sin, sizeof(sin));
}

struct linksock *
udpsock_open(const uint8_t addr[LLT_ADDR_LEN], const uint8_t (*peers)[LLT_ADDR_LEN], size_t npeers,
    bool listed_only)
{
	struct udpsock *u = calloc(1, sizeof(*u) + npeers * LLT_ADDR_LEN);

	if (u == NULL)
		return NULL;
	u->listed_only = listed_only;
	u->npeers = npeers;
	if (npeers != 0)
		memcpy(u->peer, peers, npeers * LLT_ADDR_LEN);
	return linksock_new(open_socket(addr), &ops, u);
}

size_t
udpsock_path_mtu(const uint8_t addr[LLT_ADDR_LEN], const uint8_t to[LLT_ADDR_LEN])
{
	struct sockaddr_in from = name_of(addr), sin = name_of(to);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), mtu = 0;
	socklen_t len = sizeof(mtu);

	if (fd == -1)
		return 0;
	from.sin_port = 0;
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) == -1 ||
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &len) == -1)
		mtu = 0;
	close(fd);
	return mtu > 0 ? (size_t)mtu : 0;
}
