/* SPDX-License-Identifier: ISC */
/* Shares of ports, and members' files: two members' state, fed as the group would. */
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"
#include "aliasd/state/state.h"
#include "tests/unit/unit.h"

#define N 5

static struct state *st, *late;
static unsigned shares, files;
static uint8_t snapshot[65536];
static size_t snapshot_len;

static void
on_broadcast(const uint8_t *data, size_t len, void *arg)
{
	ck_assert_uint_le(len, sizeof(snapshot));
	memcpy(snapshot, data, len);
	snapshot_len = len;
}

static void
on_shares(void *arg)
{
	shares++;
}

static void
on_file(uint16_t node, void *arg)
{
	files++;
}

static const struct state_ops ops = { .broadcast = on_broadcast, .on_shares = on_shares,
	.on_file = on_file };

static void
view(struct state *s, uint32_t gen, uint16_t self, const char *members, const char *joined,
    const char *left)
{
	struct gab_ev_view v = { .gen = gen, .self = self, .quorate = true };

	for (; *members != '\0'; members++)
		v.members[v.nmembers++] = (uint16_t)(*members - '0');
	for (; *joined != '\0'; joined++)
		v.joined[v.njoined++] = (uint16_t)(*joined - '0');
	for (; *left != '\0'; left++)
		v.left[v.nleft++] = (uint16_t)(*left - '0');
	state_view(s, &v);
}

static void
begin(void)
{
	st = state_new(&ops, NULL);
	view(st, 1, 0, "01234", "01234", "");
	ck_assert(state_loaded(st));
}

static int
share(uint16_t node, uint16_t n, uint16_t wanted)
{
	struct alias_share a = { .first = 40000, .size = 100, .n = n, .wanted = wanted };
	struct wire_wr w;
	uint8_t buf[32];

	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_share(&w, &a);
	ck_assert(state_ordered(st, node, buf, wire_wr_len(&w)));
	return state_share_of(st, node);
}

static void
file(uint16_t node, enum alias_file_state state, uint64_t digest)
{
	struct alias_file f = { .version = state_svc_version(st), .state = (uint8_t)state,
		.digest = digest };
	struct wire_wr w;
	uint8_t buf[32];

	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_file(&w, &f);
	ck_assert(state_ordered(st, node, buf, wire_wr_len(&w)));
}

START_TEST(one_for_each)
{
	const struct state_shares *s;

	begin();
	ck_assert_int_eq(state_share_of(st, 0), -1);
	ck_assert_int_eq(share(3, 4, 2), 2);
	ck_assert_int_eq(share(1, 4, 2), 0); /* taken: the lowest */
	ck_assert_int_eq(share(0, 4, ALIAS_SHARE_ANY), 1);
	ck_assert_int_eq(share(3, 4, 3), 2); /* it has one */
	/* The first decided how many there are. */
	ck_assert_int_eq(share(2, 64, 60), 3);
	ck_assert_int_eq(share(4, 64, 60), -1);
	ck_assert_uint_eq(shares, 6);
	s = state_shares(st);
	ck_assert_uint_eq(s->n, 4);
	ck_assert_uint_eq(s->first, 40000);
	ck_assert_uint_eq(s->size, 100);
	state_free(st);
}
END_TEST

START_TEST(kept_by_who_comes_back)
{
	begin();
	share(0, 4, 0);
	share(1, 4, 1);
	share(2, 4, 2);
	view(st, 2, 0, "0134", "", "2");
	view(st, 3, 0, "034", "", "1");
	ck_assert_int_eq(share(3, 4, 1), 3); /* not that of 1, as long as one is free */
	view(st, 4, 0, "0234", "2", "");
	ck_assert_int_eq(state_share_of(st, 2), 2);
	/* None is free: who is away for the longest time loses it. */
	view(st, 5, 0, "034", "", "2");
	ck_assert_int_eq(share(4, 4, 0), 1);
	ck_assert_int_eq(state_share_of(st, 1), -1);
	ck_assert_int_eq(state_share_of(st, 2), 2);
	state_free(st);
}
END_TEST

START_TEST(sixty_four_members)
{
	struct alias_share a = { .first = 1024, .size = 1000, .n = 64, .wanted = ALIAS_SHARE_ANY };

	ck_assert(alias_share_ok(&a));
	a.n = 65;
	ck_assert(!alias_share_ok(&a));
	a.size = 100;
	a.n = 257;
	ck_assert(!alias_share_ok(&a));
	a.n = 0;
	ck_assert(!alias_share_ok(&a));
	begin();
	ck_assert_int_eq(share(0, 64, 63), 63);
	ck_assert_int_eq(share(1, 64, 63), 0);
	state_free(st);
}
END_TEST

START_TEST(the_table_and_the_files)
{
	struct alias_svc table[2] = { { "a", IPPROTO_TCP, 80, ALIAS_IN_MULTI, 0 },
		{ "b", IPPROTO_UDP, 53, ALIAS_IN_MULTI | ALIAS_STICKY, 60 } };
	uint8_t buf[512];
	struct wire_wr w;

	begin();
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_services(&w, 0, true, table, 2);
	ck_assert(state_ordered(st, 0, buf, wire_wr_len(&w)));
	ck_assert_int_eq(state_file(st, 1), ALIAS_FILE_UNKNOWN);
	file(0, ALIAS_FILE_SAME, alias_svc_digest(table, 2));
	file(1, ALIAS_FILE_SAME, alias_svc_digest(table, 1));
	file(2, ALIAS_FILE_MISSING, 0);
	file(3, ALIAS_FILE_BAD, 0);
	ck_assert_uint_eq(files, 4);
	ck_assert_int_eq(state_file(st, 0), ALIAS_FILE_SAME);
	ck_assert_int_eq(state_file(st, 1), ALIAS_FILE_DIFFERS);
	ck_assert_int_eq(state_file(st, 2), ALIAS_FILE_MISSING);
	ck_assert_int_eq(state_file(st, 3), ALIAS_FILE_BAD);
	ck_assert_uint_eq(state_file_version(st, 0), 1);
	ck_assert_uint_eq(state_file_version(st, 4), 0);
	/* Another table makes another file the right one. */
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_services(&w, 0, false, table, 1);
	ck_assert(state_ordered(st, 2, buf, wire_wr_len(&w)));
	ck_assert_int_eq(state_file(st, 0), ALIAS_FILE_DIFFERS);
	ck_assert_int_eq(state_file(st, 1), ALIAS_FILE_SAME);
	/* Who left has to say it again. */
	view(st, 2, 0, "0234", "", "1");
	ck_assert_int_eq(state_file(st, 1), ALIAS_FILE_UNKNOWN);
	view(st, 3, 0, "01234", "1", "");
	ck_assert_int_eq(state_file(st, 1), ALIAS_FILE_UNKNOWN);
	state_free(st);
}
END_TEST

START_TEST(told_to_who_joins)
{
	uint8_t *a, *b;
	size_t la, lb;

	begin();
	share(2, 4, 2);
	share(3, 4, 0);
	file(0, ALIAS_FILE_SAME, 7);
	file(3, ALIAS_FILE_BAD, 0);
	view(st, 2, 0, "0123", "", "4");
	snapshot_len = 0;
	view(st, 3, 0, "01234", "4", "");
	ck_assert_uint_gt(snapshot_len, 0);
	late = state_new(&ops, NULL);
	view(late, 3, 4, "01234", "4", "");
	ck_assert(state_ordered(st, 0, snapshot, snapshot_len));
	ck_assert(state_ordered(late, 0, snapshot, snapshot_len));
	ck_assert(state_loaded(late));
	a = state_dump(st, &la);
	b = state_dump(late, &lb);
	ck_assert_uint_eq(la, lb);
	ck_assert_mem_eq(a, b, la);
	ck_assert_int_eq(state_share_of(late, 3), 0);
	ck_assert_int_eq(state_file(late, 3), ALIAS_FILE_BAD);
	free(a);
	free(b);
	state_free(st);
	state_free(late);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { one_for_each, kept_by_who_comes_back, sixty_four_members,
		the_table_and_the_files, told_to_who_joins, NULL };

	return unit_run("alias_cluster", tests);
}
