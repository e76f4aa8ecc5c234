/* SPDX-License-Identifier: ISC */
/* Packets that are too large for the way to the member that shall have them. */
#include <string.h>

#include "aliasd/core/split.h"
#include "aliasd/engine/engine_priv.h"

/* What the interface of the path takes. */
static uint32_t
path_limit(const struct engine *e, const struct dp_path *p)
{
	const struct netlink_link *k = netlink_link_by_index(lan_netlink(e->lan), p->ifindex);

	return k == NULL ? 0 : k->mtu;
}

size_t
engine_paths(const struct engine *e, uint16_t node, struct dp_path out[LLT_MAX_LINKS])
{
	size_t i, n = paths_get(e->paths, node, out);

	for (i = 0; i < n; i++)
		if (out[i].remote.s_addr == 0)
			out[i].limit = path_limit(e, &out[i]);
	return n;
}

static void
answer(struct engine *e, uint16_t limit, uint32_t ifindex, const uint8_t *frame, size_t len)
{
	uint8_t out[SPLIT_NOTICE_MAX];
	size_t n = split_notice(out, frame, len, limit);

	if (n > 0)
		rawsock_send(e->raw, ifindex, out, n);
}

struct way {
	struct engine *e;
	uint32_t ifindex;
};

static void
send_piece(const uint8_t *frame, size_t len, void *arg)
{
	struct way *w = arg;

	rawsock_send(w->e->raw, w->ifindex, frame, len);
}

static void
send_on(struct engine *e, const struct dp_too_big *t, const uint8_t *frame, size_t len)
{
	static uint8_t copy[SPLIT_FRAME_MAX];
	struct dp_path path[LLT_MAX_LINKS];
	struct way w = { .e = e };
	uint16_t limit = t->limit;

	if (len > sizeof(copy) || engine_paths(e, t->node, path) == 0)
		return;
	if (path[0].limit != 0 && path[0].limit < limit)
		limit = (uint16_t)path[0].limit;
	w.ifindex = path[0].ifindex;
	memcpy(copy, frame, len);
	memcpy(copy, path[0].dst, 6);
	memcpy(copy + 6, path[0].src, 6);
	split_frame(copy, len, limit, t->segment, send_piece, &w);
}

void
engine_on_too_big(const struct dp_too_big *t, uint32_t ifindex, const uint8_t *frame, size_t len,
    void *arg)
{
	if (len < 14 || t->node >= LLT_MAX_NODES)
		return;
	if (split_allowed(frame, len))
		send_on(arg, t, frame, len);
	else
		answer(arg, t->limit, ifindex, frame, len);
}
