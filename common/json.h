/* SPDX-License-Identifier: ISC */
/*
 * Typed JSON output. Shape never depends on the data: lists are always arrays. Keys and strings are
 * escaped; bytes that are not UTF-8 become U+FFFD. key is NULL inside arrays and for the outermost value.
 */
#ifndef CLUA_COMMON_JSON_H
#define CLUA_COMMON_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	unsigned depth;
	bool first;
	bool line; /* all on one line */
};

void json_begin(struct json *, FILE *out); /* opens the outermost object with "schema": 1 */
/* The same, without "schema", on one line: for one of many objects. */
void json_begin_line(struct json *, FILE *out);
void json_finish(struct json *);           /* closes it; newline */
void json_object(struct json *, const char *key);
void json_object_end(struct json *);
void json_array(struct json *, const char *key);
void json_array_end(struct json *);
void json_str(struct json *, const char *key, const char *);
void json_uint(struct json *, const char *key, uint64_t);
void json_int(struct json *, const char *key, int64_t);
void json_bool(struct json *, const char *key, bool);
void json_double(struct json *, const char *key, double);
void json_null(struct json *, const char *key);

#endif
