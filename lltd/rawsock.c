/* SPDX-License-Identifier: ISC */
#include "lltd/rawsock.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "lltd/linksock_priv.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

_Static_assert(sizeof(struct sockaddr_ll) <= LINKSOCK_NAME, "names fit");

/* What stands before every frame that we send, but for the destination. */
struct rawsock {
	uint8_t head[ETH_HLEN];
};

static void
source(const struct linksock *s, const void *name, const uint8_t *buf, uint8_t src[LLT_ADDR_LEN],
    bool *for_us)
{
	const struct sockaddr_ll *sll = name;

	memcpy(src, buf + ETH_ALEN, ETH_ALEN);
	*for_us = sll->sll_pkttype == PACKET_HOST || sll->sll_pkttype == PACKET_BROADCAST;
}

static void
send_to(struct linksock *s, const uint8_t *dst, const uint8_t *frame, size_t len)
{
	struct rawsock *r = linksock_priv(s);

	memcpy(r->head, dst, ETH_ALEN);
	linksock_queue(s, NULL, 0, r->head, frame, len);
}

static const struct linksock_ops ops = { ETH_HLEN, source, send_to, free };

static int
open_socket(uint32_t ifindex, uint16_t ethertype)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(ethertype),
		.sll_ifindex = (int)ifindex };
	/* Protocol 0: nothing arrives before the bind, which says from where. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd == -1)
		return -1;
	linksock_set_buffers(fd);
	(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	return linksock_bind(fd, &sll, sizeof(sll));
}

struct linksock *
rawsock_open(uint32_t ifindex, uint16_t ethertype, const uint8_t mac[6])
{
	struct rawsock *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	memcpy(r->head + ETH_ALEN, mac, ETH_ALEN);
	wire_put_u16(r->head + 2 * ETH_ALEN, ethertype);
	return linksock_new(open_socket(ifindex, ethertype), &ops, r);
}
