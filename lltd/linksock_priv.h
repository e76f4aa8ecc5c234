/* SPDX-License-Identifier: ISC */
/* Inside linksock: what each kind of link does its own way. */
#ifndef CLUA_LLTD_LINKSOCK_PRIV_H
#define CLUA_LLTD_LINKSOCK_PRIV_H

#include <net/ethernet.h>
#include <sys/socket.h>

#include "lltd/linksock.h"
#include "proto/llt_frame.h"

#define LINKSOCK_BATCH 64
#define LINKSOCK_SLOT (ETH_HLEN + LLT_FRAME_MAX + 32)
#define LINKSOCK_NAME 32 /* bytes of a socket address of either kind */

struct linksock_ops {
	size_t head; /* bytes before the frame that the socket gives and takes */
	/* From whom is it, with its head at buf? Sets for_us. */
	void (*source)(const struct linksock *, const void *name, const uint8_t *buf,
	    uint8_t src[LLT_ADDR_LEN], bool *for_us);
	/* Queues a frame, by linksock_queue(), once for each that shall have it. */
	void (*send)(struct linksock *, const uint8_t *dst, const uint8_t *frame, size_t len);
	void (*free)(void *priv);
};

/* The socket, bound to a name, or -1 and errno after closing it. */
int linksock_bind(int fd, const void *name, socklen_t namelen);
/*
 * Takes the socket over, and priv for ops->free(), also when it fails: NULL and errno. fd may be -1: making
 * it failed, and errno says how.
 */
struct linksock *linksock_new(int fd, const struct linksock_ops *, void *priv);
void *linksock_priv(const struct linksock *);
/* Room for large queues; without privilege the system's limits apply. */
void linksock_set_buffers(int fd);
/* name may be NULL. head and name are copied, and the frame behind the head. */
void linksock_queue(struct linksock *, const void *name, size_t namelen, const uint8_t *head,
    const uint8_t *frame, size_t len);

#endif
