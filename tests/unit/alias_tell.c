/* SPDX-License-Identifier: ISC */
#include "tests/unit/alias_tell.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/ev.h"
#include "tests/unit/unit.h"

static const char ifaces[1][NETLINK_NAME_MAX] = { "eth0" };
static const struct route_spec spec = { .member = 2, .name = "n2", .protocols = ROUTE_OSPF,
	.area = "0.0.0.0", .nifaces = 1, .ifaces = ifaces };

static void
on_done(bool ok, const char *text, void *arg)
{
	struct tell_rig *rig = arg;

	rig->answers++;
	rig->ok = ok;
	snprintf(rig->text, sizeof(rig->text), "%s", text);
	ev_loop_break(rig->loop);
}

static void
on_lost(const char *why, void *arg)
{
	struct tell_rig *rig = arg;

	rig->losses++;
	snprintf(rig->text, sizeof(rig->text), "%s", why);
	ev_loop_break(rig->loop);
}

static const struct tell_events events = { .on_done = on_done, .on_lost = on_lost };

void
tell_rig_open(struct tell_rig *rig, const struct tell_ops *ops)
{
	if (rig->loop == NULL)
		rig->loop = ev_loop_new();
	rig->ops = ops;
	rig->tell = ops->new(rig->loop, &rig->conf, &events, rig);
	ck_assert_ptr_nonnull(rig->tell);
}

void
tell_rig_close(struct tell_rig *rig)
{
	rig->ops->free(rig->tell);
	route_set_free(&rig->set);
	ev_loop_free(rig->loop);
}

void
tell_rig_routes(struct tell_rig *rig, size_t n)
{
	struct route_alias a = { .rpri = 1 };
	size_t i;

	rig->set.n = 0;
	for (i = 0; i < n; i++) {
		a.addr.s_addr = htonl(0xc6336400 + (uint32_t)i); /* 198.51.100.0 */
		route_set_alias(&rig->set, &a, false);
	}
	route_set_finish(&rig->set);
}

void
tell_rig_expect(struct tell_rig *rig, bool ok, const char *text)
{
	int answers = rig->answers, losses = rig->losses;

	rig->ops->begin(rig->tell, &spec, &rig->set);
	ck_assert_msg(rig->answers == answers, "answered from inside begin()");
	ck_assert_int_eq(ev_loop_run(rig->loop), 0);
	ck_assert_int_eq(rig->answers, answers + 1);
	ck_assert_int_eq(rig->losses, losses);
	ck_assert_msg(strncmp(rig->text, text, strlen(text)) == 0, "\"%s\", not \"%s\"", rig->text, text);
	ck_assert_int_eq(rig->ok, ok);
}

void
tell_rig_expect_lost(struct tell_rig *rig, const char *text)
{
	int answers = rig->answers, losses = rig->losses;

	ck_assert_int_eq(ev_loop_run(rig->loop), 0);
	ck_assert_int_eq(rig->losses, losses + 1);
	ck_assert_int_eq(rig->answers, answers);
	ck_assert_str_eq(rig->text, text);
}
