/* SPDX-License-Identifier: ISC */
/* What all unit tests share. */
#ifndef CLUA_TESTS_UNIT_H
#define CLUA_TESTS_UNIT_H

#include <check.h>
#include <stddef.h>

/* For main(): runs the tests, each in a process of its own; NULL ends the list. 0 or 1. */
int unit_run(const char *suite, const TTest *const *tests);
/* The same for tests that add says, loops among them; timeout: of each, in s. */
int unit_run_cases(const char *suite, void (*add)(TCase *), unsigned timeout);

/* Writes text to a new file in a folder that goes away with the test; returns its path. */
const char *unit_file(const char *name, const char *text);
const char *unit_file_bytes(const char *name, const void *data, size_t len);
/* A path in that folder, of a file that need not exist. */
const char *unit_path(const char *name);
/* What is in a file of that folder: its first 8 KiB, until the next call. */
char *unit_content(const char *name);

#endif
