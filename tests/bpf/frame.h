/* SPDX-License-Identifier: ISC */
/* Frames for tests, built piece by piece. Addresses as text, ports in host order. */
#ifndef CLUA_TESTS_BPF_FRAME_H
#define CLUA_TESTS_BPF_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 4096

struct frame {
	size_t len;
	size_t ip, l4; /* where these start */
	uint8_t b[FRAME_MAX];
};

enum { F_FIN = 1, F_SYN = 2, F_RST = 4, F_PSH = 8, F_ACK = 16 };

void frame_ether(struct frame *, const uint8_t dst[6], const uint8_t src[6], uint16_t type);
/* The tag goes between the addresses and the type. */
void frame_vlan(struct frame *, uint16_t vid);
/* options: bytes of no-operation options, a multiple of 4. Lengths and checksum by frame_finish(). */
void frame_ip(struct frame *, const char *src, const char *dst, uint8_t proto, size_t options);
void frame_fragment(struct frame *, uint16_t id, uint16_t offset, bool more); /* of the IP header */
void frame_tcp(struct frame *, uint16_t sport, uint16_t dport, uint8_t flags, uint32_t seq);
void frame_udp(struct frame *, uint16_t sport, uint16_t dport);
void frame_icmp(struct frame *, uint8_t type, uint8_t code);
void frame_data(struct frame *, size_t n);
void frame_finish(struct frame *);
void frame_arp(struct frame *, uint16_t op, const uint8_t sha[6], const char *spa,
    const uint8_t tha[6], const char *tpa);
uint32_t addr(const char *); /* network order */

#endif
