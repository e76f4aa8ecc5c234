/* SPDX-License-Identifier: ISC */
/* Fragments that are held, and the messages that make the way of this host's own packets. */
#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "aliasd/core/fragq.h"
#include "aliasd/edge/door_msg.h"
#include "tests/unit/unit.h"

#define MS 1000000ull

static unsigned given;
static uint8_t last[16];
static size_t last_len;

static void
give(const uint8_t *frame, size_t len, void *arg)
{
	ck_assert_ptr_eq(arg, &given);
	given++;
	last_len = len;
	memcpy(last, frame, len < sizeof(last) ? len : sizeof(last));
}

static struct dp_fragment
fragment(uint16_t id, const char *client)
{
	struct dp_fragment f = { .id = id, .ipproto = IPPROTO_UDP };

	inet_aton(client, &f.client);
	inet_aton("10.1.0.100", &f.alias);
	return f;
}

static void
hold(struct fragq *q, uint16_t id, const char *client, uint8_t mark, uint64_t now)
{
	struct dp_fragment f = fragment(id, client);
	uint8_t frame[100] = { mark };

	fragq_hold(q, &f, frame, sizeof(frame), now);
}

static void
release(struct fragq *q, uint16_t id, const char *client)
{
	struct dp_fragment f = fragment(id, client);

	fragq_release(q, &f);
}

START_TEST(given_back_in_order_when_the_first_has_come)
{
	struct fragq *q = fragq_new(give, &given);

	hold(q, 7, "10.1.0.101", 1, 0);
	hold(q, 8, "10.1.0.101", 2, 0);
	hold(q, 7, "10.1.0.102", 3, 0);
	hold(q, 7, "10.1.0.101", 4, 0);
	ck_assert_uint_eq(given, 0);
	release(q, 7, "10.1.0.101");
	ck_assert_uint_eq(given, 2);
	ck_assert_uint_eq(last[0], 4);
	ck_assert_uint_eq(last_len, 100);
	release(q, 7, "10.1.0.101");
	ck_assert_uint_eq(given, 2);
	release(q, 7, "10.1.0.102");
	ck_assert_uint_eq(last[0], 3);
	ck_assert_uint_ne(fragq_bytes(q), 0);
	release(q, 8, "10.1.0.101");
	ck_assert_uint_eq(fragq_bytes(q), 0);
	fragq_free(q);
}
END_TEST

START_TEST(given_back_when_time_is_up)
{
	struct fragq *q = fragq_new(give, &given);

	ck_assert_uint_eq(fragq_run(q, 0), FRAGQ_NEVER);
	hold(q, 1, "10.1.0.101", 1, 0);
	hold(q, 2, "10.1.0.101", 2, 100 * MS);
	ck_assert_uint_eq(fragq_run(q, FRAGQ_TIME - 1), FRAGQ_TIME);
	ck_assert_uint_eq(given, 0);
	ck_assert_uint_eq(fragq_run(q, FRAGQ_TIME), FRAGQ_TIME + 100 * MS);
	ck_assert_uint_eq(given, 1);
	ck_assert_uint_eq(fragq_run(q, FRAGQ_TIME + 100 * MS), FRAGQ_NEVER);
	ck_assert_uint_eq(given, 2);
	fragq_free(q);
}
END_TEST

START_TEST(holds_so_much_and_no_more)
{
	struct fragq *q = fragq_new(give, &given);
	unsigned i;

	for (i = 0; i < 100000; i++) {
		hold(q, (uint16_t)i, "10.1.0.101", 1, i);
		ck_assert_uint_le(fragq_bytes(q), FRAGQ_BYTES);
	}
	ck_assert_uint_gt(given, 0);
	ck_assert_uint_lt(given, 100000);
	fragq_free(q); /* with what is left in it */
}
END_TEST

START_TEST(rules_are_told_apart)
{
	char buf[1024];
	struct nlmsghdr *nlh = door_msg_rule(buf, RTM_NEWRULE, true);

	ck_assert_int_eq(door_msg_read_rule(nlh), DOOR_RULE_OWN);
	mnl_attr_put_u32(nlh, FRA_FWMARK, 1);
	ck_assert_int_eq(door_msg_read_rule(nlh), DOOR_RULE_OTHER);
	nlh = door_msg_source_rule(buf, RTM_NEWRULE, 7);
	ck_assert_int_eq(door_msg_read_rule(nlh), DOOR_RULE_SOURCE);
	nlh = door_msg_rule(buf, RTM_NEWRULE, false);
	ck_assert_int_eq(door_msg_read_rule(nlh), DOOR_RULE_LOCAL);
	mnl_attr_put_strz(nlh, FRA_IIFNAME, "eth0");
	ck_assert_int_eq(door_msg_read_rule(nlh), DOOR_RULE_OTHER);
	nlh->nlmsg_len = NLMSG_HDRLEN + 2;
	ck_assert_int_eq(door_msg_read_rule(nlh), DOOR_RULE_OTHER);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { given_back_in_order_when_the_first_has_come,
		given_back_when_time_is_up, holds_so_much_and_no_more, rules_are_told_apart, NULL };

	return unit_run("alias_door", tests);
}
