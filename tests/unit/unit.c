/* SPDX-License-Identifier: ISC */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[PATH_MAX];

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static void
remove_dir(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Made by the parent, so that it can clean up behind a test that crashed. */
static bool
make_dir(const char *suite)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/clua-%s-XXXXXX", tmp != NULL ? tmp : "/tmp", suite);
	if (mkdtemp(dir) != NULL)
		return true;
	perror(dir);
	return false;
}

static int
run(const char *suite, TCase *tc, unsigned timeout)
{
	Suite *s = suite_create(suite);
	SRunner *sr;
	int failed;

	if (!make_dir(suite))
		return 1;
	tcase_set_timeout(tc, timeout);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	remove_dir();
	return failed == 0 ? 0 : 1;
}

int
unit_run(const char *suite, const TTest *const *tests)
{
	TCase *tc = tcase_create("core");

	for (; *tests != NULL; tests++)
		tcase_add_test(tc, *tests);
	return run(suite, tc, 60);
}

int
unit_run_cases(const char *suite, void (*add)(TCase *), unsigned timeout)
{
	TCase *tc = tcase_create("core");

	add(tc);
	return run(suite, tc, timeout);
}

const char *
unit_path(const char *name)
{
	static char paths[4][PATH_MAX + NAME_MAX + 2];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

const char *
unit_file_bytes(const char *name, const void *data, size_t len)
{
	const char *path = unit_path(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
	return path;
}

const char *
unit_file(const char *name, const char *text)
{
	return unit_file_bytes(name, text, strlen(text));
}

char *
unit_content(const char *name)
{
	static char text[8192];
	FILE *f = fopen(unit_path(name), "r");
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}
