/* SPDX-License-Identifier: ISC */
/*
 * Configuration: a table describes every key; libconfig parses the file; this walks the tree against
 * the table, fills a caller's struct, and collects all errors as "file:line: key: what, what was expected".
 */
#ifndef CLUA_COMMON_CONF_H
#define CLUA_COMMON_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- errors, also used by the parsers of the line-oriented files ---- */
struct conf_errors;
struct conf_errors *conf_errors_new(void);
void conf_errors_free(struct conf_errors *);
/* key may be NULL; line 0 = the whole file. */
void conf_error(struct conf_errors *, const char *file, int line, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
size_t conf_errors_count(const struct conf_errors *);
const char *conf_errors_get(const struct conf_errors *, size_t i); /* one line, no newline */
void conf_errors_print(const struct conf_errors *, FILE *);

/* ---- schema ---- */
enum conf_type {
	CONF_END, /* terminates a table */
	CONF_UINT,   /* uint32_t; min..max */
	CONF_BOOL,   /* bool */
	CONF_STRING, /* char[size] in the struct */
	CONF_ENUM,   /* int; names[] ends with NULL, value = index */
	CONF_MSEC,   /* uint64_t nanoseconds; the file has milliseconds, whole or with a fraction; min..max in ms */
	CONF_GROUP,  /* a nested struct described by sub */
	CONF_LIST,   /* list of groups: array in the struct, item described by sub */
	CONF_STRLIST,/* array or list of strings: char[max_items][size] */
};

struct conf_item {
	const char *key;
	enum conf_type type;
	size_t offset;       /* of the value in the struct */
	/* CONF_UINT, CONF_MSEC: inclusive. CONF_STRING: min bytes. CONF_LIST, CONF_STRLIST: min items. */
	uint64_t min, max;
	/*
	 * Default as it would stand in the file, strings without quotes; NULL = required unless optional.
	 * A group or list with any default: the group's own defaults, the empty list.
	 */
	const char *def;
	bool optional;       /* absent and no default: left as it was (zero) */
	const char *const *names; /* CONF_ENUM */
	size_t size;         /* CONF_STRING, CONF_STRLIST: bytes of one; CONF_LIST: bytes of one item */
	const struct conf_item *sub;
	size_t max_items;    /* CONF_LIST, CONF_STRLIST */
	size_t count_offset; /* CONF_LIST, CONF_STRLIST: where the size_t count goes */
	size_t set_offset;   /* != 0: a bool there becomes true when the key stood in the file */
	size_t line_offset;  /* != 0: an int there becomes the line of the key (0 = default) */
	size_t item_line_offset; /* CONF_LIST: != 0: an int there, in each item, becomes the line where it begins */
};

/*
 * Reads file into out, where it first zeroes what the schema describes. True when no error was added.
 * Unknown keys, wrong types, values out of range, duplicates and too many items are errors; parsing
 * goes on to find them all.
 */
bool conf_load(const char *file, const struct conf_item *schema, void *out, struct conf_errors *);
/*
 * Prints in as a file that conf_load() reads back to the same struct, defaults filled in. Left out:
 * optional items that are zero or empty, and items whose set flag (set_offset) is false.
 */
void conf_print(FILE *, const struct conf_item *schema, const void *in);

/* ---- line-oriented files (llthosts, clua_services, clu_alias.config) ---- */
/*
 * Calls fn for every line that is not blank after "#…" and surrounding blanks are cut. fn may change
 * the text. False if the file cannot be read (an error is added).
 */
bool conf_lines(const char *file, struct conf_errors *,
    void (*fn)(char *text, const char *file, int line, void *arg), void *arg);
/* Splits at blanks and tabs, in place; at most max words; returns how many there are. */
size_t conf_words(char *text, char **words, size_t max);
/* Strict unsigned decimal number in [min, max]; false otherwise. */
bool conf_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

#endif
