/* SPDX-License-Identifier: ISC */
/* What the files of the data plane know of each other; for them and for their tests. */
#ifndef CLUA_ALIASD_DATAPATH_INT_H
#define CLUA_ALIASD_DATAPATH_INT_H

#include <bpf/libbpf.h>

#include "aliasd/bpf/half_open.h"
#include "aliasd/bpf/layout.h"
#include "aliasd/bpf/clua.skel.h" /* speaks of the layout */
#include "aliasd/datapath/datapath.h"
#include "aliasd/datapath/datapath_flow.h"
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
	uint64_t *routers_new_until;
	uint32_t *own_ifindex;
	uint8_t (*port_flags)[DP_PORTS];
	struct dp_out *out;
	uint32_t *events_lost;
	uint64_t *events_look;
	struct dp_young_queue *young;
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

struct attached {
	uint32_t ifindex;
	uint16_t kind; /* DP_IF_LAN, … */
	enum dp_attach mode;
	char why[160];
};

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
	struct dp_half_set *half_open;
	size_t buckets_size, rings_size, half_open_size;
	struct flow_table *flows;
	struct ring_buffer *events, *strays;
	const unsigned long *events_consumed, *events_produced; /* in bytes, ever more */
	struct ev_io *events_io, *strays_io;
	struct ev_timer *look; /* at events that came without a wake-up */
	uint64_t look_at;      /* 0: the first event wakes us */
	uint64_t young_seen;   /* who came before has ended or was taken by the time of the last look */
	uint64_t missed;       /* changes of sockets of which the kernel could not tell */
	struct bpf_link *sock_link, *lookup_link;
	struct bpf_link *cgroup_link[DP_CGROUP_HOOKS];
	int sink; /* of datagrams for closed ports; -1 */
	uint16_t *sticky; /* s, by protocol and port */
	bool any_sticky;
	struct attached *attached; /* by us: not what a predecessor left */
	size_t nattached;
	char no_xdp[160];     /* why native XDP does not work for any interface */
	uint32_t no_xdp_with; /* as long as this one is there */
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
enum pin_keep { PIN_ALL, PIN_BUT_XDP, PIN_BUT_IFACES }; /* IFACES: the table of them, and XDP's links */
void pin_remove(const char *dir, enum pin_keep);

/* datapath_if.c */
int iface_mac(uint32_t ifindex, uint8_t mac[6]);
uint32_t iface_mtu(uint32_t ifindex); /* 0: there is no such interface */
void iface_forget_gone(struct datapath *);
void iface_detach_all(struct datapath *);
bool iface_has_filter(uint32_t ifindex); /* one of ours */
int iface_attach_filter(uint32_t ifindex, enum bpf_tc_attach_point, int prog); /* in the place of an earlier one */
int iface_remove_filter(uint32_t ifindex, enum bpf_tc_attach_point);
int iface_make_qdisc(uint32_t ifindex); /* 1: made, 0: it was there; negative on failure */
int iface_fail(int err, const char *what, uint32_t ifindex); /* logs; err 0: errno */
bool iface_remove_qdisc(uint32_t ifindex); /* if nobody needs it; true if it was removed */

/* datapath_attach.c */
int attach_remove(struct datapath *, uint32_t ifindex); /* and nothing else changes because of it */

/* datapath_xdp.c: mode is one of XDP */
/* Puts the program in the place of a predecessor's of the same mode; false if there is none. */
bool xdp_replace(struct datapath *, uint32_t ifindex, enum dp_attach, int prog);
bool xdp_is_attached(const char *pin_dir, uint32_t ifindex, enum dp_attach);
/* 0, or -1 and the reason. */
int xdp_attach(struct datapath *, uint32_t ifindex, enum dp_attach, int prog, char why[160]);
/* By the name of its pin; true if it was there. */
bool xdp_detach(const char *pin_dir, uint32_t ifindex);
bool xdp_pin_ifindex(const char *name, uint32_t *ifindex);

/* datapath_hook.c */
int hook_attach(struct datapath *); /* the socket programs */
void hook_detach(struct datapath *);
int hook_netns_cookie(uint64_t *);

/* datapath_event.c */
int event_open(struct datapath *);
void event_close(struct datapath *);
void datapath_poll(struct datapath *); /* handles what is waiting */

/* datapath_young.c */
/* The next that began at that time or earlier and has not ended is ours from now on; false: there is none. */
bool young_take(struct datapath *, uint64_t when, struct dp_young *);
/* When the next will be old enough, or UINT64_MAX. */
uint64_t young_due(struct datapath *);

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
