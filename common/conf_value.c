/* SPDX-License-Identifier: ISC */
#include "common/conf_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/conf_near.h"

static bool __attribute__((format(printf, 2, 3)))
because(struct conf_why *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return false;
}

bool
conf_value_uint(
    const struct conf_item *it, struct conf_num num, uint32_t *dst, struct conf_why *why)
{
	uint64_t max = it->max < UINT32_MAX ? it->max : UINT32_MAX;

	if (num.negative || num.u < it->min || num.u > max)
		return because(why, "is %.0f, expected %llu..%llu", num.d,
		    (unsigned long long)it->min, (unsigned long long)max);
	*dst = (uint32_t)num.u;
	return true;
}

bool
conf_value_msec(const struct conf_item *it, double ms, uint64_t *dst, struct conf_why *why)
{
	/* The other way round a NaN would pass. */
	if (!(ms >= (double)it->min && ms <= (double)it->max))
		return because(why, "is %.15g ms, expected %llu..%llu ms", ms,
		    (unsigned long long)it->min, (unsigned long long)it->max);
	*dst = (uint64_t)(ms * (double)NSEC_PER_MSEC + 0.5);
	return true;
}

static bool
copy_string(const struct conf_item *it, const char *s, size_t min, char *dst, struct conf_why *why)
{
	size_t n = strlen(s);

	if (n >= it->size)
		return because(why, "has %zu bytes, at most %zu", n, it->size - 1);
	if (n == 0 && min > 0)
		return because(why, "is empty");
	if (n < min)
		return because(why, "has %zu bytes, at least %zu", n, min);
	memcpy(dst, s, n + 1);
	return true;
}

bool
conf_value_string(const struct conf_item *it, const char *s, char *dst, struct conf_why *why)
{
	return copy_string(it, s, (size_t)it->min, dst, why);
}

bool
conf_value_strlist_item(const struct conf_item *it, const char *s, char *dst, struct conf_why *why)
{
	return copy_string(it, s, 1, dst, why);
}

static void
list_names(const char *const *names, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; names[i] != NULL && n < size; i++) {
		const char *sep = i == 0 ? "" : names[i + 1] != NULL ? ", " : " or ";

		n += (size_t)snprintf(buf + n, size - n, "%s\"%s\"", sep, names[i]);
	}
}

bool
conf_value_enum(const struct conf_item *it, const char *s, int *dst, struct conf_why *why)
{
	char names[256];
	const char *near;

	for (int i = 0; it->names[i] != NULL; i++) {
		if (strcmp(it->names[i], s) == 0) {
			*dst = i;
			return true;
		}
	}
	list_names(it->names, names, sizeof(names));
	near = conf_near_of(s, it->names);
	return because(why, "is \"%.60s\", expected %s%s%s%s", s, names,
	    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?" : "");
}

static bool
default_number(const struct conf_item *it, void *dst, struct conf_why *why)
{
	char *end;
	double d = strtod(it->def, &end);
	struct conf_num num = { .d = d };

	if (end == it->def || *end != '\0')
		return because(why, "is not a number");
	if (it->type == CONF_MSEC)
		return conf_value_msec(it, d, dst, why);
	if (!conf_number(it->def, it->min, it->max, &num.u))
		return because(why, "is not in its range");
	return conf_value_uint(it, num, dst, why);
}

static void
default_group(const struct conf_item *it, void *base)
{
	for (const struct conf_item *sub = it->sub; sub->type != CONF_END; sub++)
		if (sub->def != NULL)
			conf_value_default(sub, base);
}

void
conf_value_default(const struct conf_item *it, void *base)
{
	void *dst = (char *)base + it->offset;
	struct conf_why why;
	bool ok = true;

	switch (it->type) {
	case CONF_UINT:
	case CONF_MSEC:
		ok = default_number(it, dst, &why);
		break;
	case CONF_BOOL:
		*(bool *)dst = strcmp(it->def, "true") == 0;
		break;
	case CONF_STRING:
		ok = conf_value_string(it, it->def, dst, &why);
		break;
	case CONF_ENUM:
		ok = conf_value_enum(it, it->def, dst, &why);
		break;
	case CONF_GROUP:
		default_group(it, dst);
		break;
	case CONF_LIST:
	case CONF_STRLIST:
	case CONF_END:
		break; /* empty already */
	}
	if (!ok) {
		fprintf(stderr, "schema: default of %s %s\n", it->key, why.text);
		abort();
	}
}

static size_t
value_size(const struct conf_item *it)
{
	switch (it->type) {
	case CONF_UINT:
		return sizeof(uint32_t);
	case CONF_BOOL:
		return sizeof(bool);
	case CONF_STRING:
		return it->size;
	case CONF_ENUM:
		return sizeof(int);
	case CONF_MSEC:
		return sizeof(uint64_t);
	case CONF_LIST:
	case CONF_STRLIST:
		return it->size * it->max_items;
	case CONF_GROUP:
	case CONF_END:
		break;
	}
	return 0;
}

void
conf_value_zero(const struct conf_item *schema, void *base)
{
	for (const struct conf_item *it = schema; it->type != CONF_END; it++) {
		memset((char *)base + it->offset, 0, value_size(it));
		if (it->type == CONF_GROUP)
			conf_value_zero(it->sub, (char *)base + it->offset);
		if (it->type == CONF_LIST || it->type == CONF_STRLIST)
			memset((char *)base + it->count_offset, 0, sizeof(size_t));
		if (it->set_offset != 0)
			memset((char *)base + it->set_offset, 0, sizeof(bool));
		if (it->line_offset != 0)
			memset((char *)base + it->line_offset, 0, sizeof(int));
	}
}
