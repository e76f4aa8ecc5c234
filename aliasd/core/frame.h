/* SPDX-License-Identifier: ISC */
/* Ethernet frames that aliasd makes itself: gratuitous ARP, and the reset of a lost connection. Pure. */
#ifndef CLUA_ALIASD_FRAME_H
#define CLUA_ALIASD_FRAME_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_ARP_LEN 42
#define FRAME_RST_LEN 54
#define FRAME_MAX 1514

/* "addr is at mac", to everybody, in the form of a request or of a reply. */
void frame_garp(uint8_t out[FRAME_ARP_LEN], const uint8_t mac[6], struct in_addr addr, bool reply);
/* "Who has addr?", to everybody, from mac. src: the asker's address, or 0.0.0.0: that is a probe. */
void frame_arp_request(
    uint8_t out[FRAME_ARP_LEN], const uint8_t mac[6], struct in_addr src, struct in_addr addr);
/* The same as the first of frame_garp() to one host alone: the alias is at mac. From src, which is ours. */
void frame_garp_to(uint8_t out[FRAME_ARP_LEN], const uint8_t src[6], const uint8_t dst[6],
    const uint8_t mac[6], struct in_addr addr);

/* What an ARP frame for IPv4 on Ethernet says; false if it is none. */
struct frame_arp {
	bool request;
	uint8_t eth_dst[6];
	uint8_t sender_mac[6];
	struct in_addr sender, target;
};
bool frame_arp(const uint8_t *frame, size_t len, struct frame_arp *);
/* "What you ask for is at mac", to the one who asked, from src, which is ours. */
void frame_arp_reply(uint8_t out[FRAME_ARP_LEN], const uint8_t src[6], const uint8_t mac[6],
    const struct frame_arp *asked);

/* The same is an answer to one host's question, no announcement. */
bool frame_arp_is_answer(const uint8_t *frame, size_t len);

/* What a TCP segment in an Ethernet frame says; false if the frame holds none that is whole. */
struct frame_tcp {
	uint8_t flags;
	uint32_t seq, ack; /* host order */
	uint32_t seg_len;  /* payload bytes, plus one for SYN and for FIN */
};
#define FRAME_FIN 0x01
#define FRAME_SYN 0x02
#define FRAME_RST 0x04
#define FRAME_ACK 0x10
bool frame_tcp(const uint8_t *frame, size_t len, struct frame_tcp *);

/*
 * Makes a TCP segment that was taken from a packet socket or program fit to be sent as it is: the kernel
 * may have left its checksum to a device, and have put several packets together. What is too much for max
 * bytes is cut off, which to the receiver is as if it was lost. The length, or 0 if it is no segment.
 */
size_t frame_refit(uint8_t *frame, size_t len, size_t max);

/*
 * The answer of a host that knows no such connection (RFC 9293, 3.10.7.1), to where the frame came
 * from. False if the frame must not be answered: it is a reset itself, or no whole TCP segment.
 */
bool frame_rst(uint8_t out[FRAME_RST_LEN], const uint8_t *frame, size_t len);

#endif
