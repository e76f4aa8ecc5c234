/* SPDX-License-Identifier: ISC */
/* A daemon that a command makes read its file: exit status 0 is its consent. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"
#include "aliasd/route/tell.h"
#include "common/child.h"
#include "common/ev.h"

#define WORDS_MAX 32

struct tell_gated {
	struct ev_loop *loop;
	const struct tell_conf *conf;
	const struct tell_events *events;
	void *arg;
	struct child *child;
	struct ev_timer *start;
};

static void
on_end(const struct child_result *r, void *arg)
{
	struct tell_gated *t = arg;
	char text[256];

	t->child = NULL;
	if (r->status == 0) {
		t->events->on_done(true, "reconfigured", t->arg);
		return;
	}
	tell_reason(r, t->conf->command, text, sizeof(text));
	t->events->on_done(false, text, t->arg);
}

static void
on_start(void *arg)
{
	struct tell_gated *t = arg;
	const char *argv[WORDS_MAX];
	char words[PATH_MAX], text[256];

	snprintf(words, sizeof(words), "%s", t->conf->command);
	tell_words(words, argv, WORDS_MAX);
	errno = ENOENT;
	if (argv[0] != NULL)
		t->child = child_run(t->loop, argv, NULL, t->conf->timeout, on_end, t);
	if (t->child != NULL)
		return;
	snprintf(text, sizeof(text), "cannot run \"%.128s\": %s", t->conf->command, strerror(errno));
	t->events->on_done(false, text, t->arg);
}

static void
begin(void *arg, const struct route_spec *spec, const struct route_set *set)
{
	struct tell_gated *t = arg;

	ev_timer_set(t->start, 0);
}

static void
discard(void *arg)
{
	struct tell_gated *t = arg;

	child_free(t->child);
	ev_timer_free(t->start);
	free(t);
}

static void *
create(struct ev_loop *loop, const struct tell_conf *conf, const struct tell_events *events, void *arg)
{
	struct tell_gated *t = mem_zalloc(sizeof(*t));

	t->loop = loop;
	t->conf = conf;
	t->events = events;
	t->arg = arg;
	t->start = ev_timer_new(loop, on_start, t);
	if (t->start != NULL)
		return t;
	discard(t);
	return NULL;
}

const struct tell_ops tell_gated = { .new = create, .free = discard, .begin = begin };
