/* SPDX-License-Identifier: ISC */
/*
 * Whose is a connection that several name as theirs: the rules, and members that come back at once, whose
 * words reach each other in any order.
 */
#include <string.h>

#include "aliasd/core/claim.h"
#include "tests/unit/unit.h"

START_TEST(rules)
{
	const struct claim first = { .known = false }, news = { .news = true, .known = true, .member = true,
		.settled = true, .holders_accord = CLAIM_ACCORD_NOW };
	const struct claim ghost = { .known = true, .member = true, .settled = true, .accord = 7,
		.holders_accord = CLAIM_ACCORD_NOW };
	const struct claim left = { .known = true, .settled = true }, unsettled = { .known = true, .member = true };
	struct claim two = ghost, ours = ghost;

	ck_assert(claim_stands(&first));
	ck_assert(claim_stands(&news)); /* the client has only one connection from a port */
	ck_assert(!claim_stands(&ghost));
	ck_assert(claim_stands(&left));
	ck_assert(claim_stands(&unsettled));
	/* Both were away: who left last. */
	two.holders_accord = 6;
	ck_assert(claim_stands(&two));
	two.holders_accord = 7;
	ck_assert(!claim_stands(&two));
	ours.ours = true;
	ours.accord = CLAIM_ACCORD_NOW;
	ours.holders_accord = 7;
	ck_assert(!claim_stands(&ours));
	ours.loading = true; /* it is we who were cut off */
	ck_assert(claim_stands(&ours));
	ours.accord = 6; /* and he even earlier */
	ck_assert(!claim_stands(&ours));
}
END_TEST

/* ---- one connection, and members that were away and are back in one view ---- */

#define N 5
#define NOBODY -1

struct member {
	bool stayed;
	bool claims, socket; /* it had one, and it still has */
	uint32_t accord;     /* of one that was away */
	int holder;          /* what its table says */
	bool old;            /* from a life before, not yet told again */
	int ends;            /* so many have told it everything */
	int step[N];         /* of what it says to each: everything, the end, and that the socket is gone */
	uint32_t heard[N];   /* their accord, as they said */
};

struct model {
	struct member m[N];
	int rightful;
	uint64_t random;
};

static unsigned
draw(struct model *s, unsigned n)
{
	s->random = s->random * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(s->random >> 33) % n;
}

static bool
is_loading(const struct member *m)
{
	return !m->stayed && m->ends < N - 1;
}

/* What a member thinks of another: that it holds everything is told to all, sooner or later. */
static uint32_t
accord_of(struct model *s, int of, int node)
{
	const struct member *m = &s->m[of];

	if (of == node)
		return is_loading(m) ? m->accord : CLAIM_ACCORD_NOW;
	return !is_loading(m) && draw(s, 2) ? CLAIM_ACCORD_NOW : s->m[node].heard[of];
}

static void
hear(struct model *s, int from, int to)
{
	struct member *m = &s->m[to];
	struct claim c = { .known = m->holder != NOBODY && m->holder != from, .ours = m->holder == to,
		.member = true, .settled = !m->old, .loading = is_loading(m), .accord = m->heard[from] };

	if (c.known)
		c.holders_accord = accord_of(s, m->holder, to);
	if (!claim_stands(&c))
		return;
	if (c.known && c.ours) {
		ck_assert_int_ne(to, s->rightful);
		m->socket = false;
	}
	m->holder = from;
	m->old = false;
}

/* One step of what one tells another, which keeps its order. False: there is nothing to tell. */
static bool
step(struct model *s, int from, int to)
{
	struct member *f = &s->m[from], *m = &s->m[to];

	if (from == to || (f->stayed && m->stayed))
		return false;
	switch (f->step[to]) {
	case 0:
		m->heard[from] = f->stayed ? CLAIM_ACCORD_NOW : f->accord;
		if (f->claims)
			hear(s, from, to);
		break;
	case 1:
		if (m->old && m->holder == from)
			m->holder = NOBODY;
		m->ends++;
		break;
	case 2:
		if (f->socket == f->claims)
			return false;
		if (m->holder == from)
			m->holder = NOBODY;
		break;
	default:
		return false;
	}
	f->step[to]++;
	return true;
}

/*
 * Some stayed, the others were away, and left in the order of their numbers. Of those who say that it is
 * theirs the rightful one stayed, or left last. If it was only its daemon that was away, the others have
 * kept what they knew; who was away himself knows anything.
 */
static void
begin(struct model *s)
{
	int claimants = 1 + (int)draw(s, N - 1), i, j;
	bool kept = draw(s, 2);

	s->rightful = claimants - 1;
	for (i = 0; i < N; i++) {
		struct member *m = &s->m[i];

		*m = (struct member){ .stayed = draw(s, 2), .holder = NOBODY, .accord = 100 + (unsigned)i };
		m->claims = m->socket = i == s->rightful || (i < claimants && !m->stayed);
	}
	kept = kept || s->m[s->rightful].stayed;
	for (i = 0; i < N; i++) {
		struct member *m = &s->m[i];

		if (m->claims)
			m->holder = i;
		else if (m->stayed && kept)
			m->holder = s->rightful;
		else if (!m->stayed && draw(s, 2))
			m->holder = (int)draw(s, N);
		m->old = m->holder != NOBODY && m->holder != i && !(m->stayed && s->m[m->holder].stayed);
		if (m->holder == i && !m->claims)
			m->holder = NOBODY;
		for (j = 0; j < N; j++)
			m->heard[j] = s->m[j].stayed ? CLAIM_ACCORD_NOW : 0;
	}
}

/* How many do not know it in the end, and have to ask when a packet comes. */
static unsigned
run(uint64_t seed)
{
	struct model s = { .random = seed };
	unsigned turns, unknown = 0;
	bool more = true;
	int i;

	begin(&s);
	for (turns = 0; turns < 200; turns++)
		step(&s, (int)draw(&s, N), (int)draw(&s, N));
	while (more) {
		for (i = 0, more = false; i < N * N; i++)
			more |= step(&s, i / N, i % N);
	}
	for (i = 0; i < N; i++) {
		unknown += s.m[i].holder == NOBODY;
		ck_assert_msg(s.m[i].holder == s.rightful || s.m[i].holder == NOBODY,
		    "seed %u: node %d has %d, right is %d", (unsigned)seed, i, s.m[i].holder, s.rightful);
	}
	return unknown;
}

START_TEST(in_any_order)
{
	unsigned unknown = 0;
	uint64_t seed;

	for (seed = 1; seed <= 50000; seed++)
		unknown += run(seed);
	ck_assert_uint_lt(unknown, 50000 * N / 100);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { rules, in_any_order, NULL };

	return unit_run("alias_claim", tests);
}
