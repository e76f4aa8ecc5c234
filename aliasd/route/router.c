/* SPDX-License-Identifier: ISC */
#include "aliasd/route/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"

struct router {
	const struct router_ops *ops;
	void *arg;
	enum router_state state;
	bool telling; /* an answer is due */
	bool stale;   /* what is being told is not what is wanted any more */
	char *want;
	size_t len;
	char text[ROUTER_TEXT_MAX];
};

struct router *
router_new(const struct router_ops *ops, void *arg)
{
	struct router *r = mem_zalloc(sizeof(*r));

	r->ops = ops;
	r->arg = arg;
	return r;
}

void
router_free(struct router *r)
{
	if (r == NULL)
		return;
	free(r->want);
	free(r);
}

static void
become(struct router *r, enum router_state state, const char *text)
{
	bool same = r->state == state && strcmp(r->text, text) == 0;

	r->state = state;
	snprintf(r->text, sizeof(r->text), "%s", text);
	if (!same)
		r->ops->on_state(r->arg);
}

static void
fail(struct router *r, const char *why, uint64_t now)
{
	r->ops->timer(now + ROUTER_RETRY, r->arg);
	become(r, ROUTER_FAILED, why);
}

static void
begin(struct router *r, uint64_t now)
{
	char why[ROUTER_TEXT_MAX];

	r->stale = false;
	r->ops->timer(0, r->arg);
	if (r->ops->write(r->want, r->len, why, sizeof(why), r->arg) < 0) {
		fail(r, why, now);
		return;
	}
	r->telling = true;
	/* What failed is not pending each time it is tried again. */
	if (r->state != ROUTER_FAILED)
		become(r, ROUTER_PENDING, r->text);
	r->ops->tell(r->arg);
}

static void
start(struct router *r, uint64_t now)
{
	if (r->want == NULL || r->state == ROUTER_PAUSED)
		return;
	if (r->telling)
		r->stale = true;
	else
		begin(r, now);
}

void
router_set(struct router *r, char *text, size_t len, uint64_t now)
{
	bool same = r->want != NULL && r->len == len && memcmp(r->want, text, len) == 0;

	free(r->want);
	r->want = text;
	r->len = len;
	if (!same)
		start(r, now);
}

void
router_pause(struct router *r, bool pause, uint64_t now)
{
	if (pause == (r->state == ROUTER_PAUSED))
		return;
	if (pause) {
		r->ops->timer(0, r->arg);
		become(r, ROUTER_PAUSED, "");
		return;
	}
	become(r, r->want == NULL ? ROUTER_IDLE : ROUTER_PENDING, "");
	start(r, now);
}

void
router_told(struct router *r, bool ok, const char *text, uint64_t now)
{
	r->telling = false;
	if (r->state == ROUTER_PAUSED)
		return;
	if (r->stale)
		begin(r, now);
	else if (ok)
		become(r, ROUTER_DONE, text);
	else
		fail(r, text, now);
}

void
router_lost(struct router *r, const char *why, uint64_t now)
{
	if (r->state == ROUTER_DONE || r->state == ROUTER_FAILED)
		fail(r, why, now);
}

void
router_again(struct router *r, uint64_t now)
{
	start(r, now);
}

void
router_tick(struct router *r, uint64_t now)
{
	if (r->state == ROUTER_FAILED && !r->telling)
		begin(r, now);
}

enum router_state
router_state(const struct router *r)
{
	return r->state;
}

const char *
router_text(const struct router *r)
{
	return r->text;
}

bool
router_settled(const struct router *r)
{
	return r->state == ROUTER_PAUSED || (r->state != ROUTER_PENDING && !r->telling && !r->stale);
}
