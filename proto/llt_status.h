/* SPDX-License-Identifier: ISC */
/* Status requests to lltd, by lltstat and its like, and their rows. Decoders as in llt_ctl.h. */
#ifndef CLUA_PROTO_LLT_STATUS_H
#define CLUA_PROTO_LLT_STATUS_H

#include "proto/llt_ctl.h"

enum llt_status_type {
	/* Requests, all empty */
	LLT_GET_NODES = 0x0110,    /* LLT_EV_SELF, LLT_EV_NODE …, LLT_EV_LINK … */
	LLT_GET_COUNTERS = 0x0111, /* LLT_ROW_COUNTER … */
	LLT_GET_LINKS = 0x0112,    /* LLT_ROW_LINK … */
	LLT_GET_PORTS = 0x0113,    /* LLT_ROW_PORT … */
	LLT_GET_CONFIG = 0x0114,   /* LLT_ROW_SETTING … */

	LLT_ROW_COUNTER = 0x01a0,
	LLT_ROW_LINK = 0x01a1,
	LLT_ROW_PORT = 0x01a2,
	LLT_ROW_SETTING = 0x01a3,
};

struct llt_row_counter {
	char key[32];
	char text[48];
	uint8_t error; /* counts something dropped */
	uint64_t value;
};

struct llt_row_link {
	uint8_t link;
	char ifname[LLT_IFNAME_MAX];
	uint8_t prio;
	uint8_t carrier;
	uint8_t kind;       /* enum llt_link_kind */
	uint16_t ethertype; /* 0 on a UDP link */
	uint32_t mtu;
	uint32_t burst;
	uint8_t addr[LLT_ADDR_LEN];
	uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
	uint64_t hb_late, hb_lost;
};

struct llt_row_port {
	uint8_t port;
	uint32_t pid; /* of its owner; 0 = nobody has it open */
	char usage[32];
	uint16_t npeers; /* nodes with which something went through it */
	uint16_t peers[LLT_MAX_NODES];
};

struct llt_row_setting {
	char key[32];
	char value[256];
};

void llt_row_counter_encode(struct wire_wr *, const struct llt_row_counter *);
bool llt_row_counter_decode(const uint8_t *, size_t, struct llt_row_counter *);
void llt_row_link_encode(struct wire_wr *, const struct llt_row_link *);
bool llt_row_link_decode(const uint8_t *, size_t, struct llt_row_link *);
void llt_row_port_encode(struct wire_wr *, const struct llt_row_port *);
bool llt_row_port_decode(const uint8_t *, size_t, struct llt_row_port *);
void llt_row_setting_encode(struct wire_wr *, const struct llt_row_setting *);
bool llt_row_setting_decode(const uint8_t *, size_t, struct llt_row_setting *);

#endif
