/* SPDX-License-Identifier: ISC */
/* What the files of the data plane know of each other; for them and for their tests. */
#ifndef CLUA_ALIASD_DATAPATH_INT_H
#define CLUA_ALIASD_DATAPATH_INT_H

#include "aliasd/bpf/layout.h"
#include "aliasd/bpf/clua.skel.h" /* speaks of the layout */
#include "aliasd/datapath.h"
#include "aliasd/datapath_flow.h"

struct ev_io;
struct ev_timer;
struct ring_buffer;
struct bpf_link;

struct datapath_state { /* the program's tables, as they lie in its data */
	uint64_t *alias_filter;
	uint32_t (*alias_addr)[DP_ALIAS_WAYS];
	struct dp_alias_slot *alias_slot;
	uint64_t *mac_filter;
	struct dp_node_slot *nodes;
	uint64_t *flow_space;
	uint64_t *answer_until;
	uint32_t *events_lost;
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
	size_t buckets_size, rings_size;
	struct flow_table *flows;
	struct ring_buffer *rb;
	struct ev_io *io;
	struct ev_timer *look; /* at events that came without a wake-up */
	struct bpf_link *sock_link, *sendmsg_link;
	uint16_t services_of[DP_ALIASES];
	uint16_t free_ring[DP_RINGS]; /* a queue: what was left last is used again last */
	uint32_t free_first, free_count;
};

/* datapath_pin.c */
int pin_prepare(const char *dir);
char *pin_path(const struct datapath *, const char *name); /* malloc'ed */
bool pin_find_meta(struct datapath *, struct dp_meta *);   /* of a predecessor with our layout */
int pin_maps(struct datapath *);                           /* before loading */
int pin_link(struct datapath *, struct bpf_link *, const char *name);
void pin_remove(const char *dir, const char *keep); /* keep: a name that stays, or NULL */

/* datapath_if.c */
int iface_mac(uint32_t ifindex, uint8_t mac[6]);
void iface_forget_gone(struct datapath *);
void iface_detach_all(struct datapath *);

/* datapath_hook.c */
int hook_attach(struct datapath *); /* the socket programs */
int hook_netns_cookie(uint64_t *);

/* datapath_event.c */
int event_open(struct datapath *);
void event_close(struct datapath *);
void datapath_poll(struct datapath *); /* handles what is waiting */

/* datapath_alias.c */
/* The number of the alias's slot, or -1; with create, an inactive one is made. */
int alias_number(struct datapath *, struct in_addr, bool create);
void alias_release(struct datapath *, int alias); /* gives up the slot if nothing needs it */

/* datapath_service.c */
int service_adopt(struct datapath *);
void service_drop_alias(struct datapath *, int alias);

#endif
