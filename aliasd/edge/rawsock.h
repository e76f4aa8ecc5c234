/* SPDX-License-Identifier: ISC */
/* Frames sent and ARP heard through AF_PACKET. */
#ifndef CLUA_ALIASD_RAWSOCK_H
#define CLUA_ALIASD_RAWSOCK_H

#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct rawsock;

/* on_arp: every ARP frame that comes in, on any interface. NULL and errno on failure; logged. */
struct rawsock *rawsock_open(struct ev_loop *,
    void (*on_arp)(uint32_t ifindex, const uint8_t *frame, size_t len, void *arg), void *arg);
void rawsock_close(struct rawsock *);
void rawsock_poll(struct rawsock *); /* calls on_arp for what is waiting */
/* Never waits: 0, or -1 and errno when the interface cannot take it. */
int rawsock_send(struct rawsock *, uint32_t ifindex, const uint8_t *frame, size_t len);

#endif
