/* SPDX-License-Identifier: ISC */
/*
 * Control messages of lltd (/run/clua/lltd.sock), in the framing of common/ipc.h.
 * Every structure has an encoder and a decoder; decoders answer false for anything malformed,
 * truncated, out of range or with bytes left over.
 */
#ifndef CLUA_PROTO_LLT_CTL_H
#define CLUA_PROTO_LLT_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/llthosts.h"
#include "common/wire.h"
#include "proto/llt_addr.h"

#define LLT_SOCK RUNDIR "/lltd.sock"
#define LLT_MAX_LINKS 8
#define LLT_MAX_PORTS 32
#define LLT_MAX_MSG 65536 /* bytes of one reliable message */
#define LLT_IFNAME_MAX 16

enum llt_ctl_type {
	/* Requests */
	LLT_SUBSCRIBE = 0x0100, /* empty; the answer is followed by a snapshot, then events */
	LLT_OPEN = 0x0101,      /* u8 port: this connection owns the port until it closes; 0..31 */
	LLT_SEND = 0x0102,      /* struct llt_ctl_send; not answered; needs LLT_OPEN of that port */
	LLT_ALIVE = 0x0103,     /* empty; the answer says that lltd runs */

	/* Events. Snapshot = SELF, all NODEs, all LINKs, SNAPSHOT_END; then NODE and LINK as they change. */
	LLT_EV_SELF = 0x0180,
	LLT_EV_NODE = 0x0181,
	LLT_EV_LINK = 0x0182,
	LLT_EV_SNAPSHOT_END = 0x0183, /* u64 seq: the next event has seq + 1 */
	LLT_EV_RECV = 0x0184,         /* struct llt_ctl_recv: to the owner of the port */
	/* 0x0110..0x017f: status requests of lltstat, lltconfig, lltping; 0x01a0..0x01ff their rows */
};

enum llt_peer_state { LLT_CONNWAIT, LLT_OPEN_STATE };
enum llt_link_state { LLT_LINK_INACTIVE, LLT_LINK_TROUBLE, LLT_LINK_UP };
enum llt_link_prio { LLT_PRIO_HIGH, LLT_PRIO_LOW };

/* Who we are. Sent once, first. */
struct llt_ev_self {
	uint16_t cluster;
	uint16_t node;
	char name[LLT_NAME_MAX];
	uint64_t incarnation;   /* random, new at each start of lltd */
	uint64_t peerinact_ns;  /* silence after which a peer is inactive */
	uint16_t nlinks;
};

/*
 * A node of llthosts, other than ourselves. When state goes to OPEN, session is greater than in every
 * earlier OPEN of this node: messages never cross from one session to another. When it goes to
 * CONNWAIT, everything not yet delivered is dropped on both sides.
 */
struct llt_ev_node {
	uint64_t seq; /* of the subscription; one counter for NODE and LINK events */
	uint16_t node;
	char name[LLT_NAME_MAX];
	uint8_t state;     /* enum llt_peer_state */
	uint32_t session;  /* 0 while it was never open */
	uint8_t links_up;  /* links to it that are not inactive: 1 = jeopardy */
};

/* A (peer, link) pair. */
struct llt_ev_link {
	uint64_t seq;
	uint16_t node;
	uint8_t link;     /* our index, 0..7 */
	uint8_t prio;     /* enum llt_link_prio */
	uint8_t state;    /* enum llt_link_state */
	uint8_t known;    /* peer_addr was learned */
	uint8_t kind;     /* enum llt_link_kind */
	uint32_t ifindex; /* ours; of a UDP link: which has our address. 0: not found yet, or no link any more */
	uint32_t mtu;     /* longest frame, without the header of the link */
	char ifname[LLT_IFNAME_MAX]; /* of a UDP link: its name */
	uint8_t addr[LLT_ADDR_LEN];      /* ours on this link */
	uint8_t peer_addr[LLT_ADDR_LEN]; /* theirs */
};

/* One message to one or several nodes. Nodes that are not OPEN are skipped silently. */
struct llt_ctl_send {
	uint8_t port;
	bool datagram; /* unreliable, at most one frame */
	bool patient;  /* a stream's, which may be late for once: costs less, as acknowledgements are put off */
	uint16_t ndst;
	uint16_t dst[LLT_MAX_NODES];
	const uint8_t *data; /* 1..LLT_MAX_MSG bytes */
	size_t len;
};

struct llt_ctl_recv {
	uint8_t port;
	bool datagram;
	uint16_t src;
	uint32_t session; /* of src */
	const uint8_t *data;
	size_t len;
};

void llt_ev_self_encode(struct wire_wr *, const struct llt_ev_self *);
bool llt_ev_self_decode(const uint8_t *, size_t, struct llt_ev_self *);
void llt_ev_node_encode(struct wire_wr *, const struct llt_ev_node *);
bool llt_ev_node_decode(const uint8_t *, size_t, struct llt_ev_node *);
void llt_ev_link_encode(struct wire_wr *, const struct llt_ev_link *);
bool llt_ev_link_decode(const uint8_t *, size_t, struct llt_ev_link *);
/* data is copied into the buffer; the decoded data points into the input. */
void llt_ctl_send_encode(struct wire_wr *, const struct llt_ctl_send *);
bool llt_ctl_send_decode(const uint8_t *, size_t, struct llt_ctl_send *);
void llt_ctl_recv_encode(struct wire_wr *, const struct llt_ctl_recv *);
bool llt_ctl_recv_decode(const uint8_t *, size_t, struct llt_ctl_recv *);

#endif
