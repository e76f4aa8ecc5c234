/* SPDX-License-Identifier: ISC */
#include "proto/alias_event.h"

#include <string.h>

enum { FLAG_ON = 1, FLAG_SNAPSHOT = 2 };

const char *
alias_event_word(unsigned type)
{
	static const char *const words[ALIAS_EV_MAX] = { NULL, "group", "quorum", "member", "alias",
		"master", "service", "conflict", "synced" };

	return type < ALIAS_EV_MAX ? words[type] : NULL;
}

struct alias_event
alias_event_new(enum alias_event_type type)
{
	return (struct alias_event){ .type = (uint8_t)type, .node = ALIAS_EV_NO_NODE,
		.former = ALIAS_EV_NO_NODE };
}

void
alias_event_encode(struct wire_wr *w, const struct alias_event *ev)
{
	uint16_t i;

	wire_wr_u64(w, ev->seq);
	wire_wr_u8(w, ev->type);
	wire_wr_u8(w, (uint8_t)((ev->on ? FLAG_ON : 0) | (ev->snapshot ? FLAG_SNAPSHOT : 0)));
	wire_wr_u16(w, ev->node);
	wire_wr_u16(w, ev->former);
	wire_wr_addr(w, ev->addr);
	wire_wr_u8(w, ev->proto);
	wire_wr_u16(w, ev->port_h);
	wire_wr_str(w, ev->name);
	wire_wr_str(w, ev->text);
	wire_wr_u16(w, ev->nlisteners);
	for (i = 0; i < ev->nlisteners; i++)
		wire_wr_u16(w, ev->listener[i]);
}

bool
alias_event_decode(const uint8_t *buf, size_t len, struct alias_event *ev)
{
	struct wire_rd r;
	uint8_t flags;
	uint16_t i;

	memset(ev, 0, sizeof(*ev));
	wire_rd_init(&r, buf, len);
	ev->seq = wire_rd_u64(&r);
	ev->type = wire_rd_u8(&r);
	flags = wire_rd_u8(&r);
	ev->on = flags & FLAG_ON;
	ev->snapshot = flags & FLAG_SNAPSHOT;
	ev->node = wire_rd_u16(&r);
	ev->former = wire_rd_u16(&r);
	ev->addr = wire_rd_addr(&r);
	ev->proto = wire_rd_u8(&r);
	ev->port_h = wire_rd_u16(&r);
	wire_rd_str(&r, ev->name, sizeof(ev->name));
	wire_rd_str(&r, ev->text, sizeof(ev->text));
	ev->nlisteners = (uint16_t)wire_rd_count16(&r, 2, ALIAS_EV_LISTENERS);
	for (i = 0; i < ev->nlisteners; i++)
		ev->listener[i] = wire_rd_u16(&r);
	return wire_rd_done(&r) && flags <= (FLAG_ON | FLAG_SNAPSHOT) && alias_event_word(ev->type) != NULL;
}
