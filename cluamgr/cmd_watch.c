/* SPDX-License-Identifier: ISC */
/* cluamgr -w */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "cluamgr/cluamgr.h"
#include "cluamgr/watch.h"
#include "common/ipc.h"
#include "proto/alias_ctl.h"

struct watch {
	bool json;
	size_t bad;
};

static void
on_row(const struct ipc_msg *m, void *arg)
{
	struct watch *w = arg;
	struct alias_event ev;
	struct timespec now;

	if (m->type != ALIAS_ROW_EVENT)
		return;
	if (!alias_event_decode(m->data, m->len, &ev)) {
		if (w->bad++ == 0)
			fprintf(stderr, "cluamgr: an event could not be read: aliasd is of another version\n");
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	if (w->json)
		cm_watch_json(stdout, &ev, &now);
	else
		cm_watch_text(stdout, &ev, &now);
	/* A long snapshot is written in large pieces. */
	if (!ev.snapshot || ev.type == ALIAS_EV_SYNCED)
		fflush(stdout);
}

/* Ends when aliasd does, or whoever reads. */
int
cm_watch(const struct cm_args *args)
{
	struct watch w = { .json = args->json };

	return cm_call_for_ever(ALIAS_CTL_WATCH, on_row, &w);
}
