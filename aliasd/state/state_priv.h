/* SPDX-License-Identifier: ISC */
/* Inside of the replicated state; for aliasd/state*.c alone. */
#ifndef CLUA_ALIASD_STATE_PRIV_H
#define CLUA_ALIASD_STATE_PRIV_H

#include "aliasd/core/map.h"
#include "aliasd/state/state.h"
#include "proto/alias_msg_list.h"

struct listener {
	uint16_t node;
	struct in_addr bound;
};

struct port { /* a (protocol, port) that somebody listens on */
	uint8_t proto;
	uint16_t port_h;
	bool dirty;
	size_t n;
	struct listener *l; /* in order of their arrival; never empty */
};

struct service { /* an (alias, port) with at least one listener that joined */
	struct in_addr alias;
	uint8_t proto;
	uint16_t port_h;
	uint16_t active; /* of an in_single service */
	size_t n;
	struct sel_target *targets;
};

struct api_holder { /* a member with a program that holds a transient registration */
	uint16_t node;
	bool used; /* somebody has listened there since */
};

struct reg { /* registered by a program */
	struct alias_svc svc;
	bool transient, resv;
	bool choosing;  /* a common port that is not decided yet: not in force */
	uint32_t prog;  /* RPC program, 0 = none */
	uint32_t tries; /* ports that were looked at */
	size_t nholders, nawait, ntokens;
	struct api_holder *holder; /* by ascending node */
	uint16_t *await;           /* members that have not said yet whether the port is free */
	uint64_t *token;           /* our own programs that wait for it; no part of the state */
};

/* To whom the state belongs, if it wants to know. */
#define state_tell(st, what, ...)                                                                  \
	do {                                                                                           \
		if ((st)->ops->what != NULL)                                                               \
			(st)->ops->what(__VA_ARGS__ __VA_OPT__(, )(st)->arg);                                  \
	} while (0)

struct api_done {
	uint64_t token;
	enum alias_api_status status;
	uint16_t port_h;
};

struct held { /* an ordered message that waits for the snapshot */
	struct held *next;
	uint16_t src;
	size_t len;
	uint8_t data[];
};

enum node_flag {
	NODE_MEMBER = 1,
	NODE_SYNCED = 2,
	NODE_STATELESS = 4, /* joined, and the snapshot for it is not complete */
	NODE_SEEN = 8,      /* we saw it join: it cannot know more than we */
};

struct owed { /* masters are derived; who is told of it, and services, are not */
	uint32_t *addr;
	size_t n, at, nports;
	uint64_t *port;
};

struct state {
	const struct state_ops *ops;
	void *arg;

	uint32_t gen;
	uint16_t self;
	bool quorate, loaded;
	size_t nmembers;
	uint16_t members[LLT_MAX_NODES];
	uint8_t node[LLT_MAX_NODES];      /* enum node_flag */
	uint32_t joined_at[LLT_MAX_NODES]; /* gen in which we saw it join */

	uint32_t limit[LLT_MAX_NODES]; /* aliases that each is configured for; 0 = not told yet */

	struct map *aliases;  /* by address */
	struct map *ids;      /* alias id -> alias */
	uint32_t low_id;      /* no lower one is free; at least 1 */
	struct map *ports;    /* by port_key() */
	struct map *services; /* by service_key() */
	struct map *svc;      /* of the file: port_key() -> struct alias_svc */
	struct map *api;      /* registered by programs: port_key() -> struct reg */
	uint32_t svc_version;
	bool svc_changed;
	struct state_shares shares;
	struct alias_file file[LLT_MAX_NODES];
	uint32_t max_id; /* no alias has a higher id */
	size_t ndone;
	struct api_done *done; /* results to be told */

	/* What has to be derived anew at the end of the event. */
	size_t ndirty_aliases, ndirty_ports, dirty_aliases_size, dirty_ports_size;
	uint32_t *dirty_aliases; /* addresses */
	uint64_t *dirty_ports;   /* keys */
	/* What was begun, and is told little by little. */
	struct owed owed;
	uint32_t pass; /* counts what is begun */

	/* A transfer to us. */
	uint8_t *snap;
	size_t snap_len;
	uint32_t snap_next, snap_total;
	struct held *held, **held_end;
};

uint64_t state_port_key(uint8_t proto, uint16_t port_h);
uint64_t state_service_key(struct in_addr, uint8_t proto, uint16_t port_h);

/* state_table.c: changes mark what is to be derived anew */
void state_touch_alias(struct state *, struct state_alias *);
void state_touch_port(struct state *, struct port *);
void state_touch_all(struct state *);
struct state_alias *state_add_alias(struct state *, struct in_addr, uint32_t id);
struct state_row *state_add_row(struct state_alias *, uint16_t node);
void state_set_limit(struct state *, uint16_t node, uint32_t max_aliases);
void state_set_row(struct state *, uint16_t node, const struct alias_row *);
void state_set_silent(struct state *, struct in_addr, uint16_t node);
void state_set_listen(struct state *, uint16_t node, const struct alias_listen *);
void state_set_services(struct state *, struct alias_msg *);
void state_drop_node(struct state *, uint16_t node);
void state_clear(struct state *);
/* Candidates for (alias, port) in the order of their arrival; out has room for p->n. */
size_t state_candidates(
    const struct state_alias *, const struct port *, struct sel_candidate *out);

/* state_api.c */
void state_free_reg(void *);
struct reg *state_reg(const struct state *, uint8_t proto, uint16_t port_h); /* or NULL */
struct api_holder *state_reg_holder(const struct reg *, uint16_t node);      /* or NULL */
void state_reg_hold(struct reg *, uint16_t node, bool used);
void state_api_apply(struct state *, uint16_t src, const struct alias_msg *);
void state_api_listen(struct state *, uint16_t node, const struct alias_listen *); /* it is done */
void state_api_drop_node(struct state *, uint16_t node);
void state_api_flush(struct state *);

/* state_cluster.c */
void state_set_share(struct state *, uint16_t node, const struct alias_share *);
void state_share_left(struct state *, uint16_t node);
void state_put_shares(struct wire_wr *, const struct state *);
void state_get_shares(struct state *, struct wire_rd *);
void state_set_file(struct state *, uint16_t node, const struct alias_file *);
void state_put_files(struct wire_wr *, const struct state *);
void state_get_files(struct state *, struct wire_rd *);

/* state_derive.c */
void state_derive(struct state *);
void state_derive_begin(struct state *); /* state_work() or state_settle() is to follow */
void state_settle(struct state *);
bool state_owes_many(const struct state *);
void state_forget_owed(struct state *);
void state_free_service(void *);

/* state_snap.c */
bool state_load(struct state *, const uint8_t *, size_t);

#endif
