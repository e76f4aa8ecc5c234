/* SPDX-License-Identifier: ISC */
/* One Ethernet interface as a link: frames of one EtherType in and out, many with one system call. */
#ifndef CLUA_LLTD_RAWSOCK_H
#define CLUA_LLTD_RAWSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rawsock;

/* A frame without its Ethernet header. for_us: sent to our address, or to all. */
typedef void rawsock_frame(
    void *arg, const uint8_t *src, bool for_us, const uint8_t *frame, size_t len);

/* ethertype in host byte order. NULL and errno on failure. */
struct rawsock *rawsock_open(uint32_t ifindex, uint16_t ethertype, const uint8_t mac[6]);
void rawsock_close(struct rawsock *);
int rawsock_fd(const struct rawsock *);
/* Reads what is there, at most max frames; returns how many there were. */
unsigned rawsock_read(struct rawsock *, unsigned max, rawsock_frame *, void *arg);
/* Queues a frame for rawsock_flush(); sends by itself when the queue is full. */
void rawsock_send(struct rawsock *, const uint8_t *dst, const uint8_t *frame, size_t len);
void rawsock_flush(struct rawsock *);
/* Frames the kernel would not take, since the start. */
uint64_t rawsock_send_errors(const struct rawsock *);

#endif
