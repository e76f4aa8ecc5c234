/* SPDX-License-Identifier: ISC */
/* What the tests of those who tell routing daemons share: a loop, and what they have said. */
#ifndef CLUA_TESTS_ALIAS_TELL_H
#define CLUA_TESTS_ALIAS_TELL_H

#include <stdbool.h>
#include <stddef.h>

#include "aliasd/route/tell.h"

struct tell_rig { /* zeroed, conf filled in */
	struct tell_conf conf;
	struct ev_loop *loop;
	const struct tell_ops *ops;
	void *tell;
	struct route_set set;
	int answers, losses;
	bool ok;
	char text[512]; /* of the last answer or loss */
};

void tell_rig_open(struct tell_rig *, const struct tell_ops *);
void tell_rig_close(struct tell_rig *);
void tell_rig_routes(struct tell_rig *, size_t n);
/* begin(), and until it has answered: with ok, and with a text that begins so. */
void tell_rig_expect(struct tell_rig *, bool ok, const char *text);
/* Until the daemon's end has been told of, with this text. */
void tell_rig_expect_lost(struct tell_rig *, const char *text);

#endif
