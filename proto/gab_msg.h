/* SPDX-License-Identifier: ISC */
/*
 * Messages between gabds, carried by lltd (LLT port GAB_LLT_PORT) as one reliable message each, in
 * order for as long as the session lasts. Every message starts with u8 version, u8 type.
 *
 * HELLO separates the connections of two gabds: what a node sends after it belongs to the connection
 * it names. So a restarted gabd, or one that was given up, never mixes old and new messages although
 * lltd's session went on.
 *
 * Decoders answer false for anything malformed, truncated, out of range or with bytes left over.
 */
#ifndef CLUA_PROTO_GAB_MSG_H
#define CLUA_PROTO_GAB_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire.h"
#include "proto/gab_ctl.h"
#include "proto/gab_set.h"

#define GAB_LLT_PORT 0
#define GAB_MSG_VERSION 1
#define GAB_MSG_MAX 65536
#define GAB_NPORTS 26           /* 'a'..'z'; row 0 is gabd's own and never used */
#define GAB_GEN_MAX 0xf0000000u /* generations and attempts above are refused: they must not wrap */
#define GAB_ITEMS_MAX 512       /* in one batch */
#define GAB_TOPO_MAX 256        /* rows in one message */

enum gab_msg_type {
	GAB_MSG_HELLO = 1, /* struct gab_hello */
	GAB_MSG_BYE,       /* empty: the sender leaves */
	GAB_MSG_ALIVE,     /* empty: nothing else to say */
	GAB_MSG_TOPO,      /* u16 count, struct gab_topo each: who is connected to whom */
	GAB_MSG_PROPOSE,   /* struct gab_propose: coordinator to members */
	GAB_MSG_NACK,      /* struct gab_nack: this attempt cannot succeed */
	GAB_MSG_FLUSH,     /* struct gab_flush: member to coordinator, where it stands */
	GAB_MSG_FETCH,     /* struct gab_fetch: coordinator asks the sender of FLUSH to fill others' gaps */
	GAB_MSG_FILL,      /* struct gab_batch: messages of the old view, in order */
	GAB_MSG_READY,     /* struct gab_ready: gap filled */
	GAB_MSG_FORWARD,   /* struct gab_fetch without range: send your INSTALL to dst */
	GAB_MSG_CATCHUP,   /* struct gab_att, then an INSTALL body that the receiver missed */
	GAB_MSG_INSTALL,   /* struct gab_install */
	GAB_MSG_ABORT,     /* struct gab_att: this attempt is given up */
	GAB_MSG_SUBMIT,    /* struct gab_batch: member to sequencer */
	GAB_MSG_ORDERED,   /* struct gab_batch: sequencer to members */
	GAB_MSG_ACK,       /* struct gab_ack: member to sequencer */
	GAB_MSG_UNICAST,   /* struct gab_unicast */
};

struct gab_hello {
	uint64_t cid;      /* the sender's name for this connection, never 0 */
	uint64_t peer_cid; /* the receiver's, 0 if not known yet */
};

/* Names a view, of nodes or of a port; gen 0 = none. */
struct gab_vid {
	uint32_t gen;
	uint16_t coord; /* who installed it */
	uint64_t inc;   /* incarnation of coord */
};

/* Names an attempt to install a view. */
struct gab_att {
	uint32_t num;
	uint16_t coord;
};

enum gab_topo_flags {
	GAB_TOPO_SEEDED = 1,
	GAB_TOPO_DIRTY = 2, /* the view `vid` cannot go on: a connection broke, or it was flushed in vain */
	GAB_TOPO_FAILING = 4, /* it loses links to several at once: most likely it is its own that fail */
};

struct gab_topo {
	uint16_t origin;
	uint64_t inc;
	uint64_t version; /* the highest wins */
	uint8_t flags;
	struct gab_vid vid;
	uint32_t quorum_gen; /* as in the INSTALL of that view */
	struct gab_set set; /* connected peers, and itself */
};
#define GAB_TOPO_MIN_LEN 39 /* of a row on the wire */

struct gab_propose {
	struct gab_att att;
	struct gab_set members;
};

struct gab_nack {
	struct gab_att att;
	uint32_t num; /* highest attempt the sender has seen */
};

/* Membership of one port. */
struct gab_port_row {
	struct gab_vid vid; /* gen 0: the port has no members */
	struct gab_set members;
	struct gab_set joined; /* of them, who came without state into this view */
};

struct gab_ports {
	struct gab_port_row row[GAB_NPORTS];
};

enum gab_flush_flags {
	GAB_FLUSH_SEEDED = 1,
	GAB_FLUSH_QUORATE = 2, /* its present view is */
	/* The present view has a member that is not in the proposal, or the connection to one that is broke. */
	GAB_FLUSH_LOSSY = 4,
};

struct gab_flush {
	struct gab_att att;
	uint8_t flags;
	struct gab_vid vid;  /* present view */
	uint32_t quorum_gen; /* as in its INSTALL */
	uint64_t high;       /* last ordered message delivered in it */
	uint32_t gen;        /* highest generation seen */
	uint32_t clients;    /* bit n: a local client on port 'a' + n */
	struct gab_vid prev; /* how the present view came about: as in its INSTALL */
	uint64_t prev_final;
	struct gab_set kept;
	struct gab_ports ports; /* as of `high` */
};

/* FETCH: send messages from..to of view vid to dst. FORWARD: send the INSTALL of view vid to dst. */
struct gab_fetch {
	struct gab_att att;
	struct gab_vid vid;
	uint16_t dst;
	uint64_t from, to;
};

struct gab_ready {
	struct gab_att att;
	uint64_t high;
};

struct gab_install {
	struct gab_att att;
	struct gab_vid vid;
	uint32_t gen; /* highest generation used by this view and its ports */
	bool quorate;
	/*
	 * Of the last view with a quorum that the state of this one has been in, itself included; 0: of none, or
	 * there are no quorums. Of two such views the later one knows what was agreed in the other.
	 */
	uint32_t quorum_gen;
	struct gab_set members;
	struct gab_vid prev; /* the view whose state goes on; gen 0 = none */
	uint64_t prev_final; /* its last ordered message */
	struct gab_set kept; /* members that come from it; all others are fresh */
	struct gab_ports ports;
};

enum gab_item_kind { GAB_ITEM_DATA, GAB_ITEM_REGISTER, GAB_ITEM_LEAVE };

struct gab_item {
	uint16_t origin;
	uint64_t oseq; /* the origin's own count, without gaps inside a view */
	uint8_t kind;
	uint8_t port;  /* 1..25 */
	uint32_t inst; /* which of the origin's successive clients of this port */
	const uint8_t *data;
	size_t len;
};
#define GAB_ITEM_OVERHEAD 20 /* bytes of an item beside its data */

/* A batch's head; `count` items follow, to be read with gab_item_decode(). */
struct gab_batch {
	struct gab_att att; /* FILL */
	struct gab_vid vid;
	uint64_t first; /* ORDERED, FILL: number of the first item */
	uint64_t mark;  /* ORDERED: everybody has up to here; FILL: the last one to come */
	uint16_t count;
};
#define GAB_BATCH_OVERHEAD 48

struct gab_ack {
	struct gab_vid vid;
	uint64_t high;
};

struct gab_unicast {
	uint8_t port;
	struct gab_vid vid; /* of the port */
	const uint8_t *data;
	size_t len;
};

bool gab_vid_equal(const struct gab_vid *, const struct gab_vid *);
int gab_att_compare(const struct gab_att *, const struct gab_att *);

void gab_msg_begin(struct wire_wr *, enum gab_msg_type);
/* The type, or 0 if it is none of ours. */
uint8_t gab_msg_open(struct wire_rd *, const uint8_t *, size_t);

void gab_hello_encode(struct wire_wr *, const struct gab_hello *);
bool gab_hello_decode(struct wire_rd *, struct gab_hello *);
void gab_topo_encode(struct wire_wr *, const struct gab_topo *);
bool gab_topo_decode(struct wire_rd *, struct gab_topo *); /* one row: may leave bytes */
void gab_propose_encode(struct wire_wr *, const struct gab_propose *);
bool gab_propose_decode(struct wire_rd *, struct gab_propose *);
void gab_nack_encode(struct wire_wr *, const struct gab_nack *);
bool gab_nack_decode(struct wire_rd *, struct gab_nack *);
void gab_flush_encode(struct wire_wr *, const struct gab_flush *);
bool gab_flush_decode(struct wire_rd *, struct gab_flush *);
void gab_fetch_encode(struct wire_wr *, const struct gab_fetch *);
bool gab_fetch_decode(struct wire_rd *, struct gab_fetch *);
void gab_ready_encode(struct wire_wr *, const struct gab_ready *);
bool gab_ready_decode(struct wire_rd *, struct gab_ready *);
void gab_install_encode(struct wire_wr *, const struct gab_install *);
bool gab_install_decode(struct wire_rd *, struct gab_install *);
void gab_att_encode(struct wire_wr *, const struct gab_att *);
void gab_att_decode(struct wire_rd *, struct gab_att *);
void gab_batch_encode(struct wire_wr *, const struct gab_batch *);
bool gab_batch_decode(struct wire_rd *, struct gab_batch *); /* the head only */
void gab_item_encode(struct wire_wr *, const struct gab_item *);
bool gab_item_decode(struct wire_rd *, struct gab_item *); /* data points into the input */
void gab_ack_encode(struct wire_wr *, const struct gab_ack *);
bool gab_ack_decode(struct wire_rd *, struct gab_ack *);
void gab_unicast_encode(struct wire_wr *, const struct gab_unicast *);
bool gab_unicast_decode(struct wire_rd *, struct gab_unicast *);

#endif
