/* SPDX-License-Identifier: ISC */
/*
 * Stands in for libFuzzer where there is none: runs the target over the files, or the files in the
 * folders, that it is given; without arguments over its own corpus, tests/fuzz/corpus/<x> for fuzz_<x>.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static unsigned inputs;

static int
complain(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return 1;
}

static int
run_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;

	if (f == NULL)
		return complain(path);
	/* Exactly as large as the input, so that reading past its end is seen. */
	data = malloc(size != 0 ? size : 1);
	if (data == NULL || fread(data, 1, size, f) != size) {
		fclose(f);
		free(data);
		return complain(path);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	inputs++;
	return 0;
}

static int run_path(const char *path);

static int
run_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *de;
	char sub[PATH_MAX];
	int rc = 0;

	if (d == NULL)
		return complain(path);
	while ((de = readdir(d)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, de->d_name);
		rc |= run_path(sub);
	}
	closedir(d);
	return rc;
}

static int
run_path(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return complain(path);
	return S_ISDIR(st.st_mode) ? run_folder(path) : run_file(path, (size_t)st.st_size);
}

static int
run_own_corpus(const char *argv0)
{
	const char *srcdir = getenv("srcdir"), *name = strstr(argv0, "fuzz_");
	char path[PATH_MAX];

	/* The program's name is the last fuzz_ of its path. */
	while (name != NULL && strstr(name + 1, "fuzz_") != NULL)
		name = strstr(name + 1, "fuzz_");
	if (name == NULL) {
		fprintf(stderr, "%s: not called fuzz_<x>\n", argv0);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", srcdir != NULL ? srcdir : ".",
	    name + strlen("fuzz_"));
	return run_path(path);
}

int
main(int argc, char **argv)
{
	int rc = 0;

	if (argc == 1)
		rc = run_own_corpus(argv[0]);
	for (int i = 1; i < argc; i++)
		rc |= run_path(argv[i]);
	printf("%u inputs\n", inputs);
	/* A corpus that got lost must not pass for one without findings. */
	return rc != 0 || inputs == 0;
}
