/* SPDX-License-Identifier: ISC */
/* Clients spread over the members of an alias. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/inbound.h"
#include "tests/unit/unit.h"

static const struct in_addr alias = { .s_addr = 0x6400010a };

static struct inbound_slot
slot(uint16_t node, uint32_t weight)
{
	return (struct inbound_slot){ .node = node, .mac = { 2, 0, 0, 0, 0, (uint8_t)node }, .weight = weight };
}

static struct inbound_client
client(unsigned n)
{
	struct inbound_client c = { .alias = alias, .addr.s_addr = htonl(0x0a010000 + n), .heard = n };

	memcpy(c.mac, &n, 4);
	return c;
}

/* The node that client n is told. */
static unsigned
ask(struct inbound *in, unsigned n, bool *news)
{
	struct inbound_client c = client(n);
	bool dummy;

	return inbound_ask(in, &c, news ? news : &dummy) ? c.to[5] : 0;
}

static void
ask_all(struct inbound *in, unsigned from, unsigned to)
{
	unsigned n;

	for (n = from; n < to; n++)
		ask(in, n, NULL);
}

static void
check_counts(const struct inbound *in, size_t a, size_t b, size_t c)
{
	ck_assert_uint_eq(inbound_count(in, alias, 1), a);
	ck_assert_uint_eq(inbound_count(in, alias, 2), b);
	ck_assert_uint_eq(inbound_count(in, alias, 3), c);
}

struct moves {
	size_t n;
	unsigned from_dead;
	uint8_t last_to;
};

static void
note_move(const struct inbound_client *c, void *arg)
{
	struct moves *m = arg;

	m->n++;
	m->last_to = c->to[5];
}

START_TEST(in_proportion)
{
	struct inbound_slot s[3] = { slot(1, 3), slot(2, 2), slot(3, 1) };
	struct inbound *in = inbound_new();
	unsigned first;
	bool news;

	ck_assert_uint_eq(ask(in, 1, &news), 0);
	ck_assert(inbound_set_slots(in, alias, s, 3));
	ck_assert(!inbound_set_slots(in, alias, s, 3));
	first = ask(in, 0, &news);
	ck_assert(news && first == 1);
	ask_all(in, 1, 60);
	check_counts(in, 30, 20, 10);
	/* Who asks again is told the same. */
	ck_assert(ask(in, 0, &news) == first && !news);
	check_counts(in, 30, 20, 10);
	inbound_free(in);
}
END_TEST

START_TEST(only_those_move_that_must)
{
	struct inbound_slot s[3] = { slot(1, 3), slot(2, 2), slot(3, 1) };
	struct inbound *in = inbound_new();
	struct moves m = { 0 };

	inbound_set_slots(in, alias, s, 3);
	ask_all(in, 0, 60);
	/* The first dies: its thirty, and nobody else. */
	inbound_set_slots(in, alias, s + 1, 2);
	ck_assert_uint_eq(inbound_move(in, alias, note_move, &m), 30);
	ck_assert_uint_eq(m.n, 30);
	check_counts(in, 0, 40, 20);
	/* And comes back. */
	inbound_set_slots(in, alias, s, 3);
	ck_assert_uint_eq(inbound_move(in, alias, note_move, &m), 30);
	check_counts(in, 30, 20, 10);
	/* Nothing to do. */
	ck_assert_uint_eq(inbound_move(in, alias, note_move, &m), 0);
	/* Another weight. */
	s[0].weight = 1;
	s[1].weight = 1;
	ck_assert(inbound_set_slots(in, alias, s, 3));
	ck_assert_uint_eq(inbound_move(in, alias, note_move, &m), 10);
	check_counts(in, 20, 20, 20);
	/* Nobody is left: they are told when somebody is. */
	inbound_set_slots(in, alias, s, 0);
	ck_assert_uint_eq(inbound_move(in, alias, note_move, &m), 0);
	inbound_set_slots(in, alias, s + 2, 1);
	ck_assert_uint_eq(inbound_move(in, alias, note_move, &m), 40);
	ck_assert_uint_eq(m.last_to, 3);
	inbound_free(in);
}
END_TEST

static void
copy(const struct inbound_client *c, void *arg)
{
	inbound_learn(arg, c);
}

START_TEST(the_next_master_knows)
{
	struct inbound_slot s[3] = { slot(1, 3), slot(2, 2), slot(3, 1) };
	struct inbound *in = inbound_new(), *other = inbound_new();
	struct moves m = { 0 };
	unsigned n;

	inbound_set_slots(in, alias, s, 3);
	ask_all(in, 0, 60);
	/* It may hear of clients before it hears of slots. */
	inbound_each(in, alias, copy, other);
	inbound_set_slots(other, alias, s, 3);
	check_counts(other, 30, 20, 10);
	for (n = 0; n < 60; n++)
		ck_assert_uint_eq(ask(other, n, NULL), ask(in, n, NULL));
	inbound_set_slots(other, alias, s + 1, 2);
	ck_assert_uint_eq(inbound_move(other, alias, note_move, &m), 30);
	inbound_free(in);
	inbound_free(other);
}
END_TEST

START_TEST(forgotten_and_bounded)
{
	struct inbound_slot s[2] = { slot(1, 1), slot(2, 1) };
	struct inbound *in = inbound_new();

	inbound_set_slots(in, alias, s, 2);
	ask_all(in, 0, 100);
	inbound_forget(in, alias, 50);
	check_counts(in, 25, 25, 0);
	ck_assert(inbound_get(in, alias, client(10).addr) == NULL);
	ck_assert(inbound_get(in, alias, client(60).addr) != NULL);
	ask_all(in, 1000, 1000 + INBOUND_CLIENTS_MAX + 10);
	ck_assert_uint_eq(inbound_count(in, alias, 1) + inbound_count(in, alias, 2), INBOUND_CLIENTS_MAX);
	inbound_drop(in, alias);
	ck_assert(inbound_get(in, alias, client(60).addr) == NULL);
	ck_assert_uint_eq(ask(in, 1, NULL), 0);
	inbound_free(in);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { in_proportion, only_those_move_that_must, the_next_master_knows,
		forgotten_and_bounded, NULL };

	return unit_run("alias_inbound", tests);
}
