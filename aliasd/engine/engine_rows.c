/* SPDX-License-Identifier: ISC */
/* Our own rows on their way to the group: gathered for a moment, so that thousands are few messages. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "aliasd/engine/engine_priv.h"

#define ROOM (sizeof(struct alias_row) + 16) /* that one row takes at most */

struct rows {
	struct wire_wr w;
	struct alias_list list;
	uint8_t buf[48 * 1024];
};

struct rows *
engine_rows_new(void)
{
	return mem_zalloc(sizeof(struct rows));
}

static void
begin(struct engine *e, uint64_t token)
{
	wire_wr_init(&e->rows->w, e->rows->buf, sizeof(e->rows->buf));
	alias_list_begin_rows(&e->rows->list, &e->rows->w, token, e->conf->max_aliasid);
}

void
engine_rows_clear(struct engine *e)
{
	e->rows->list.count = 0;
}

void
engine_rows_flush(struct engine *e)
{
	struct rows *r = e->rows;

	if (r->list.count == 0)
		return;
	alias_list_end(&r->list);
	r->list.count = 0;
	engine_broadcast(e, r->buf, wire_wr_len(&r->w));
}

void
engine_send_row(struct engine *e, const struct alias_row *row, uint64_t token)
{
	struct rows *r = e->rows;

	if (!state_loaded(e->state))
		return;
	/* A message has one token, and what it is for comes last. */
	if (token != TOKEN_NONE)
		engine_rows_flush(e);
	if (r->list.count == 0)
		begin(e, token);
	alias_list_row(&r->list, row);
	if (token != TOKEN_NONE || wire_wr_len(&r->w) + ROOM > sizeof(r->buf))
		engine_rows_flush(e);
	else
		engine_work_soon(e);
}

void
engine_send_marker(struct engine *e, uint64_t token)
{
	struct alias_row none = { .addr.s_addr = htonl(INADDR_NONE) };

	engine_send_row(e, &none, token);
}
