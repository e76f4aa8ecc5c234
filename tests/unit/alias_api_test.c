/* SPDX-License-Identifier: ISC */
/* What programs register: one member's state, fed by hand as the group would. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aliasd/core/map.h"
#include "aliasd/edge/registry.h"
#include "aliasd/state/state.h"
#include "proto/alias_msg_list.h"
#include "tests/unit/unit.h"

struct seen {
	unsigned results, probes;
	uint64_t token;
	enum alias_api_status status;
	uint16_t port_h;
	struct alias_api probe;
};

static struct seen seen;
static struct state *st;
static uint64_t next_token;

static void
on_result(uint64_t token, enum alias_api_status status, uint16_t port_h, void *arg)
{
	seen.results++;
	seen.token = token;
	seen.status = status;
	seen.port_h = port_h;
}

static void
on_probe(const struct alias_api *a, void *arg)
{
	seen.probes++;
	seen.probe = *a;
}

static const struct state_ops ops = { .on_result = on_result, .on_probe = on_probe };

/* Members 0, 1 and 2; we are 0. */
static void
begin(void)
{
	struct gab_ev_view v = { .gen = 1, .self = 0, .quorate = true, .fresh = true, .nmembers = 3,
		.members = { 0, 1, 2 }, .njoined = 3, .joined = { 0, 1, 2 } };

	memset(&seen, 0, sizeof(seen));
	next_token = 100;
	st = state_new(&ops, NULL);
	state_view(st, &v);
	ck_assert(state_loaded(st));
}

static void
leaves(uint16_t node, uint32_t gen)
{
	struct gab_ev_view v = { .gen = gen, .self = 0, .quorate = true, .nleft = 1, .left = { node } };
	uint16_t i;

	for (i = 0; i < 3; i++) {
		if (i != node)
			v.members[v.nmembers++] = i;
	}
	state_view(st, &v);
}

static enum alias_api_status
send_api(uint16_t src, enum alias_msg_type type, const struct alias_api *a)
{
	unsigned before = seen.results;
	uint8_t buf[64];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_api(&w, type, ++next_token, a);
	ck_assert(state_ordered(st, src, buf, wire_wr_len(&w)));
	if (seen.results == before)
		return ALIAS_API_PENDING;
	ck_assert_uint_eq(seen.results, before + 1);
	return seen.status;
}

static enum alias_api_status
reg(uint16_t src, uint16_t port_h, uint16_t options)
{
	struct alias_api a = { .proto = IPPROTO_TCP, .port_h = port_h, .options = options };

	return send_api(src, ALIAS_MSG_REGISTER, &a);
}

static enum alias_api_status
unreg(uint16_t src, uint16_t port_h)
{
	struct alias_api a = { .proto = IPPROTO_TCP, .port_h = port_h };

	return send_api(src, ALIAS_MSG_UNREGISTER, &a);
}

static void
release(uint16_t src, uint16_t port_h)
{
	struct alias_api a = { .proto = IPPROTO_TCP, .port_h = port_h };

	send_api(src, ALIAS_MSG_RELEASE, &a);
}

static void
listens(uint16_t src, uint16_t port_h, bool add)
{
	struct alias_listen l = { .add = add, .proto = IPPROTO_TCP, .port_h = port_h };
	struct alias_list list;
	uint8_t buf[64];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_list_begin(&list, &w, ALIAS_MSG_LISTEN);
	alias_list_listen(&list, &l);
	alias_list_end(&list);
	ck_assert(state_ordered(st, src, buf, wire_wr_len(&w)));
}

static void
file_table(const struct alias_svc *svc, size_t n)
{
	uint8_t buf[512];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_services(&w, 0, false, svc, n);
	ck_assert(state_ordered(st, 1, buf, wire_wr_len(&w)));
}

static uint16_t
attrs(uint16_t port_h)
{
	return state_attrs(st, IPPROTO_TCP, port_h);
}

START_TEST(options)
{
	begin();
	ck_assert_uint_eq(reg(0, 7300, ALIAS_IN_MULTI | ALIAS_IN_SINGLE), ALIAS_API_EBADOPTION);
	ck_assert_uint_eq(reg(0, 7300, ALIAS_IN_NOLOCAL | ALIAS_IN_NOALIAS), ALIAS_API_EBADOPTION);
	ck_assert_uint_eq(reg(0, 7300, 0x0040), ALIAS_API_EBADOPTION);
	ck_assert_uint_eq(reg(0, 7300, ALIAS_OUT_LOCAL), ALIAS_API_EBADOPTION);
	ck_assert_uint_eq(reg(0, 7300, ALIAS_NONE | ALIAS_IN_MULTI), ALIAS_API_EBADOPTION);
	ck_assert(state_svc(st, IPPROTO_TCP, 7300) == NULL);
	ck_assert_uint_eq(reg(0, 7300, 0), ALIAS_API_OK);
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_SINGLE);
	state_free(st);
}
END_TEST

START_TEST(conflicts)
{
	begin();
	ck_assert_uint_eq(reg(1, 7300, ALIAS_IN_MULTI), ALIAS_API_PENDING); /* another's result */
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_MULTI);
	ck_assert_uint_eq(reg(0, 7300, ALIAS_IN_MULTI), ALIAS_API_OK);
	ck_assert_uint_eq(reg(0, 7300, ALIAS_IN_SINGLE), ALIAS_API_EPORTCONFLICT);
	ck_assert_uint_eq(reg(0, 7300, ALIAS_IN_MULTI | ALIAS_STATIC), ALIAS_API_EPORTCONFLICT);
	ck_assert_uint_eq(unreg(0, 7301), ALIAS_API_ENOTRESERVED);
	ck_assert_uint_eq(unreg(0, 7300), ALIAS_API_OK);
	ck_assert_uint_eq(unreg(0, 7300), ALIAS_API_ENOTRESERVED);
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_SINGLE);
	ck_assert_uint_eq(reg(0, 7300, ALIAS_IN_NOALIAS), ALIAS_API_OK);
	ck_assert_uint_eq(reg(0, 7300, ALIAS_NONE), ALIAS_API_OK);
	ck_assert_uint_eq(reg(0, 7300, ALIAS_NONE), ALIAS_API_OK);
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_SINGLE);
	state_free(st);
}
END_TEST

START_TEST(the_file_is_kept_apart)
{
	struct alias_svc file = { "http", IPPROTO_TCP, 80, ALIAS_IN_MULTI, 0 };
	struct alias_svc other = { "x", IPPROTO_TCP, 7300, ALIAS_IN_SINGLE, 0 };
	struct alias_svc *table;
	size_t n;

	begin();
	file_table(&file, 1);
	ck_assert_uint_eq(reg(0, 80, ALIAS_IN_SINGLE), ALIAS_API_EPORTCONFLICT);
	ck_assert_uint_eq(reg(0, 80, ALIAS_NONE), ALIAS_API_EPORTCONFLICT);
	ck_assert_uint_eq(unreg(0, 80), ALIAS_API_ENOTRESERVED);
	ck_assert_uint_eq(reg(0, 7300, ALIAS_IN_MULTI), ALIAS_API_OK);
	table = state_svc_table(st, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(table[0].port_h, 80);
	ck_assert_uint_eq(table[1].port_h, 7300);
	free(table);
	/* The new file says otherwise, and wins as long as it does. */
	file_table(&other, 1);
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_SINGLE);
	table = state_svc_table(st, &n);
	ck_assert_uint_eq(n, 1);
	free(table);
	file_table(&file, 1);
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_MULTI);
	state_free(st);
}
END_TEST

START_TEST(transient_until_the_last_unbind)
{
	const uint16_t multi = ALIAS_IN_MULTI | ALIAS_TRANSIENT;

	begin();
	ck_assert_uint_eq(reg(0, 7300, multi), ALIAS_API_OK);
	reg(1, 7300, multi);
	listens(0, 7300, true);
	listens(0, 7300, false);
	ck_assert_msg(attrs(7300) == ALIAS_IN_MULTI, "member 1 has yet to listen");
	listens(1, 7300, true);
	listens(2, 7300, true);
	listens(1, 7300, false);
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_MULTI);
	listens(2, 7300, false);
	ck_assert_msg(attrs(7300) == ALIAS_IN_SINGLE, "that was the last");
	/* A program that ends before it listened anywhere. */
	ck_assert_uint_eq(reg(0, 7300, multi), ALIAS_API_OK);
	release(0, 7300);
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_SINGLE);
	/* One that registers while it listens. */
	listens(0, 7300, true);
	ck_assert_uint_eq(reg(0, 7300, multi), ALIAS_API_OK);
	release(0, 7300);
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_MULTI);
	listens(0, 7300, false);
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_SINGLE);
	/* What was registered to stay stays. */
	ck_assert_uint_eq(reg(0, 7300, multi), ALIAS_API_OK);
	ck_assert_uint_eq(reg(0, 7300, ALIAS_IN_MULTI), ALIAS_API_OK);
	release(0, 7300);
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_MULTI);
	state_free(st);
}
END_TEST

START_TEST(transient_and_a_member_that_leaves)
{
	const uint16_t multi = ALIAS_IN_MULTI | ALIAS_TRANSIENT;

	begin();
	reg(1, 7300, multi);
	reg(2, 7301, multi);
	listens(2, 7301, true);
	leaves(1, 2);
	ck_assert_uint_eq(attrs(7300), ALIAS_IN_SINGLE);
	ck_assert_uint_eq(attrs(7301), ALIAS_IN_MULTI);
	state_free(st);
}
END_TEST

static void
vote(uint16_t src, bool busy)
{
	struct alias_api a = seen.probe;

	a.busy = busy;
	send_api(src, ALIAS_MSG_VOTE, &a);
}

static enum alias_api_status
common(uint16_t src, uint32_t prog, bool resv, uint16_t avoid)
{
	struct alias_api a = { .proto = IPPROTO_TCP, .prog = prog, .resv = resv, .port_h = avoid };

	return send_api(src, ALIAS_MSG_COMMPORT, &a);
}

START_TEST(common_port)
{
	uint16_t first, port;

	begin();
	ck_assert_uint_eq(common(0, 0x20000000, false, 0), ALIAS_API_PENDING);
	ck_assert_uint_eq(seen.probes, 1);
	first = seen.probe.port_h;
	ck_assert_uint_ge(first, 1024);
	ck_assert(state_svc(st, IPPROTO_TCP, first) == NULL);
	vote(0, false);
	vote(1, false);
	ck_assert_uint_eq(reg(0, first, ALIAS_IN_MULTI), ALIAS_API_EPORTCONFLICT);
	vote(2, true);
	ck_assert_uint_eq(seen.probes, 2);
	port = seen.probe.port_h;
	ck_assert_uint_ne(port, first);
	ck_assert_uint_eq(common(1, 0x20000000, false, 0), ALIAS_API_PENDING);
	vote(2, false);
	vote(2, false); /* counts once */
	vote(1, false);
	seen.results = 0;
	vote(0, false);
	ck_assert_uint_eq(seen.results, 1);
	ck_assert_uint_eq(seen.token, 101);
	ck_assert_uint_eq(seen.status, ALIAS_API_OK);
	ck_assert_uint_eq(seen.port_h, port);
	ck_assert_uint_eq(attrs(port), ALIAS_IN_MULTI | ALIAS_STATIC);
	ck_assert_uint_eq(common(0, 0x20000000, false, 0), ALIAS_API_OK);
	ck_assert_uint_eq(seen.port_h, port);
	ck_assert_uint_eq(seen.probes, 2);
	/* Another member holds it: it cannot be another one. */
	ck_assert_uint_eq(common(0, 0x20000000, false, port), ALIAS_API_EBUSY);
	leaves(1, 2);
	ck_assert_uint_eq(common(0, 0x20000000, false, port), ALIAS_API_PENDING);
	vote(0, true);
	vote(0, false);
	ck_assert_uint_eq(common(0, 0x20000000, true, 0), ALIAS_API_PENDING);
	ck_assert_uint_lt(seen.probe.port_h, 1024);
	state_free(st);
}
END_TEST

START_TEST(common_port_and_leaving)
{
	begin();
	common(0, 0x20000001, false, 0);
	vote(0, false);
	vote(2, false);
	ck_assert_uint_eq(seen.results, 0);
	leaves(1, 2);
	ck_assert_uint_eq(seen.results, 1);
	ck_assert_uint_eq(seen.status, ALIAS_API_OK);
	/* The one who asked is gone, and nobody waits any more. */
	common(2, 0x20000002, false, 0);
	leaves(2, 3);
	ck_assert(!state_has_registration(st, &seen.probe));
	vote(0, false);
	ck_assert_uint_eq(attrs(seen.probe.port_h), ALIAS_IN_SINGLE);
	state_free(st);
}
END_TEST

START_TEST(no_port_is_free)
{
	unsigned i;

	begin();
	common(0, 0x20000003, true, 0);
	for (i = 0; i < 1000 && seen.results == 0; i++)
		vote(1, true);
	ck_assert_uint_eq(seen.results, 1);
	ck_assert_uint_eq(seen.status, ALIAS_API_EFULL);
	ck_assert_uint_lt(i, 424);
	ck_assert_uint_gt(i, 380);
	state_free(st);
}
END_TEST

static void
count(struct registry_entry *e, void *arg)
{
	++*(unsigned *)arg;
}

START_TEST(the_registry_file)
{
	const char *file = unit_file("registered", "");
	struct alias_api a = { .proto = IPPROTO_TCP, .port_h = 7300, .options = ALIAS_IN_MULTI };
	struct alias_api t = { .proto = IPPROTO_UDP, .port_h = 7301,
		.options = ALIAS_IN_MULTI | ALIAS_TRANSIENT };
	struct registry *r = registry_new(file);
	struct registry_entry *e;
	unsigned n = 0;

	e = registry_add(r, &a, 0);
	ck_assert_ptr_eq(registry_add(r, &a, 0), e);
	e->kept = true;
	e = registry_add(r, &t, getpid());
	e->kept = true;
	ck_assert_uint_ne(e->started, 0);
	ck_assert_uint_eq(registry_others(r, e), 0);
	ck_assert(!registry_held_by_other(r, &t, getpid()));
	ck_assert(registry_held_by_other(r, &t, 1));
	e = registry_add(r, &t, 0x3fffffff); /* no such process */
	e->kept = true;
	ck_assert_uint_eq(registry_others(r, e), 1);
	registry_add(r, &t, 1); /* not in force yet */
	registry_store(r);
	registry_free(r);
	r = registry_new(file);
	registry_each(r, count, &n);
	ck_assert_uint_eq(n, 2);
	registry_free(r);
	r = registry_new(unit_file("bad", "6 0 10 0 0 0 0\n6 80 ffff 0 0 0 0\n7 80 10 0 0 0 0\nx\n"));
	n = 0;
	registry_each(r, count, &n);
	ck_assert_uint_eq(n, 0);
	registry_free(r);
	ck_assert_uint_eq(registry_process_start(0x3fffffff), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { options, conflicts, the_file_is_kept_apart,
		transient_until_the_last_unbind, transient_and_a_member_that_leaves, common_port,
		common_port_and_leaving, no_port_is_free, the_registry_file, NULL };

	return unit_run("alias_api", tests);
}
