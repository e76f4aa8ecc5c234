/* SPDX-License-Identifier: ISC */
/*
 * Control messages of gabd (/run/clua/gabd.sock), in the framing of common/ipc.h.
 */
#ifndef CLUA_PROTO_GAB_CTL_H
#define CLUA_PROTO_GAB_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/llthosts.h"
#include "common/wire.h"

#define GAB_SOCK RUNDIR "/gabd.sock"
#define GAB_MAX_MSG 61440 /* bytes of a client's message */
#define GAB_CLIENT_MAX 64 /* name of a client, with the NUL */

enum gab_ctl_type {
	GAB_REGISTER = 0x0200, /* u8 port letter 'b'..'z', str client name; one client a port and node */
	/*
	 * struct gab_ctl_send; not answered; only inside a view. ORDERED: comes back to its sender at its
	 * place, perhaps in a later view; dropped if the sender has not seen its latest fresh view yet
	 * (the connection is not read while too much is under way). UNICAST, MULTICAST: delivered while
	 * both are in the view it was sent in, else dropped; a new view follows whenever one may have been
	 * lost.
	 */
	GAB_SEND = 0x0201,
	/* 0x0210..0x027f: requests of gabconfig (status, seed); 0x02a0..0x02ff their rows */

	GAB_EV_VIEW = 0x0280, /* struct gab_ev_view */
	GAB_EV_MSG = 0x0281,  /* struct gab_ev_msg */
};

enum gab_send_kind {
	GAB_ORDERED, /* to all members of the port's view, ourselves included, in one order for all */
	GAB_UNICAST, /* to one member: in order with other unicasts of the same sender to the same node */
	GAB_MULTICAST, /* a unicast to every other member of the view, handed over once; arrives as UNICAST */
};

/*
 * The membership of the client's port. Members that go from one view to the next together have
 * delivered the same ordered messages before it. Ids ascend.
 */
struct gab_ev_view {
	uint32_t gen;  /* only grows */
	uint16_t self; /* our node id; always a member */
	bool quorate;
	/*
	 * We (re)start without state: our first view, or we were on the losing side of a healed
	 * partition. Everything learned in earlier views is void. Others see us in joined.
	 */
	bool fresh;
	uint16_t nmembers;
	uint16_t members[LLT_MAX_NODES];
	/*
	 * Members without state: new, or fresh. The same list at every member, so a fresh one finds itself
	 * in it, and whoever is not in it has the state.
	 */
	uint16_t njoined;
	uint16_t joined[LLT_MAX_NODES];
	uint16_t nleft; /* of our previous view; none if we are fresh */
	uint16_t left[LLT_MAX_NODES];
};

struct gab_ctl_send {
	uint8_t kind; /* enum gab_send_kind */
	uint16_t dst; /* UNICAST: a member of the view, not ourselves; 0 for the others */
	uint32_t gen; /* of the view the sender saw last: a unicast from an older one is dropped */
	const uint8_t *data; /* 1..GAB_MAX_MSG */
	size_t len;
};

struct gab_ev_msg {
	uint8_t kind; /* GAB_ORDERED or GAB_UNICAST */
	uint16_t src;
	uint32_t gen; /* of the view it is delivered in */
	const uint8_t *data;
	size_t len;
};

void gab_ev_view_encode(struct wire_wr *, const struct gab_ev_view *);
bool gab_ev_view_decode(const uint8_t *, size_t, struct gab_ev_view *);
void gab_ctl_send_encode(struct wire_wr *, const struct gab_ctl_send *);
bool gab_ctl_send_decode(const uint8_t *, size_t, struct gab_ctl_send *);
void gab_ev_msg_encode(struct wire_wr *, const struct gab_ev_msg *);
bool gab_ev_msg_decode(const uint8_t *, size_t, struct gab_ev_msg *);

#endif
