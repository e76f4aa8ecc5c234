/* SPDX-License-Identifier: ISC */
/* What tests/sim cannot show: its clients know of every view at once, and its links fail by the rules. */
#include <string.h>

#include "common/clock.h"
#include "gabd/core_priv.h"
#include "tests/unit/unit.h"

#define PORT 7
#define SELF 1
#define OTHER 2

static struct {
	unsigned views, messages, fresh;
	uint32_t gen; /* of the last view */
	char last[16];
} seen;

static void
on_send(void *arg, const struct gab_set *dst, bool patient, const uint8_t *data, size_t len)
{
}

static void
on_view(void *arg, unsigned port, uint32_t inst, const struct gab_ev_view *v)
{
	seen.views++;
	seen.fresh += v->fresh;
	seen.gen = v->gen;
}

static void
on_message(void *arg, unsigned port, uint32_t inst, const struct gab_ev_msg *m)
{
	seen.messages++;
	ck_assert_uint_lt(m->len, sizeof(seen.last));
	memcpy(seen.last, m->data, m->len);
	seen.last[m->len] = '\0';
}

static void
on_room(void *arg, unsigned port, uint32_t inst)
{
}

static const struct gab_core_ops ops = {
	.send = on_send,
	.view = on_view,
	.message = on_message,
	.room = on_room,
};

/* A core alone in its view. */
static struct gab_core *
alone(uint32_t gen_start)
{
	const struct gab_core_conf conf = { .self = SELF, .max_nodes = 8, .inc = 77,
		.gen_start = gen_start, .seed = 1, .alive = NSEC_PER_SEC, .dead = 3 * NSEC_PER_SEC };
	struct gab_core *core;

	memset(&seen, 0, sizeof(seen));
	core = gab_core_new(&conf, &ops, NULL, NSEC_PER_SEC);
	ck_assert_ptr_nonnull(core);
	gab_core_seed(core, NSEC_PER_SEC);
	gab_core_tick(core, 2 * NSEC_PER_SEC);
	return core;
}

static enum gab_sent
say(struct gab_core *core, uint32_t gen, const char *text)
{
	struct gab_ctl_send s = { .kind = GAB_ORDERED, .gen = gen, .data = (const uint8_t *)text,
		.len = strlen(text) };

	return gab_core_send(core, PORT, &s, 2 * NSEC_PER_SEC);
}

/* gabd began again, and a client still sends what it meant for a view of the life before. */
START_TEST(only_in_a_view_that_the_client_was_told_of)
{
	struct gab_core *core = alone(1000);
	struct gab_core_status st;

	ck_assert_uint_ne(gab_core_register(core, PORT, 2 * NSEC_PER_SEC), 0);
	ck_assert_uint_eq(seen.fresh, 1);
	ck_assert_int_eq(say(core, seen.gen - 1, "before"), GAB_SENT_NOT);
	ck_assert_int_eq(say(core, seen.gen + 1, "after"), GAB_SENT_NOT);
	ck_assert_uint_eq(seen.messages, 0);
	ck_assert_int_eq(say(core, seen.gen, "now"), GAB_SENT);
	ck_assert_str_eq(seen.last, "now");
	gab_core_status(core, &st);
	ck_assert_uint_ge(st.gen, seen.gen);
	ck_assert_uint_gt(seen.gen, 1000);
	gab_core_free(core);
}
END_TEST

static void
submit(struct gab_core *core, uint64_t oseq, const char *text)
{
	struct gab_batch b = { .vid = core->view.vid, .count = 1 };
	struct gab_item item = { .origin = OTHER, .oseq = oseq, .kind = GAB_ITEM_DATA, .port = PORT,
		.inst = 1, .data = (const uint8_t *)text, .len = strlen(text) };
	uint8_t buf[256];
	struct wire_wr w;
	struct wire_rd r;

	wire_wr_init(&w, buf, sizeof(buf));
	gab_batch_encode(&w, &b);
	gab_item_encode(&w, &item);
	wire_rd_init(&r, buf, wire_wr_len(&w));
	order_recv_submit(core, OTHER, &r);
	gab_core_tick(core, 2 * NSEC_PER_SEC);
}

static void
join(struct gab_core *core)
{
	gab_core_register(core, PORT, 2 * NSEC_PER_SEC);
	gab_set_add(&core->view.members, OTHER);
	gab_set_add(&core->port.ports.row[PORT].members, OTHER);
}

START_TEST(submissions_in_their_order)
{
	struct gab_core *core = alone(1000);

	join(core);
	submit(core, 5, "five");
	ck_assert_str_eq(seen.last, "five");
	submit(core, 7, "seven");
	ck_assert_str_eq(seen.last, "five");
	submit(core, 6, "six");
	ck_assert_str_eq(seen.last, "six");
	gab_core_free(core);
}
END_TEST

/* The first that comes over a new connection need not be the first of the view. */
START_TEST(no_submission_after_a_lost_connection)
{
	struct gab_core *core = alone(1000);

	join(core);
	gab_set_add(&core->view.lost, OTHER);
	submit(core, 5, "five");
	ck_assert_uint_eq(seen.messages, 0);
	gab_core_free(core);
}
END_TEST

static void
connect_all(struct gab_core *core, const char *pairs)
{
	GAB_SET_EACH(node, &core->topo.known)
		gab_set_add(&core->topo.node[node].row.set, node);
	for (; *pairs != '\0'; pairs += 2) {
		gab_set_add(&core->topo.node[pairs[0] - '0'].row.set, pairs[1] - '0');
		gab_set_add(&core->topo.node[pairs[1] - '0'].row.set, pairs[0] - '0');
	}
}

static bool
target(const struct gab_core *core, const struct gab_set *within, const char *members)
{
	struct gab_set out;
	bool ours = topo_target(core, within, &out);

	for (; *members != '\0'; members++) {
		ck_assert(gab_set_has(&out, *members - '0'));
		gab_set_del(&out, *members - '0');
	}
	ck_assert(gab_set_empty(&out));
	return ours;
}

/*
 * 3, 4 and 5 were a view, 1 and 2 had none with a quorum. 3 loses 4. With 5 either pair would be as large: the
 * one that has just been a part of the larger view goes on, so that 5 is not new among strangers.
 */
START_TEST(of_equals_what_is_left_of_the_latest_view_goes_on)
{
	struct gab_core *core = alone(1000);
	struct gab_vid later = { .gen = core->view.vid.gen + 2, .coord = 3, .inc = 33 };

	for (uint16_t node = 1; node <= 5; node++) {
		struct topo_node *t = &core->topo.node[node];

		gab_set_add(&core->topo.known, node);
		t->known = true;
		t->row.origin = node;
		t->row.vid = node <= 2 ? core->view.vid : later;
	}
	core->topo.node[4].row.vid.coord = 4;
	gab_set_add(&core->view.members, 2);
	connect_all(core, "12141523253545");
	ck_assert(!target(core, NULL, "14"));
	core->topo.node[3].row.vid = core->topo.node[5].row.vid = core->view.vid;
	core->view.vid.gen += 2;
	core->topo.node[1].row.vid = core->topo.node[2].row.vid = core->view.vid;
	ck_assert(target(core, NULL, "125"));
	gab_core_free(core);
}
END_TEST

/* 1 and 3 have a later view, but no quorum any more when 2 and 5 had one with somebody who is gone. */
START_TEST(of_equals_what_is_left_of_the_latest_quorum_goes_on)
{
	struct gab_core *core = alone(1000);
	struct gab_vid earlier = core->view.vid;

	core->view.vid.gen += 9;
	core->view.quorum_gen = earlier.gen - 2;
	earlier.coord = 2;
	for (uint16_t node = 1; node <= 5; node++) {
		struct topo_node *t = &core->topo.node[node];

		if (node == 4)
			continue;
		gab_set_add(&core->topo.known, node);
		t->known = true;
		t->row.origin = node;
		t->row.vid = node == 1 || node == 3 ? core->view.vid : earlier;
		t->row.quorum_gen = core->view.quorum_gen;
	}
	gab_set_add(&core->view.members, 3);
	connect_all(core, "1213152325");
	ck_assert(target(core, NULL, "123"));
	core->topo.node[2].row.quorum_gen = core->topo.node[5].row.quorum_gen = earlier.gen - 1;
	ck_assert(target(core, NULL, "125"));
	gab_core_free(core);
}
END_TEST

/*
 * 1, 2 and 3 are a view, without 4, which does not reach 3. Now 1 loses 3, by a link of its own that fails. 2 goes
 * on with 3, unless it can be three with 1 and 4.
 */
START_TEST(of_two_parts_the_one_goes_on_that_others_can_join)
{
	struct gab_core *core = alone(1000);
	struct gab_set *members = &core->view.members;

	for (uint16_t node = 1; node <= 4; node++) {
		struct topo_node *t = &core->topo.node[node];

		gab_set_add(&core->topo.known, node);
		t->known = true;
		t->row.origin = node;
		if (node <= 3)
			t->row.vid = core->view.vid;
	}
	gab_set_add(members, 2);
	gab_set_add(members, 3);
	core->topo.node[1].row.flags |= GAB_TOPO_FAILING;
	connect_all(core, "121423");
	ck_assert(!target(core, members, "1"));
	connect_all(core, "24");
	ck_assert(target(core, members, "12"));
	gab_core_free(core);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { only_in_a_view_that_the_client_was_told_of,
		submissions_in_their_order, no_submission_after_a_lost_connection,
		of_equals_what_is_left_of_the_latest_view_goes_on,
		of_equals_what_is_left_of_the_latest_quorum_goes_on,
		of_two_parts_the_one_goes_on_that_others_can_join, NULL };

	return unit_run("gab_core", tests);
}
