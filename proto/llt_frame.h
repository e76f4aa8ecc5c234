/* SPDX-License-Identifier: ISC */
/*
 * What lltd puts on a link, after the Ethernet or UDP header. Big-endian.
 *
 *   0  u8 version, u8 min_version, u8 type, u8 flags        the first 16 bytes are frozen: every
 *   4  u16 cluster, u16 source node, u16 destination node   later version can read them
 *  10  u8 link of the sender, u8 zero, u16 body length, u16 session tag
 *  16  u64 sequence number
 *  24  u64 incarnation of the sender: only PROBE, ANSWER, HELLO
 *      sealed body, then a tag of 16 bytes
 *
 * Everything before the body is authenticated with it. Frames without the flag LLT_FF_SEALED have
 * a plain body and a tag of zeros. Bodies are so long that Ethernet never has to pad a frame.
 */
#ifndef CLUA_PROTO_LLT_FRAME_H
#define CLUA_PROTO_LLT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/llthosts.h"
#include "common/wire.h"
#include "proto/llt_addr.h"

#define LLT_FRAME_VERSION 1
#define LLT_FRAME_HDR 16
#define LLT_FRAME_TAG 16
#define LLT_FRAME_HEAD_SESSION 24 /* header and sequence number */
#define LLT_FRAME_HEAD_CLUSTER 32 /* and the incarnation */
#define LLT_FRAME_MAX 9216        /* longest frame, without the header of the link */
#define LLT_BROADCAST 0xffff
#define LLT_CHALLENGE 16
#define LLT_DATA_HEAD 12
#define LLT_DGRAM_HEAD 8
/*
 * In ns. What is marked as patient is acknowledged when half of this has passed, or with something else that is
 * sent. Its sender takes it for lost later by as much, unless somebody is waiting behind it.
 */
#define LLT_PATIENCE 40000000ull
#define LLT_ACK_WORDS 8 /* 512 sequence numbers after the first missing one */

enum llt_frame_type {
	LLT_F_PROBE = 1, /* sealed with the cluster's key from here … */
	LLT_F_ANSWER = 2,
	LLT_F_HELLO = 3,
	LLT_F_HEARTBEAT = 4, /* … with the session's from here */
	LLT_F_DATA = 5,
	LLT_F_ACK = 6,
	LLT_F_DGRAM = 7,
	LLT_F_LAST = LLT_F_DGRAM,
};

enum llt_frame_flags { LLT_FF_SEALED = 0x01 };

enum llt_frame_error {
	LLT_FRAME_OK,
	LLT_FRAME_TRUNCATED,
	LLT_FRAME_MALFORMED,
	LLT_FRAME_VERSION_UNKNOWN,
};

struct llt_frame {
	uint8_t type;
	uint8_t flags;
	uint16_t cluster;
	uint16_t src;
	uint16_t dst;
	uint8_t link;
	uint16_t session; /* 0 in frames under the cluster's key */
	uint64_t seq;
	uint64_t incarnation; /* 0 in frames of a session */
	/* Set by the decoder; they point into the frame. */
	size_t headlen;
	const uint8_t *body;
	size_t bodylen;
	const uint8_t *tag;
};

bool llt_frame_is_cluster(uint8_t type);
/* Bytes before the body. */
size_t llt_frame_headlen(uint8_t type);
enum llt_frame_error llt_frame_decode(const uint8_t *buf, size_t len, struct llt_frame *);
/* Writes the head into buf, which has room for it; returns its length. */
size_t llt_frame_head_encode(uint8_t *buf, const struct llt_frame *, size_t bodylen);

/* ---- bodies; decoders answer false for anything malformed or with bytes left over ---- */

struct llt_probe {
	char name[LLT_NAME_MAX];
	uint8_t addr[LLT_ADDR_LEN]; /* must be the frame's source address */
};

enum llt_verdict {
	LLT_V_WELCOME,
	LLT_V_DUPLICATE_ID, /* your node id is in use */
	LLT_V_UNKNOWN_NAME, /* your name or id is not so in my llthosts */
	LLT_V_LAST = LLT_V_UNKNOWN_NAME,
};

struct llt_answer {
	uint64_t echo; /* incarnation of whom it answers: proves that it is fresh */
	uint8_t verdict;
	bool starting; /* the answering node is itself in its start check */
	/*
	 * DUPLICATE_ID: where the node is that has the id, on the answering node's link; zeros: it is the
	 * answering node itself.
	 */
	uint8_t holder[LLT_ADDR_LEN];
	char name[LLT_NAME_MAX];
	uint8_t addr[LLT_ADDR_LEN];
};

enum llt_hello_flags {
	LLT_H_NEED = 0x01, /* "I have no session with you: answer" */
	LLT_H_ECHO = 0x02, /* echo holds your challenge */
	LLT_H_ALL = 0x03,
};

struct llt_hello {
	uint8_t flags;
	uint16_t mtu; /* longest frame the sender takes */
	uint8_t addr[LLT_ADDR_LEN];
	uint8_t challenge[LLT_CHALLENGE]; /* zeros in a broadcast */
	uint8_t echo[LLT_CHALLENGE];
	char name[LLT_NAME_MAX];
};

enum llt_heartbeat_flags {
	LLT_HB_BYE = 0x0001,
	LLT_HB_DEAF = 0x0002, /* "I do not hear you on this link": send me no data on it */
	LLT_HB_ALL = 0x0003,
};

struct llt_heartbeat {
	uint32_t seq; /* of this (peer, link), from 1 */
	uint16_t flags;
	uint16_t period_ms; /* until the next one; 0 = not said */
};

enum llt_data_flags {
	LLT_D_FIRST = 0x01,
	LLT_D_LAST = 0x02,
	LLT_D_PATIENT = 0x04, /* "acknowledge it when you speak next, or within LLT_PATIENCE / 2" */
	LLT_D_ALL = 0x07,
};

/* A fragment of a message; also a datagram, which has neither flags nor seq. */
struct llt_data {
	uint8_t port;
	uint8_t flags;
	uint64_t seq; /* of (peer, port), from 1 */
	const uint8_t *data;
	size_t len;
};

struct llt_ack {
	uint8_t port;
	uint16_t nwords;
	uint64_t next; /* everything before it has arrived */
	uint64_t words[LLT_ACK_WORDS]; /* bit i of all: next + 1 + i has arrived */
};

void llt_probe_encode(struct wire_wr *, const struct llt_probe *);
bool llt_probe_decode(const uint8_t *, size_t, struct llt_probe *);
void llt_answer_encode(struct wire_wr *, const struct llt_answer *);
bool llt_answer_decode(const uint8_t *, size_t, struct llt_answer *);
void llt_hello_encode(struct wire_wr *, const struct llt_hello *);
bool llt_hello_decode(const uint8_t *, size_t, struct llt_hello *);
void llt_heartbeat_encode(struct wire_wr *, const struct llt_heartbeat *);
bool llt_heartbeat_decode(const uint8_t *, size_t, struct llt_heartbeat *);
void llt_data_encode(struct wire_wr *, const struct llt_data *);
bool llt_data_decode(const uint8_t *, size_t, struct llt_data *);
void llt_dgram_encode(struct wire_wr *, const struct llt_data *);
bool llt_dgram_decode(const uint8_t *, size_t, struct llt_data *);
void llt_ack_encode(struct wire_wr *, const struct llt_ack *);
bool llt_ack_decode(const uint8_t *, size_t, struct llt_ack *);

#endif
