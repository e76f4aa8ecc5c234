/* SPDX-License-Identifier: ISC */
/*
 * Messages between the aliasds. Ordered ones change the state that every member holds; unicast ones
 * carry what needs no order: connections, and questions about them.
 *
 * First byte version, second byte type. Addresses and ports of connections are in network byte order,
 * as they stand in a packet; port_h is in host order.
 */
#ifndef CLUA_PROTO_ALIAS_MSG_H
#define CLUA_PROTO_ALIAS_MSG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire.h"
#include "proto/alias_opts.h"
#include "proto/alias_svc.h"

#define ALIAS_MSG_VERSION 1

enum alias_msg_type {
	/* ordered */
	ALIAS_MSG_ROWS = 1,
	ALIAS_MSG_LISTEN = 2,
	ALIAS_MSG_SERVICES = 3,
	ALIAS_MSG_SYNCED = 4,
	ALIAS_MSG_SNAPSHOT = 5,
	ALIAS_MSG_SILENT = 6, /* a master does not answer ARP for an alias: it is to be another */
	ALIAS_MSG_SHARE = 8, /* the sender needs ports for outgoing connections */
	ALIAS_MSG_FILE = 9,  /* how the sender's own clua_services is */
	/* ordered, for programs (struct alias_api): */
	ALIAS_MSG_REGISTER = 0x10,   /* a port, and how it is to behave */
	ALIAS_MSG_UNREGISTER = 0x11, /* it is as if never registered */
	ALIAS_MSG_RELEASE = 0x12,    /* on the sender no program that registered it is left */
	ALIAS_MSG_COMMPORT = 0x13,   /* one port on all members for an RPC program; port_h: not this one */
	ALIAS_MSG_VOTE = 0x14,       /* whether the port that is proposed for it is free on the sender */
	/* unicast */
	ALIAS_MSG_FLOWS = 0x21,
	ALIAS_MSG_FLOWS_END = 0x22,
	ALIAS_MSG_ASK = 0x23,
	ALIAS_MSG_ANSWER = 0x24,
	ALIAS_MSG_FLOWS_BEGIN = 0x25, /* all that the sender owns follows: about so many */
	ALIAS_MSG_FLOWS_OF = 0x26,    /* what the sender keeps for a host whose aliasd is away */
	/* A host that the sender does not reach; to the host itself, when it is back; from itself, then. */
	ALIAS_MSG_LOST = 0x27,
	ALIAS_MSG_LAN = 0x31,         /* the sender's LAN interfaces, and its settings for them */
	ALIAS_MSG_ARP = 0x32,         /* what members tell each other about ARP; ordered if the sender leaves */
	ALIAS_MSG_CLIENTS = 0x33,     /* inbound=balance: where hosts of the LAN find an alias */
};
#define ALIAS_MSG_ORDERED_MAX 0x1f /* ordered types are up to here */

enum alias_row_flag {
	ALIAS_ROW_ROUTES = 0x01, /* without it the row is removed: the member forgets the alias */
	ALIAS_ROW_JOINED = 0x02,
	ALIAS_ROW_VIRTUAL = 0x04,
	ALIAS_ROW_DEFAULT = 0x08,  /* the default alias, for this member */
	/* It routes for the alias, and has a LAN interface with carrier on the alias's subnet. */
	ALIAS_ROW_ATTACHED = 0x10,
	/* It routes for the alias, and has a LAN interface with carrier. */
	ALIAS_ROW_ROUTER = 0x20,
	ALIAS_ROW_SILENT = 0x40, /* others found that it does not answer ARP; until its next row */
	/* It has LAN interfaces, and none of them has carrier: it hears no client, and none hears it. */
	ALIAS_ROW_CUT_OFF = 0x80,
	ALIAS_ROW_UNPROVEN = 0x100, /* it does not know whether packets reach it there */
	ALIAS_ROW_BALANCE = 0x200, /* inbound=balance */
};
#define ALIAS_ROW_FLAGS 0x3ff

/* A member's own view of one alias. */
struct alias_row {
	struct in_addr addr;
	uint16_t flags; /* enum alias_row_flag */
	uint16_t selw, selp, rpri;
	uint8_t prefixlen; /* of the virtual subnet; 0 = not said */
	char name[ALIAS_NAME_MAX];
};

#define ALIAS_ROW_MIN_LEN 15

struct alias_listen {
	uint8_t add; /* 1: began to listen, 0: ended */
	uint8_t proto;
	uint16_t port_h;
	struct in_addr bound; /* INADDR_ANY or an alias */
};
#define ALIAS_LISTEN_LEN 8

struct alias_conn { /* seen from the alias */
	struct in_addr client, alias;
	in_port_t client_port, port;
};

/* A packet of a connection that its receiver does not know. */
struct alias_ask {
	struct alias_conn conn;
	bool acks; /* ack counts, and it may end a handshake by SYN cookie; else it is a reset */
	uint32_t seq, ack; /* of the segment, host order */
};
#define ALIAS_ASK_LEN 21

/* What a program asks for, and what follows from it. */
struct alias_api {
	uint8_t proto;
	uint16_t port_h;
	uint16_t options; /* REGISTER: of enum alias_api_option and enum alias_attr */
	uint32_t prog;    /* RPC program of a common port; 0 = none */
	bool resv;        /* the common port is to be a reserved one */
	bool busy;        /* VOTE */
};

#define ALIAS_SHARES_MAX 256
#define ALIAS_SHARE_ANY 0xffff
/* Ports of the default alias, in host order: n shares of size ports from first on, if there are none yet. */
struct alias_share {
	uint16_t first, size, n;
	uint16_t wanted; /* the share that the sender would like, or had before; ALIAS_SHARE_ANY */
};
bool alias_share_ok(const struct alias_share *);

enum alias_file_state {
	ALIAS_FILE_UNKNOWN,
	ALIAS_FILE_SAME, /* on the wire: it was read, and the digest says what is in it */
	ALIAS_FILE_DIFFERS,
	ALIAS_FILE_MISSING,
	ALIAS_FILE_BAD, /* it has errors */
};
struct alias_file {
	uint32_t version; /* of the table that the sender had then */
	uint8_t state;
	uint64_t digest; /* alias_svc_digest() */
};
#define ALIAS_FILE_LEN 13

/* FLOWS. SET: it begins now. HELD: it began some time ago; see aliasd/core/claim.h. */
enum alias_flow_op { ALIAS_FLOW_DEL = 0, ALIAS_FLOW_SET = 1, ALIAS_FLOW_HELD = 2 };
enum alias_verdict { ALIAS_NOT_MINE = 0, ALIAS_MINE = 1, ALIAS_MINE_CLOSING = 2 }; /* ANSWER */
#define ALIAS_CONN_LEN 13 /* with its op or verdict */

struct alias_lan { /* an address of a LAN interface */
	uint8_t mac[6];
	struct in_addr addr;
	uint8_t prefixlen;
	uint8_t carrier; /* 0 or 1 */
};
#define ALIAS_LAN_LEN 12

enum alias_arp_op {
	ALIAS_ARP_RELEASED, /* the sender does not answer for the alias any more */
	ALIAS_ARP_CONFLICT, /* the host with this MAC has the address too; node 1: we use it, 0: we do not */
	ALIAS_ARP_CLEARED,  /* it has not any more */
	ALIAS_ARP_ANNOUNCE, /* the sender does not hear the receiver: announce the alias again */
	ALIAS_ARP_DOUBT,    /* the sender does not hear node: does the receiver? */
	ALIAS_ARP_HEARD,    /* it does */
	ALIAS_ARP_UNHEARD,  /* it does not */
	ALIAS_ARP_OPS
};

struct alias_arp {
	uint8_t op; /* enum alias_arp_op */
	struct in_addr alias;
	uint16_t node;
	uint8_t mac[6];
};
#define ALIAS_ARP_LEN 13

/* inbound=balance: what the master told a host of the LAN. */
struct alias_client {
	struct in_addr alias, client;
	uint8_t mac[6]; /* of the client */
	uint8_t to[6];  /* where it finds the alias */
};
#define ALIAS_CLIENT_LEN 20

/* A decoded message. Items of a list are read with alias_msg_list.h. */
struct alias_msg {
	uint8_t type;
	uint64_t token;       /* ROWS, SERVICES, those for programs: the sender's, so that it knows its own;
	                         0 = none */
	uint32_t max_aliases; /* ROWS: that the sender is configured for */
	struct alias_api api; /* REGISTER … VOTE */
	struct alias_share share; /* SHARE */
	struct alias_file file;   /* FILE */
	bool initial;         /* SERVICES: only if there is no table yet */
	uint32_t gen;         /* SNAPSHOT, FLOWS_END, SYNCED: of the view it was sent in */
	uint32_t expect;       /* FLOWS_BEGIN */
	uint32_t accord;       /* FLOWS_BEGIN: of the sender, see aliasd/core/claim.h */
	uint16_t owner;        /* FLOWS_OF, LOST, SILENT: node, < LLT_MAX_NODES */
	struct in_addr alias;  /* SILENT */
	uint8_t step;          /* LAN: how overloaded it is, 0..3 */
	bool vmac;             /* LAN: virtual MACs are on, … */
	uint8_t prefix[2];     /* … and begin so */
	uint32_t index, total; /* SNAPSHOT: chunk index of total */
	const uint8_t *data;   /* SNAPSHOT */
	size_t len;
	uint32_t count; /* items not yet read */
	struct wire_rd items;
};

/* False for anything malformed; then nothing of it may be used. */
bool alias_msg_decode(const uint8_t *, size_t, struct alias_msg *);

/* What stands before every body. */
void alias_msg_begin(struct wire_wr *, enum alias_msg_type);
void alias_msg_row( /* a list of one */
    struct wire_wr *, uint64_t token, uint32_t max_aliases, const struct alias_row *);
void alias_msg_synced(struct wire_wr *, uint32_t gen);
void alias_msg_snapshot(struct wire_wr *, uint32_t gen, uint32_t index, uint32_t total,
    const uint8_t *, size_t);
void alias_msg_silent(struct wire_wr *, struct in_addr alias, uint16_t node);
void alias_msg_flows_begin(struct wire_wr *, uint32_t expect, uint32_t accord);
void alias_msg_flows_end(struct wire_wr *, uint32_t gen);
void alias_msg_lost(struct wire_wr *, uint16_t node);
void alias_msg_services(
    struct wire_wr *, uint64_t token, bool initial, const struct alias_svc *, size_t n);
void alias_msg_api(
    struct wire_wr *, enum alias_msg_type, uint64_t token, const struct alias_api *);
void alias_msg_share(struct wire_wr *, const struct alias_share *);
void alias_msg_file(struct wire_wr *, const struct alias_file *);
/* Parts, also used by the state's snapshot. */
void alias_row_encode(struct wire_wr *, const struct alias_row *);
void alias_row_decode(struct wire_rd *, struct alias_row *);
void alias_listen_encode(struct wire_wr *, const struct alias_listen *);
void alias_listen_decode(struct wire_rd *, struct alias_listen *);
void alias_file_encode(struct wire_wr *, const struct alias_file *);
void alias_file_decode(struct wire_rd *, struct alias_file *);
void alias_api_encode(struct wire_wr *, const struct alias_api *);
void alias_api_decode(struct wire_rd *, struct alias_api *);

#endif
