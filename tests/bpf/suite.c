/* SPDX-License-Identifier: ISC */
#include "tests/bpf/suite.h"

static const struct suite *running;

static void
setup_xdp(void)
{
	*running->xdp = true;
	running->setup();
}

static void
add_case(Suite *to, const struct suite *s, const char *hook, void (*setup)(void))
{
	TCase *tc = tcase_create(hook);

	suite_add_tcase(to, tc);
	tcase_add_checked_fixture(tc, setup, s->teardown);
	tcase_set_timeout(tc, s->timeout);
	s->add(tc);
}

int
suite_run(const struct suite *s)
{
	Suite *suite = suite_create(s->name);
	SRunner *sr = srunner_create(suite);
	int failed;

	add_case(suite, s, "TC", s->setup);
	running = s;
	if (s->xdp)
		add_case(suite, s, "XDP", setup_xdp);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
