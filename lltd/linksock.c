/* SPDX-License-Identifier: ISC */
#include "lltd/linksock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lltd/linksock_priv.h"

#define RCVBUF (16 * 1024 * 1024)
#define SNDBUF (4 * 1024 * 1024)

struct name {
	_Alignas(8) uint8_t bytes[LINKSOCK_NAME];
};

/* The slots of both directions are reused for ever; nothing is allocated for a frame. */
struct linksock {
	int fd;
	const struct linksock_ops *ops;
	void *priv;
	unsigned queued;
	uint64_t errors;
	struct mmsghdr in[LINKSOCK_BATCH], out[LINKSOCK_BATCH];
	struct iovec in_vec[LINKSOCK_BATCH], out_vec[LINKSOCK_BATCH];
	struct name from[LINKSOCK_BATCH], to[LINKSOCK_BATCH];
	uint8_t in_buf[LINKSOCK_BATCH][LINKSOCK_SLOT], out_buf[LINKSOCK_BATCH][LINKSOCK_SLOT];
};

void
linksock_set_buffers(int fd)
{
	int rcv = RCVBUF, snd = SNDBUF;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcv, sizeof(rcv)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcv, sizeof(rcv));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &snd, sizeof(snd)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &snd, sizeof(snd));
}

/* errno says why: it stays as it is. */
static int
give_up(int fd)
{
	int e = errno;

	if (fd != -1)
		close(fd);
	errno = e;
	return -1;
}

int
linksock_bind(int fd, const void *name, socklen_t namelen)
{
	return bind(fd, name, namelen) == 0 ? fd : give_up(fd);
}

struct linksock *
linksock_new(int fd, const struct linksock_ops *ops, void *priv)
{
	struct linksock *s = fd == -1 ? NULL : calloc(1, sizeof(*s));

	if (s == NULL) {
		give_up(fd);
		ops->free(priv);
		return NULL;
	}
	s->fd = fd;
	s->ops = ops;
	s->priv = priv;
	for (unsigned i = 0; i < LINKSOCK_BATCH; i++) {
		s->in_vec[i].iov_base = s->in_buf[i];
		s->in_vec[i].iov_len = LINKSOCK_SLOT;
		s->in[i].msg_hdr.msg_iov = &s->in_vec[i];
		s->in[i].msg_hdr.msg_iovlen = 1;
		s->out_vec[i].iov_base = s->out_buf[i];
		s->out[i].msg_hdr.msg_iov = &s->out_vec[i];
		s->out[i].msg_hdr.msg_iovlen = 1;
	}
	return s;
}

void
linksock_close(struct linksock *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	s->ops->free(s->priv);
	free(s);
}

int
linksock_fd(const struct linksock *s)
{
	return s->fd;
}

void *
linksock_priv(const struct linksock *s)
{
	return s->priv;
}

static int
receive(struct linksock *s, unsigned max)
{
	unsigned n = max < LINKSOCK_BATCH ? max : LINKSOCK_BATCH;

	for (unsigned i = 0; i < n; i++) {
		s->in[i].msg_hdr.msg_name = s->from[i].bytes;
		s->in[i].msg_hdr.msg_namelen = LINKSOCK_NAME;
	}
	return recvmmsg(s->fd, s->in, n, MSG_DONTWAIT | MSG_TRUNC, NULL);
}

/* A frame longer than the slot is passed on cut: whoever decodes it finds out. */
static void
pass_on(struct linksock *s, unsigned i, linksock_frame *fn, void *arg)
{
	size_t head = s->ops->head, len = s->in[i].msg_len;
	uint8_t src[LLT_ADDR_LEN];
	bool for_us = true;

	if (len > LINKSOCK_SLOT)
		len = LINKSOCK_SLOT;
	if (len < head)
		return;
	s->ops->source(s, s->from[i].bytes, s->in_buf[i], src, &for_us);
	fn(arg, src, for_us, s->in_buf[i] + head, len - head);
}

unsigned
linksock_read(struct linksock *s, unsigned max, linksock_frame *fn, void *arg)
{
	unsigned total = 0;

	while (total < max) {
		int n = receive(s, max - total);

		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			pass_on(s, (unsigned)i, fn, arg);
		total += (unsigned)n;
		if (n < LINKSOCK_BATCH)
			break;
	}
	return total;
}

void
linksock_queue(struct linksock *s, const void *name, size_t namelen, const uint8_t *head,
    const uint8_t *frame, size_t len)
{
	size_t headlen = s->ops->head;
	struct msghdr *m = &s->out[s->queued].msg_hdr;
	uint8_t *p = s->out_buf[s->queued];

	if (len > LINKSOCK_SLOT - headlen || namelen > LINKSOCK_NAME)
		return;
	m->msg_name = name == NULL ? NULL : memcpy(s->to[s->queued].bytes, name, namelen);
	m->msg_namelen = (socklen_t)namelen;
	if (headlen != 0)
		memcpy(p, head, headlen);
	memcpy(p + headlen, frame, len);
	s->out_vec[s->queued].iov_len = headlen + len;
	if (++s->queued == LINKSOCK_BATCH)
		linksock_flush(s);
}

void
linksock_send(struct linksock *s, const uint8_t dst[LLT_ADDR_LEN], const uint8_t *frame, size_t len)
{
	s->ops->send(s, dst, frame, len);
}

void
linksock_flush(struct linksock *s)
{
	unsigned done = 0;

	/* What the kernel does not take is lost, as it could be on the wire: others send again. */
	while (done < s->queued) {
		int n = sendmmsg(s->fd, s->out + done, s->queued - done, MSG_DONTWAIT);

		if (n <= 0) {
			s->errors++;
			n = 1;
		}
		done += (unsigned)n;
	}
	s->queued = 0;
}

uint64_t
linksock_send_errors(const struct linksock *s)
{
	return s->errors;
}
