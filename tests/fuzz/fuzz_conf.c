/* SPDX-License-Identifier: ISC */
/* Configuration files against a schema with one of everything. What loads must survive printing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "tests/fuzz/fuzz.h"

struct item {
	char name[8];
	int kind;
	uint32_t weight;
};

struct group {
	uint64_t delay;
	bool delay_set;
	bool flag;
};

struct sample {
	uint32_t number;
	uint32_t wide;
	char text[16];
	struct group group;
	struct item items[4];
	size_t nitems;
	char words[3][8];
	size_t nwords;
};

static const char *const kinds[] = { "high", "low", NULL };

static const struct conf_item item_schema[] = {
	{ .key = "name", .type = CONF_STRING, .offset = offsetof(struct item, name), .size = 8,
	    .min = 1 },
	{ .key = "kind", .type = CONF_ENUM, .offset = offsetof(struct item, kind), .names = kinds,
	    .def = "high" },
	{ .key = "weight", .type = CONF_UINT, .offset = offsetof(struct item, weight), .min = 1,
	    .max = 64, .def = "1" },
	{ .type = CONF_END },
};

static const struct conf_item group_schema[] = {
	{ .key = "delay", .type = CONF_MSEC, .offset = offsetof(struct group, delay), .min = 1,
	    .max = 60000, .optional = true, .set_offset = offsetof(struct group, delay_set) },
	{ .key = "flag", .type = CONF_BOOL, .offset = offsetof(struct group, flag), .def = "true" },
	{ .type = CONF_END },
};

static const struct conf_item schema[] = {
	{ .key = "number", .type = CONF_UINT, .offset = offsetof(struct sample, number),
	    .max = 65535 },
	{ .key = "wide", .type = CONF_UINT, .offset = offsetof(struct sample, wide),
	    .max = UINT32_MAX, .def = "0" },
	{ .key = "text", .type = CONF_STRING, .offset = offsetof(struct sample, text), .size = 16,
	    .optional = true },
	{ .key = "group", .type = CONF_GROUP, .offset = offsetof(struct sample, group),
	    .sub = group_schema, .def = "" },
	{ .key = "items", .type = CONF_LIST, .offset = offsetof(struct sample, items),
	    .size = sizeof(struct item), .sub = item_schema, .max_items = 4, .optional = true,
	    .count_offset = offsetof(struct sample, nitems) },
	{ .key = "words", .type = CONF_STRLIST, .offset = offsetof(struct sample, words),
	    .size = 8, .max_items = 3, .optional = true,
	    .count_offset = offsetof(struct sample, nwords) },
	{ .type = CONF_END },
};

static bool
load(const uint8_t *data, size_t size, struct sample *out)
{
	struct conf_errors *errs = conf_errors_new();
	bool ok;

	memset(out, 0, sizeof(*out));
	ok = conf_load(fuzz_file(data, size), schema, out, errs);
	fuzz_require(ok == (conf_errors_count(errs) == 0), "refused with a reason, or not at all");
	conf_errors_free(errs);
	return ok;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sample first, again;
	char *text;
	size_t len;
	FILE *f;

	if (!load(data, size, &first))
		return 0;
	f = open_memstream(&text, &len);
	conf_print(f, schema, &first);
	fclose(f);
	fuzz_require(load((uint8_t *)text, len, &again), "what was printed loads");
	free(text);
	fuzz_require(memcmp(&first, &again, sizeof(first)) == 0, "and is the same");
	return 0;
}
