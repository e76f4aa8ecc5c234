/* SPDX-License-Identifier: ISC */
/* What the files of the data plane know of each other; for them and for their tests. */
#ifndef CLUA_ALIASD_DATAPATH_INT_H
#define CLUA_ALIASD_DATAPATH_INT_H

#include "aliasd/bpf/layout.h"
#include "aliasd/bpf/clua.skel.h" /* speaks of the layout */
#include "aliasd/datapath.h"
#include "aliasd/datapath_flow.h"
#include "common/log.h"

struct ev_io;
struct ev_timer;
struct ring_buffer;
struct bpf_link;

#define DP_CGROUP_HOOKS 3

struct datapath_state { /* the program's tables, as they lie in its data */
	uint64_t *alias_filter;
	uint64_t *mac_filter;
	struct dp_node_slot *nodes;
	uint64_t *flow_space;
	uint64_t *answer_until;
	uint32_t *own_ifindex;
	uint8_t (*port_flags)[DP_PORTS];
	struct dp_out *out;
	uint32_t *events_lost;
	uint64_t *events_look;
};

/* The aliases as the daemon knows them besides: datapath_alias.c. */
struct alias_table {
	uint32_t n; /* numbers are below */
	uint32_t buckets;
	struct dp_alias_bucket *bucket; /* the mapping */
	struct dp_alias_slot *slot;     /* the mapping, by number */
	size_t bucket_size, slot_size;
	uint32_t *addr;     /* by number; 0 = free */
	uint32_t *services; /* how many, by number */
	uint32_t *free;     /* a queue: what was left last is used again last */
	uint32_t free_first, free_count;
	uint32_t shift; /* of the filter */
	uint16_t *filter; /* active aliases behind each bit */
	struct log_limit full;
};

struct service_table;

struct datapath {
	struct ev_loop *loop;
	struct dp_conf conf; /* its strings are ours */
	const struct dp_ops *ops;
	void *arg;
	bool resumed;
	struct clua_bpf *skel;
	struct datapath_state state;
	struct dp_meta *meta;
	struct dp_bucket *buckets;
	struct dp_ring *rings;
	size_t buckets_size, rings_size;
	struct flow_table *flows;
	struct ring_buffer *events, *strays;
	struct ev_io *events_io, *strays_io;
	struct ev_timer *look; /* at events that came without a wake-up */
	struct bpf_link *sock_link, *lookup_link;
	struct bpf_link *cgroup_link[DP_CGROUP_HOOKS];
	int sink; /* of datagrams for closed ports; -1 */
	uint16_t *sticky; /* s, by protocol and port */
	bool any_sticky;
	struct alias_table aliases;
	struct service_table *services;
};

/* datapath_pin.c */
int pin_prepare(const char *dir);
char *pin_path(const struct datapath *, const char *name); /* malloc'ed */
bool pin_find_meta(struct datapath *, struct dp_meta *);   /* of a predecessor with our layout */
int pin_maps(struct datapath *);                           /* before loading */
int pin_link(struct datapath *, struct bpf_link *, const char *name);
void pin_drop(struct datapath *, const char *name);
void pin_remove(const char *dir, const char *keep); /* keep: a name that stays, or NULL */

/* datapath_if.c */
int iface_mac(uint32_t ifindex, uint8_t mac[6]);
void iface_forget_gone(struct datapath *);
void iface_detach_all(struct datapath *);
bool iface_has_filter(uint32_t ifindex); /* one of ours */
int iface_remove_filter(uint32_t ifindex);
bool iface_remove_qdisc(uint32_t ifindex); /* if nobody needs it; true if it was removed */

/* datapath_hook.c */
int hook_attach(struct datapath *); /* the socket programs */
void hook_detach(struct datapath *);
int hook_netns_cookie(uint64_t *);

/* datapath_event.c */
int event_open(struct datapath *);
void event_close(struct datapath *);
void datapath_poll(struct datapath *); /* handles what is waiting */

/* datapath_alias.c */
/* Numbers, buckets, and the filter's shift for so many aliases. */
uint32_t alias_numbers_for(uint32_t max_aliases);
uint32_t alias_buckets_for(uint32_t numbers);
uint32_t alias_shift_for(uint32_t numbers);
int alias_adopt(struct datapath *); /* once the tables are mapped */
void alias_close(struct datapath *);
/* The number of the alias's slot, or -1; with create, an inactive one is made. */
int alias_number(struct datapath *, struct in_addr, bool create);
void alias_release(struct datapath *, int alias); /* gives up the slot if nothing needs it */

/* datapath_service.c */
uint32_t service_rings_for(uint32_t services);
int service_adopt(struct datapath *);
void service_close(struct datapath *);
void service_drop_alias(struct datapath *, int alias);
void service_restick(struct datapath *); /* after port_sticky() changed */

/* datapath_port.c */
int port_open(struct datapath *);
void port_close(struct datapath *);
uint16_t port_sticky(const struct datapath *, uint8_t ipproto, in_port_t);
/* A connection began or ended: its client goes there again for a while. */
void port_note_client(struct datapath *, int alias, const struct dp_conn *, uint16_t owner);

#endif
