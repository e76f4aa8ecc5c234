/* SPDX-License-Identifier: ISC */
/* IPv4 packets that are too large for the way to a member. Frames are whole Ethernet frames. Pure. */
#ifndef CLUA_ALIASD_CORE_SPLIT_H
#define CLUA_ALIASD_CORE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPLIT_NOTICE_MAX 110 /* headers of Ethernet, IP, ICMP, and a longest IP header with 8 bytes more */
#define SPLIT_FRAME_MAX 65552

/* Its sender lets routers take it apart. */
bool split_allowed(const uint8_t *frame, size_t len);
/*
 * "Fragmentation needed" (RFC 1191) to where the frame came from, which may be its first bytes, as from its
 * addressee: the host that clients speak with. The length, or 0 if it must not be answered (RFC 1122, 3.2.2).
 */
size_t split_notice(
    uint8_t out[SPLIT_NOTICE_MAX], const uint8_t *frame, size_t len, uint16_t limit);
/*
 * Calls send with each piece; the frame is overwritten. limit: bytes of the largest IP packet. segment:
 * payload of each of the packets that an aggregate is made of, 0: it is none. Checksums that were left to
 * a device are filled in. The number of pieces, 0 if it is no whole IP packet.
 */
size_t split_frame(uint8_t *frame, size_t len, uint16_t limit, uint16_t segment,
    void (*send)(const uint8_t *frame, size_t len, void *arg), void *arg);

#endif
