/* SPDX-License-Identifier: ISC */
/*
 * The state that every member of the group holds alike: aliases with every member's view of them,
 * who listens where, the registered services, who holds all connections; and what follows from it:
 * the ARP masters, the active members, the targets.
 *
 * A pure machine: it is fed views and ordered messages, and calls back. Members that were fed the
 * same are equal. A member without state (new, or from the losing side of a partition) waits for the
 * snapshot that the lowest member with state broadcasts, keeps what comes after it, and goes on from
 * there; then, and when the whole group starts afresh, it is told to broadcast its own rows.
 *
 * Addresses are in network byte order, port_h in host order.
 */
#ifndef CLUA_ALIASD_STATE_H
#define CLUA_ALIASD_STATE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aliasd/state/select.h"
#include "proto/alias_api.h"
#include "proto/alias_msg.h"
#include "proto/gab_ctl.h"

struct state;

struct state_row {
	uint16_t node;
	uint16_t flags; /* enum alias_row_flag */
	uint16_t selw, selp, rpri;
	uint8_t prefixlen; /* of the virtual subnet; 0 = not said */
};

struct state_alias {
	struct in_addr addr;
	char name[ALIAS_NAME_MAX];
	uint32_t id;     /* from 1, the same on every member */
	uint16_t master; /* node, or SEL_NO_NODE */
	size_t nrows;
	struct state_row *rows; /* by ascending node; never empty */
	bool dirty;             /* these two are internal */
	uint32_t pass;
};

/* What follows from what happened; what is NULL is not told. */
struct state_ops {
	/* Ordered; only called inside a view. */
	void (*broadcast)(const uint8_t *, size_t, void *arg);
	/* We hold the state: our own rows are not in it and are to be broadcast now. */
	void (*on_loaded)(void *arg);
	/*
	 * The snapshot for us was malformed. The others take us for a member with state, so we are out
	 * of the group by now as after state_lost(), and have to leave it and to join afresh.
	 */
	void (*on_bad_snapshot)(void *arg);
	/* All is void (we start afresh, or left the group): no master, no target, no alias. */
	void (*on_reset)(void *arg);
	/* The alias is new, or something of it changed, its master perhaps. */
	void (*on_alias)(const struct state_alias *, void *arg);
	void (*on_alias_gone)(struct in_addr, void *arg);
	/* state_targets() of this service may have changed. */
	void (*on_service)(struct in_addr alias, uint8_t proto, uint16_t port_h, void *arg);
	/*
	 * When many aliases change at once those for which is_urgent says true go before the others; when they
	 * and their services were told, on_urgent. They must not change the state.
	 */
	bool (*is_urgent)(struct in_addr, void *arg);
	void (*on_urgent)(void *arg);
	/* The table of services changed. */
	void (*on_services)(void *arg);
	/* A member, perhaps we, may not add this alias: there are state_limit() of them. */
	void (*on_full)(struct in_addr, uint16_t node, void *arg);
	/* What a member is configured for became known, or changed. */
	void (*on_limit)(uint16_t node, void *arg);
	/* Who has which ports may have changed. */
	void (*on_shares)(void *arg);
	/* A member said how its file is. */
	void (*on_file)(uint16_t node, void *arg);
	/* Our own message with this token has taken effect. */
	void (*on_own)(uint64_t token, void *arg);
	/* What became of our own wish for a program with this token; it is in force. port_h: if OK. */
	void (*on_result)(
	    uint64_t token, enum alias_api_status, uint16_t port_h, void *arg);
	/* Look whether this common port is free on this host, and broadcast an ALIAS_MSG_VOTE. */
	void (*on_probe)(const struct alias_api *, void *arg);
};

struct state *state_new(const struct state_ops *, void *arg);
void state_free(struct state *);

void state_view(struct state *, const struct gab_ev_view *);
/*
 * When somebody leaves and many aliases change, what follows for each is told by on_alias and on_service
 * here, for at most n aliases, unless the next message or view comes first. True if there are more.
 */
bool state_work(struct state *, size_t n);
bool state_owes(const struct state *);
/* False for a malformed message, which is ignored, by every member alike. */
bool state_ordered(struct state *, uint16_t src, const uint8_t *, size_t);
/* Out of the group. */
void state_lost(struct state *);

/* ---- what it knows ---- */
bool state_loaded(const struct state *);
bool state_quorate(const struct state *);
uint32_t state_gen(const struct state *); /* of the view; 0 = in none */
uint16_t state_self(const struct state *);
bool state_is_member(const struct state *, uint16_t node);
bool state_is_synced(const struct state *, uint16_t node);
/* Aliases that a member is configured for, 0 if it has not said; the lowest, which is in force. */
uint32_t state_limit_of(const struct state *, uint16_t node);
uint32_t state_limit(const struct state *);
size_t state_members(const struct state *, const uint16_t **ids); /* ascending */

const struct state_alias *state_alias(const struct state *, struct in_addr);
const struct state_row *state_row(const struct state_alias *, uint16_t node); /* or NULL */
size_t state_alias_count(const struct state *);
void state_each_alias(
    const struct state *, void (*fn)(const struct state_alias *, void *arg), void *arg);
/* The same by ascending id. */
void state_each_alias_by_id(
    const struct state *, void (*fn)(const struct state_alias *, void *arg), void *arg);

/* The one with the lowest id above this; NULL if there is none. */
const struct state_alias *state_alias_after(const struct state *, uint32_t id);

/* Every (alias, service) that somebody who joined listens on, by ascending port. */
void state_each_service(const struct state *, struct in_addr alias,
    void (*fn)(uint8_t proto, uint16_t port_h, void *arg), void *arg);
/*
 * Who gets new connections, as select_targets() says, without members for which usable() is false
 * (NULL: all are usable). An in_single service stays with its active member even so. out has room
 * for LLT_MAX_NODES + 1.
 */
size_t state_targets(const struct state *, struct in_addr alias, uint8_t proto, uint16_t port_h,
    bool (*usable)(uint16_t node, void *arg), void *arg, struct sel_target *out);
uint16_t state_active(const struct state *, struct in_addr alias, uint8_t proto, uint16_t port_h);
/* Members that joined and listen, in their order; out has room for LLT_MAX_NODES. */
size_t state_listeners(const struct state *, struct in_addr alias, uint8_t proto, uint16_t port_h,
    uint16_t *out);

/* Attributes in force: those registered, or in_single. */
uint16_t state_attrs(const struct state *, uint8_t proto, uint16_t port_h);
const struct alias_svc *state_svc(const struct state *, uint8_t proto, uint16_t port_h);
/* What is registered, by the file or by programs, by protocol and port; caller frees. */
struct alias_svc *state_svc_table(const struct state *, size_t *n);
uint32_t state_svc_version(const struct state *); /* 0 = there never was one */

/*
 * The ports from which connections of the default alias leave, shared out for good: who comes back finds
 * its share, unless all were taken and others needed one.
 */
struct state_shares {
	uint16_t first, size, n; /* share i: size ports from first + i * size; n = 0: nobody asked yet */
	uint16_t node[ALIAS_SHARES_MAX]; /* or SEL_NO_NODE */
	uint32_t left_at[ALIAS_SHARES_MAX]; /* view in which it left last */
};
const struct state_shares *state_shares(const struct state *);
int state_share_of(const struct state *, uint16_t node); /* -1: it has none */

/* A member's own file, compared with the table of the cluster. */
enum alias_file_state state_file(const struct state *, uint16_t node);
uint32_t state_file_version(const struct state *, uint16_t node); /* of the table it knew then */

/* What programs registered, by protocol and port. */
void state_each_registration(
    const struct state *, void (*fn)(const struct alias_api_reg *, void *arg), void *arg);
/* Whether there is a registration of this port, or of this program if there is one in it. */
bool state_has_registration(const struct state *, const struct alias_api *);

/* Everything in a fixed order, as the snapshot has it: equal members give equal bytes. Caller frees. */
uint8_t *state_dump(const struct state *, size_t *len);

#endif
