/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/timerheap.h"
#include "tests/unit/unit.h"

#define NODES 64

static struct timerheap heap;
static struct timerheap_node node[NODES];

/* By looking at all of them. */
static struct timerheap_node *
expected(void)
{
	struct timerheap_node *first = NULL;

	for (unsigned i = 0; i < NODES; i++) {
		struct timerheap_node *n = &node[i];

		if (n->place == 0)
			continue;
		if (first == NULL || n->when < first->when ||
		    (n->when == first->when && n->turn < first->turn))
			first = n;
	}
	return first;
}

START_TEST(as_a_plain_search_says)
{
	ck_assert_ptr_null(timerheap_first(&heap));
	ck_assert(timerheap_reserve(&heap, NODES));
	srand(7);
	for (unsigned i = 0; i < 200000; i++) {
		struct timerheap_node *n = &node[(unsigned)rand() % NODES];

		if (rand() % 3 == 0)
			timerheap_cancel(&heap, n);
		else
			timerheap_set(&heap, n, (uint64_t)(rand() % 50));
		ck_assert_ptr_eq(timerheap_first(&heap), expected());
	}
	while (timerheap_first(&heap) != NULL) {
		ck_assert_ptr_eq(timerheap_first(&heap), expected());
		timerheap_cancel(&heap, timerheap_first(&heap));
	}
	ck_assert_ptr_null(expected());
	timerheap_free(&heap);
}
END_TEST

START_TEST(of_the_same_time_the_first_set)
{
	memset(node, 0, sizeof(node));
	memset(&heap, 0, sizeof(heap));
	for (unsigned i = 0; i < NODES; i++) {
		ck_assert(timerheap_reserve(&heap, i + 1));
		timerheap_set(&heap, &node[i], 5);
	}
	timerheap_set(&heap, &node[0], 5); /* the last one now */
	for (unsigned i = 1; i <= NODES; i++) {
		ck_assert_ptr_eq(timerheap_first(&heap), &node[i % NODES]);
		timerheap_cancel(&heap, &node[i % NODES]);
		timerheap_cancel(&heap, &node[i % NODES]);
	}
	timerheap_free(&heap);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { as_a_plain_search_says, of_the_same_time_the_first_set, NULL };

	return unit_run("timerheap", tests);
}
