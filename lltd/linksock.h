/* SPDX-License-Identifier: ISC */
/*
 * The socket of a link, whatever its kind: frames in and out, many with one system call. How it is
 * opened, and what stands before a frame, is in rawsock.c for Ethernet and in udpsock.c for UDP.
 */
#ifndef CLUA_LLTD_LINKSOCK_H
#define CLUA_LLTD_LINKSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/llt_addr.h"

struct linksock;

/* A frame without the header of the link. for_us: sent to our address, or to all. */
typedef void linksock_frame(
    void *arg, const uint8_t *src, bool for_us, const uint8_t *frame, size_t len);

void linksock_close(struct linksock *);
int linksock_fd(const struct linksock *);
/* Reads what is there, at most max frames; returns how many there were. */
unsigned linksock_read(struct linksock *, unsigned max, linksock_frame *, void *arg);
/* Queues a frame for linksock_flush(); sends by itself when the queue is full. */
void linksock_send(struct linksock *, const uint8_t dst[LLT_ADDR_LEN], const uint8_t *frame, size_t len);
void linksock_flush(struct linksock *);
/* Frames the kernel would not take, since the start. */
uint64_t linksock_send_errors(const struct linksock *);

#endif
