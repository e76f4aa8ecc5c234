/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/rawsock.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aliasd/core/map.h"
#include "common/ev.h"
#include "common/log.h"

#define READS_A_TURN 64

struct rawsock {
	int out, in;
	struct ev_io *io;
	void (*on_arp)(uint32_t, const uint8_t *, size_t, void *);
	void *arg;
};

static void
arp_read(int fd, void *arg)
{
	struct rawsock *rs = arg;
	struct sockaddr_ll from;
	uint8_t buf[256];
	int i;

	for (i = 0; i < READS_A_TURN; i++) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

		if (n <= 0)
			return;
		if (from.sll_pkttype != PACKET_OUTGOING)
			rs->on_arp((uint32_t)from.sll_ifindex, buf, (size_t)n, rs->arg);
	}
}

struct rawsock *
rawsock_open(struct ev_loop *loop,
    void (*on_arp)(uint32_t ifindex, const uint8_t *frame, size_t len, void *arg), void *arg)
{
	struct rawsock *rs = mem_zalloc(sizeof(*rs));

	rs->on_arp = on_arp;
	rs->arg = arg;
	rs->out = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rs->in = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
	if (rs->out < 0 || rs->in < 0) {
		log_warn("arp", "cannot open a packet socket");
		rawsock_close(rs);
		return NULL;
	}
	rs->io = ev_io_new(loop, rs->in, arp_read, NULL, rs);
	return rs;
}

void
rawsock_close(struct rawsock *rs)
{
	if (rs == NULL)
		return;
	ev_io_free(rs->io);
	if (rs->out >= 0)
		close(rs->out);
	if (rs->in >= 0)
		close(rs->in);
	free(rs);
}

void
rawsock_poll(struct rawsock *rs)
{
	if (rs != NULL)
		arp_read(rs->in, rs);
}

int
rawsock_send(struct rawsock *rs, uint32_t ifindex, const uint8_t *frame, size_t len)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex, .sll_halen = 6 };

	if (len >= 6)
		memcpy(to.sll_addr, frame, 6);
	return sendto(rs->out, frame, len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) < 0 ? -1 : 0;
}
