/* SPDX-License-Identifier: ISC */
/*
 * Control messages of aliasd (/run/clua/aliasd.sock), in the framing of common/ipc.h.
 *
 * A status is answered with rows in this order: GROUP, ROUTING, ROUTEs, IFACEs, NODEs, then for every
 * alias ALIAS, its MEMBERs, its SERVICEs, and DRAIN if this member is given no more connections; at the
 * end the ports that programs registered (proto/alias_api.h).
 */
#ifndef CLUA_PROTO_ALIAS_CTL_H
#define CLUA_PROTO_ALIAS_CTL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/llthosts.h"
#include "common/netlink.h"
#include "common/wire.h"
#include "proto/alias_event.h"
#include "proto/alias_msg.h"
#include "proto/alias_opts.h"
#include "proto/alias_routing.h"

#define ALIAS_SOCK RUNDIR "/aliasd.sock"
#define ALIAS_CTL_PATH_MAX 1024
#define ALIAS_NO_NODE 0xffff

enum alias_ctl_type {
	ALIAS_CTL_SET = 0x0300,      /* struct alias_ctl_set; answered when it is in force everywhere */
	ALIAS_CTL_STATUS = 0x0301,   /* struct alias_ctl_query */
	ALIAS_CTL_SERVICES = 0x0302, /* str path, "" = the configured file; answered likewise */

	ALIAS_CTL_ROUTING = 0x0303,  /* struct alias_routing; answered likewise */
	ALIAS_CTL_WATCH = 0x0304,    /* empty: events, without an end */

	ALIAS_ROW_GROUP = 0x03a0,
	ALIAS_ROW_NODE = 0x03a1,
	ALIAS_ROW_ALIAS = 0x03a2,
	ALIAS_ROW_MEMBER = 0x03a3,
	ALIAS_ROW_SERVICE = 0x03a4,
	ALIAS_ROW_NOTE = 0x03a5, /* str: a warning that comes with a success */
	ALIAS_ROW_ROUTING = 0x03a6,
	ALIAS_ROW_IFACE = 0x03a7,
	ALIAS_ROW_DRAIN = 0x03a8, /* of the ALIAS before it; also before the answer to a SET */
	ALIAS_ROW_APPLIED = 0x03a9, /* struct alias_ctl_applied: of SERVICES, one a node */
	ALIAS_ROW_ROUTE = 0x03aa,
	ALIAS_ROW_EVENT = 0x03c0, /* struct alias_event */
};

struct alias_ctl_set {
	bool is_default;     /* DEFAULTALIAS: addr and name are not used */
	struct in_addr addr; /* network order */
	struct alias_opts opts;
};

struct alias_ctl_query {
	bool all, is_default;
	struct in_addr addr;
};

struct alias_ctl_group {
	uint16_t self;
	bool in_group, quorate, loaded, synced;
	uint32_t gen;
	char status[256]; /* what is missing; "" = nothing */
	uint64_t held, asked, resets; /* strays: held now, asked for, reset, since start */
	uint32_t aliases, max_aliases; /* there are, and there may be: the lowest max_aliasid of all */
};

struct alias_ctl_routing { /* how this member routes */
	uint32_t opts;   /* enum alias_routing_opt */
	char daemon[16]; /* as aliasd.conf calls it */
	char state[16];  /* of what the daemon is told; "" without one */
	char text[256];  /* its last answer, or what is wrong */
	char file[ALIAS_CTL_PATH_MAX];
};

struct alias_ctl_route { /* one that this member wants to be announced */
	struct in_addr dst;
	uint8_t prefixlen, metric;
};

/* Whether another member's probe frame came by the packet program; ALONE: there is no other member. */
enum alias_proof { ALIAS_PROVEN, ALIAS_NOT_PROVEN, ALIAS_PROOF_ALONE };

struct alias_ctl_iface { /* a LAN interface of this member */
	char name[NETLINK_NAME_MAX];
	char mode[16]; /* how the packet program is attached; "" = it is not */
	uint8_t proof; /* enum alias_proof */
	char why[160]; /* mode is not as configured because of this; "" = it is */
};

struct alias_ctl_node {
	uint16_t id;
	char name[LLT_NAME_MAX];
	bool member, synced;
	uint64_t flows; /* established connections it owns, in our table */
	uint16_t paths; /* usable ways to it */
	uint16_t tunnel; /* bytes of the largest packet that is redirected to it in VXLAN; 0: it is not */
	uint8_t share; /* inbound=balance: of its clients that it takes, in percent; 100 unless overloaded */
	bool vmac_differs; /* it is set otherwise for virtual MACs than we are */
	uint8_t file; /* enum alias_file_state: its clua_services, beside the table of the cluster */
};

/* What became of a table of services on a node. */
struct alias_ctl_applied {
	uint16_t id;
	char name[LLT_NAME_MAX];
	bool member;  /* else it is not in the group, and takes the table when it comes */
	uint8_t file; /* enum alias_file_state: its own file, beside the table; UNKNOWN: it did not say */
};
/* "same", "differs", "missing", "errors", or "unknown" */
const char *alias_file_word(uint8_t);

#define ALIAS_COUNTERS 11
/* In the ancestor's order; keys for JSON and texts for the status. */
extern const char *const alias_counter_key[ALIAS_COUNTERS];
extern const char *const alias_counter_text[ALIAS_COUNTERS];

/* Packets that nobody got, by reason; in this order. */
#define ALIAS_DROPS 11
extern const char *const alias_drop_key[ALIAS_DROPS];
extern const char *const alias_drop_text[ALIAS_DROPS];

enum alias_flag { ALIAS_F_ENABLED = 1, ALIAS_F_DEFAULT = 2, ALIAS_F_IP_V4 = 4, ALIAS_F_VIRTUAL = 8,
	ALIAS_F_BALANCED = 16 };
enum alias_member_flag { ALIAS_MF_ENABLED = 0x01, ALIAS_MF_JOINED = 0x10 };

struct alias_ctl_alias {
	struct in_addr addr, netmask;
	uint32_t id;
	uint16_t flags, master;
	char name[ALIAS_NAME_MAX];
	uint64_t counter[ALIAS_COUNTERS];
	uint64_t drop[ALIAS_DROPS];
	uint8_t conflict;        /* enum alias_conflict */
	uint8_t conflict_mac[6]; /* of the other host */
	bool has_vmac;
	uint8_t vmac[6];
};

enum alias_conflict {
	ALIAS_CONFLICT_NONE,
	ALIAS_CONFLICT_USED,   /* a host that is no member has the address too */
	ALIAS_CONFLICT_UNUSED, /* it has, and the alias is not taken into use */
	ALIAS_CONFLICTS
};

struct alias_ctl_member {
	uint16_t id, flags, selw, selp, rpri;
	bool attached, synced;
	bool silent; /* the others found that it does not answer ARP */
	uint32_t clients; /* inbound=balance: hosts of the LAN that were told its MAC address */
};

struct alias_ctl_drain { /* of a member that is given no more connections to an alias */
	uint64_t left;     /* connections that it still has */
	uint32_t reset_in; /* seconds until these are reset, or ALIAS_LEAVE_NOT_SAID */
};

#define ALIAS_CTL_LIST_MAX 1024
struct alias_ctl_service {
	struct alias_svc svc; /* attrs: what is in force, defaults included; name "" if not registered */
	uint16_t active;      /* in_single: the active member, else ALIAS_NO_NODE */
	uint16_t nlisteners, ntargets;
	uint16_t listener[ALIAS_CTL_LIST_MAX]; /* in order of their listening */
	struct {
		uint16_t id, weight;
	} target[ALIAS_CTL_LIST_MAX];
};

void alias_ctl_set_encode(struct wire_wr *, const struct alias_ctl_set *);
bool alias_ctl_set_decode(const uint8_t *, size_t, struct alias_ctl_set *);
void alias_routing_encode(struct wire_wr *, const struct alias_routing *);
bool alias_routing_decode(const uint8_t *, size_t, struct alias_routing *);
void alias_ctl_query_encode(struct wire_wr *, const struct alias_ctl_query *);
bool alias_ctl_query_decode(const uint8_t *, size_t, struct alias_ctl_query *);
void alias_ctl_group_encode(struct wire_wr *, const struct alias_ctl_group *);
bool alias_ctl_group_decode(const uint8_t *, size_t, struct alias_ctl_group *);
void alias_ctl_routing_encode(struct wire_wr *, const struct alias_ctl_routing *);
bool alias_ctl_routing_decode(const uint8_t *, size_t, struct alias_ctl_routing *);
void alias_ctl_iface_encode(struct wire_wr *, const struct alias_ctl_iface *);
bool alias_ctl_iface_decode(const uint8_t *, size_t, struct alias_ctl_iface *);
void alias_ctl_route_encode(struct wire_wr *, const struct alias_ctl_route *);
bool alias_ctl_route_decode(const uint8_t *, size_t, struct alias_ctl_route *);
void alias_ctl_node_encode(struct wire_wr *, const struct alias_ctl_node *);
bool alias_ctl_node_decode(const uint8_t *, size_t, struct alias_ctl_node *);
void alias_ctl_applied_encode(struct wire_wr *, const struct alias_ctl_applied *);
bool alias_ctl_applied_decode(const uint8_t *, size_t, struct alias_ctl_applied *);
void alias_ctl_alias_encode(struct wire_wr *, const struct alias_ctl_alias *);
bool alias_ctl_alias_decode(const uint8_t *, size_t, struct alias_ctl_alias *);
void alias_ctl_member_encode(struct wire_wr *, const struct alias_ctl_member *);
bool alias_ctl_member_decode(const uint8_t *, size_t, struct alias_ctl_member *);
void alias_ctl_drain_encode(struct wire_wr *, const struct alias_ctl_drain *);
bool alias_ctl_drain_decode(const uint8_t *, size_t, struct alias_ctl_drain *);
void alias_ctl_service_encode(struct wire_wr *, const struct alias_ctl_service *);
bool alias_ctl_service_decode(const uint8_t *, size_t, struct alias_ctl_service *);

#endif
