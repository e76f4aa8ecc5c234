/* SPDX-License-Identifier: ISC */
#include "lltd/rawsock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/llt_frame.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define BATCH 64
#define SLOT (ETH_HLEN + LLT_FRAME_MAX + 32)
#define RCVBUF (16 * 1024 * 1024)
#define SNDBUF (4 * 1024 * 1024)

/* The slots of both directions are reused for ever; nothing is allocated for a frame. */
struct rawsock {
	int fd;
	uint16_t ethertype;
	uint8_t mac[6];
	unsigned queued;
	uint64_t errors;
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_vec[BATCH], out_vec[BATCH];
	struct sockaddr_ll from[BATCH];
	uint8_t in_buf[BATCH][SLOT], out_buf[BATCH][SLOT];
};

static void
set_buffers(int fd)
{
	int rcv = RCVBUF, snd = SNDBUF, one = 1;

	/* The forced sizes need privilege; without it the system's limits apply. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcv, sizeof(rcv)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcv, sizeof(rcv));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &snd, sizeof(snd)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &snd, sizeof(snd));
	(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
}

static int
open_socket(uint32_t ifindex, uint16_t ethertype)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(ethertype),
		.sll_ifindex = (int)ifindex };
	/* Protocol 0: nothing arrives before the bind, which says from where. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), e;

	if (fd == -1)
		return -1;
	set_buffers(fd);
	if (bind(fd, (struct sockaddr *)&sll, sizeof(sll)) == 0)
		return fd;
	e = errno;
	close(fd);
	errno = e;
	return -1;
}

static void
prepare(struct rawsock *r)
{
	for (unsigned i = 0; i < BATCH; i++) {
		r->in_vec[i].iov_base = r->in_buf[i];
		r->in_vec[i].iov_len = SLOT;
		r->in[i].msg_hdr.msg_iov = &r->in_vec[i];
		r->in[i].msg_hdr.msg_iovlen = 1;
		r->out_vec[i].iov_base = r->out_buf[i];
		r->out[i].msg_hdr.msg_iov = &r->out_vec[i];
		r->out[i].msg_hdr.msg_iovlen = 1;
	}
}

struct rawsock *
rawsock_open(uint32_t ifindex, uint16_t ethertype, const uint8_t mac[6])
{
	struct rawsock *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->fd = open_socket(ifindex, ethertype);
	if (r->fd == -1) {
		free(r);
		return NULL;
	}
	r->ethertype = ethertype;
	memcpy(r->mac, mac, sizeof(r->mac));
	prepare(r);
	return r;
}

void
rawsock_close(struct rawsock *r)
{
	if (r == NULL)
		return;
	close(r->fd);
	free(r);
}

int
rawsock_fd(const struct rawsock *r)
{
	return r->fd;
}

static int
receive(struct rawsock *r, unsigned max)
{
	unsigned n = max < BATCH ? max : BATCH;

	for (unsigned i = 0; i < n; i++) {
		r->in[i].msg_hdr.msg_name = &r->from[i];
		r->in[i].msg_hdr.msg_namelen = sizeof(r->from[i]);
	}
	return recvmmsg(r->fd, r->in, n, MSG_DONTWAIT | MSG_TRUNC, NULL);
}

unsigned
rawsock_read(struct rawsock *r, unsigned max, rawsock_frame *fn, void *arg)
{
	unsigned total = 0;

	while (total < max) {
		int n = receive(r, max - total);

		if (n <= 0)
			break;
		for (int i = 0; i < n; i++) {
			size_t len = r->in[i].msg_len;
			uint8_t type = r->from[i].sll_pkttype;

			/* A frame longer than the slot is passed on cut: whoever decodes it finds out. */
			if (len > SLOT)
				len = SLOT;
			if (len >= ETH_HLEN)
				fn(arg, r->in_buf[i] + ETH_ALEN, type == PACKET_HOST || type == PACKET_BROADCAST,
				    r->in_buf[i] + ETH_HLEN, len - ETH_HLEN);
		}
		total += (unsigned)n;
		if (n < BATCH)
			break;
	}
	return total;
}

void
rawsock_send(struct rawsock *r, const uint8_t *dst, const uint8_t *frame, size_t len)
{
	uint8_t *p = r->out_buf[r->queued];

	if (len > SLOT - ETH_HLEN)
		return;
	memcpy(p, dst, ETH_ALEN);
	memcpy(p + ETH_ALEN, r->mac, ETH_ALEN);
	wire_put_u16(p + 2 * ETH_ALEN, r->ethertype);
	memcpy(p + ETH_HLEN, frame, len);
	r->out_vec[r->queued].iov_len = ETH_HLEN + len;
	if (++r->queued == BATCH)
		rawsock_flush(r);
}

void
rawsock_flush(struct rawsock *r)
{
	unsigned done = 0;

	/* What the kernel does not take is lost, as it could be on the wire: others send again. */
	while (done < r->queued) {
		int n = sendmmsg(r->fd, r->out + done, r->queued - done, MSG_DONTWAIT);

		if (n <= 0) {
			r->errors++;
			n = 1;
		}
		done += (unsigned)n;
	}
	r->queued = 0;
}

uint64_t
rawsock_send_errors(const struct rawsock *r)
{
	return r->errors;
}
