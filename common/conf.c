/* SPDX-License-Identifier: ISC */
#include "common/conf.h"

#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf_near.h"
#include "common/conf_text.h"
#include "common/conf_value.h"

#define PATH_SIZE 192

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
/* libconfig forgets the string it was at when it meets a syntax error: a few bytes, and not ours. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex";
}
#endif

struct walk {
	const char *file;
	const char *text;
	struct conf_errors *errs;
	char path[PATH_SIZE]; /* of the setting at hand: "links[1].burst" */
};

static void walk_group(struct walk *, config_setting_t *, const struct conf_item *, void *base);

static void *
at(void *base, size_t offset)
{
	return (char *)base + offset;
}

/* Appends to the path; the answer is where to cut it again. */
static size_t
path_push(struct walk *w, const char *key)
{
	size_t n = strlen(w->path);

	snprintf(w->path + n, sizeof(w->path) - n, "%s%s", n != 0 ? "." : "", key);
	return n;
}

static void
path_push_index(struct walk *w, int i)
{
	size_t n = strlen(w->path);

	snprintf(w->path + n, sizeof(w->path) - n, "[%d]", i);
}

static void
wrong_type(struct walk *w, config_setting_t *s, const char *expected)
{
	static const char *const names[] = { "nothing", "a group", "a whole number", "a whole number",
		"a number with a fraction", "a string", "a boolean", "an array", "a list" };
	int type = config_setting_type(s);
	const char *is = type >= 0 && type < (int)(sizeof(names) / sizeof(names[0])) ? names[type]
										      : "unknown";

	conf_error(w->errs, w->file, config_setting_source_line(s), w->path,
	    "is %s, expected %s", is, expected);
}

static void
bad_value(struct walk *w, config_setting_t *s, const char *why)
{
	conf_error(w->errs, w->file, config_setting_source_line(s), w->path, "%s", why);
}

static bool
is_int(config_setting_t *s)
{
	int type = config_setting_type(s);

	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

/* The number as it stands in the file. */
static struct conf_num
int_value(struct walk *w, config_setting_t *s)
{
	long long v = config_setting_get_int64(s);
	uint64_t literal;

	if (config_setting_type(s) == CONFIG_TYPE_INT) {
		v = config_setting_get_int(s);
		if (conf_text_literal(w->text, config_setting_source_line(s),
			config_setting_name(s), (int32_t)v, &literal))
			return (struct conf_num){ .u = literal, .d = (double)literal };
	}
	return (struct conf_num){
		.u = v < 0 ? 0 : (uint64_t)v, .d = (double)v, .negative = v < 0
	};
}

static void
read_uint(struct walk *w, config_setting_t *s, const struct conf_item *it, void *base)
{
	struct conf_why why;

	if (!is_int(s))
		wrong_type(w, s, "a whole number");
	else if (!conf_value_uint(it, int_value(w, s), at(base, it->offset), &why))
		bad_value(w, s, why.text);
}

static void
read_msec(struct walk *w, config_setting_t *s, const struct conf_item *it, void *base)
{
	struct conf_why why;
	double ms;

	if (is_int(s)) {
		ms = int_value(w, s).d;
	} else if (config_setting_type(s) == CONFIG_TYPE_FLOAT) {
		ms = config_setting_get_float(s);
	} else {
		wrong_type(w, s, "a number of milliseconds");
		return;
	}
	if (!conf_value_msec(it, ms, at(base, it->offset), &why))
		bad_value(w, s, why.text);
}

static void
read_bool(struct walk *w, config_setting_t *s, const struct conf_item *it, void *base)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		wrong_type(w, s, "true or false");
	else
		*(bool *)at(base, it->offset) = config_setting_get_bool(s) != 0;
}

static void
read_string(struct walk *w, config_setting_t *s, const struct conf_item *it, void *base)
{
	struct conf_why why;

	if (config_setting_type(s) != CONFIG_TYPE_STRING)
		wrong_type(w, s, "a string");
	else if (!conf_value_string(it, config_setting_get_string(s), at(base, it->offset), &why))
		bad_value(w, s, why.text);
}

static void
read_enum(struct walk *w, config_setting_t *s, const struct conf_item *it, void *base)
{
	struct conf_why why;

	if (config_setting_type(s) != CONFIG_TYPE_STRING)
		wrong_type(w, s, "a string");
	else if (!conf_value_enum(it, config_setting_get_string(s), at(base, it->offset), &why))
		bad_value(w, s, why.text);
}

static void
read_group(struct walk *w, config_setting_t *s, const struct conf_item *it, void *base)
{
	if (config_setting_type(s) != CONFIG_TYPE_GROUP)
		wrong_type(w, s, "a group, { ... }");
	else
		walk_group(w, s, it->sub, at(base, it->offset));
}

/* How many of the items to read; those past the maximum are only counted. */
static int
check_length(struct walk *w, config_setting_t *s, const struct conf_item *it)
{
	int n = config_setting_length(s);
	size_t count = n > 0 ? (size_t)n : 0;

	if (count > it->max_items) {
		conf_error(w->errs, w->file, config_setting_source_line(s), w->path,
		    "%zu items, at most %zu", count, it->max_items);
		return (int)it->max_items;
	}
	if (count < it->min)
		conf_error(w->errs, w->file, config_setting_source_line(s), w->path,
		    "%zu items, at least %llu", count, (unsigned long long)it->min);
	return (int)count;
}

static void
read_list(struct walk *w, config_setting_t *s, const struct conf_item *it, void *base)
{
	int type = config_setting_type(s);
	/* "( )" is a list; "[ ]" an array, which cannot hold groups but may be empty. */
	bool fits = type == CONFIG_TYPE_LIST ||
	    (type == CONFIG_TYPE_ARRAY && config_setting_length(s) == 0);
	size_t cut = strlen(w->path);
	int n;

	if (!fits) {
		wrong_type(w, s, "a list of groups, ( { ... }, ... )");
		return;
	}
	n = check_length(w, s, it);
	for (int i = 0; i < n; i++) {
		config_setting_t *elem = config_setting_get_elem(s, (unsigned)i);

		path_push_index(w, i);
		if (config_setting_type(elem) != CONFIG_TYPE_GROUP)
			wrong_type(w, elem, "a group, { ... }");
		else
			walk_group(w, elem, it->sub, at(base, it->offset + (size_t)i * it->size));
		if (it->item_line_offset != 0)
			*(int *)at(base, it->offset + (size_t)i * it->size + it->item_line_offset) =
			    (int)config_setting_source_line(elem);
		w->path[cut] = '\0';
	}
	*(size_t *)at(base, it->count_offset) = (size_t)n;
}

static void
read_strlist(struct walk *w, config_setting_t *s, const struct conf_item *it, void *base)
{
	int type = config_setting_type(s);
	size_t cut = strlen(w->path);
	struct conf_why why;
	int n;

	if (type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST) {
		wrong_type(w, s, "a list of strings, ( \"...\", ... )");
		return;
	}
	n = check_length(w, s, it);
	for (int i = 0; i < n; i++) {
		config_setting_t *elem = config_setting_get_elem(s, (unsigned)i);
		char *dst = at(base, it->offset + (size_t)i * it->size);

		path_push_index(w, i);
		if (config_setting_type(elem) != CONFIG_TYPE_STRING)
			wrong_type(w, elem, "a string");
		else if (!conf_value_strlist_item(it, config_setting_get_string(elem), dst, &why))
			bad_value(w, elem, why.text);
		w->path[cut] = '\0';
	}
	*(size_t *)at(base, it->count_offset) = (size_t)n;
}

static void
read_item(struct walk *w, config_setting_t *s, const struct conf_item *it, void *base)
{
	static void (*const readers[])(
	    struct walk *, config_setting_t *, const struct conf_item *, void *) = {
		[CONF_UINT] = read_uint,
		[CONF_BOOL] = read_bool,
		[CONF_STRING] = read_string,
		[CONF_ENUM] = read_enum,
		[CONF_MSEC] = read_msec,
		[CONF_GROUP] = read_group,
		[CONF_LIST] = read_list,
		[CONF_STRLIST] = read_strlist,
	};

	readers[it->type](w, s, it, base);
	if (it->set_offset != 0)
		*(bool *)at(base, it->set_offset) = true;
	if (it->line_offset != 0)
		*(int *)at(base, it->line_offset) = (int)config_setting_source_line(s);
}

static const struct conf_item *
find_item(const struct conf_item *schema, const char *key)
{
	for (; schema->type != CONF_END; schema++)
		if (strcmp(schema->key, key) == 0)
			return schema;
	return NULL;
}

static void
unknown_key(struct walk *w, config_setting_t *s, const struct conf_item *schema)
{
	struct conf_near near = { .word = config_setting_name(s) };

	for (; schema->type != CONF_END; schema++)
		conf_near_try(&near, schema->key);
	if (near.best != NULL)
		conf_error(w->errs, w->file, config_setting_source_line(s), w->path,
		    "unknown key, did you mean \"%s\"?", near.best);
	else
		conf_error(w->errs, w->file, config_setting_source_line(s), w->path, "unknown key");
}

static void
missing_item(struct walk *w, config_setting_t *group, const struct conf_item *it, void *base)
{
	size_t cut;

	if (it->def != NULL) {
		conf_value_default(it, base);
		return;
	}
	if (it->optional)
		return;
	cut = path_push(w, it->key);
	conf_error(w->errs, w->file, (int)config_setting_source_line(group), w->path,
	    "missing, and has no default");
	w->path[cut] = '\0';
}

static void
walk_group(struct walk *w, config_setting_t *group, const struct conf_item *schema, void *base)
{
	int n = config_setting_length(group);

	for (int i = 0; i < n; i++) {
		config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const struct conf_item *it = find_item(schema, config_setting_name(s));
		size_t cut = path_push(w, config_setting_name(s));

		if (it == NULL)
			unknown_key(w, s, schema);
		else
			read_item(w, s, it, base);
		w->path[cut] = '\0';
	}
	for (const struct conf_item *it = schema; it->type != CONF_END; it++)
		if (config_setting_get_member(group, it->key) == NULL)
			missing_item(w, group, it, base);
}

static void
syntax_error(const char *file, const config_t *cfg, struct conf_errors *errs)
{
	const char *text = config_error_text(cfg);

	conf_error(errs, file, config_error_line(cfg), NULL, "%s",
	    text != NULL ? text : "cannot be parsed");
}

bool
conf_load(const char *file, const struct conf_item *schema, void *out, struct conf_errors *errs)
{
	size_t before = conf_errors_count(errs);
	struct walk w = { .file = file, .errs = errs };
	char *text = conf_text_read(file, errs);
	config_t cfg;

	conf_value_zero(schema, out);
	if (text == NULL)
		return false;
	w.text = text;
	config_init(&cfg);
	if (config_read_string(&cfg, text) == CONFIG_TRUE)
		walk_group(&w, config_root_setting(&cfg), schema, out);
	else
		syntax_error(file, &cfg, errs);
	config_destroy(&cfg);
	free(text);
	return conf_errors_count(errs) == before;
}
