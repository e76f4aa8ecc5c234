/* SPDX-License-Identifier: ISC */
/* The run of a program of tests over the rig. */
#ifndef CLUA_TESTS_BPF_SUITE_H
#define CLUA_TESTS_BPF_SUITE_H

#include <stdbool.h>

#include <check.h>

struct suite {
	const char *name;
	void (*add)(TCase *); /* the tests */
	void (*setup)(void);
	bool *xdp; /* set for setup() when the same tests are run once more, by XDP; NULL: by TC alone */
	void (*teardown)(void);
	unsigned timeout; /* s, of each test */
};

/* For main(), after rig_isolate(): 0 or 1. */
int suite_run(const struct suite *);

#endif
