/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/conf.h"

static void print_items(FILE *, const struct conf_item *, const void *base, unsigned depth);

static const void *
at(const void *base, size_t offset)
{
	return (const char *)base + offset;
}

static void
indent(FILE *out, unsigned depth)
{
	while (depth-- > 0)
		putc('\t', out);
}

static void
print_string(FILE *out, const char *s)
{
	putc('"', out);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

/* libconfig cuts integers to 32 bits unless they have an L. */
static void
print_uint(FILE *out, uint64_t v)
{
	fprintf(out, "%" PRIu64 "%s", v, v > INT32_MAX ? "L" : "");
}

static void
print_msec(FILE *out, uint64_t ns)
{
	uint64_t ms = ns / NSEC_PER_MSEC;
	char frac[8];
	size_t n;

	if (ns % NSEC_PER_MSEC == 0) {
		print_uint(out, ms);
		return;
	}
	n = (size_t)snprintf(frac, sizeof(frac), "%06u", (unsigned)(ns % NSEC_PER_MSEC));
	while (frac[n - 1] == '0')
		frac[--n] = '\0';
	fprintf(out, "%" PRIu64 ".%s", ms, frac);
}

static void
print_list(FILE *out, const struct conf_item *it, const void *base, unsigned depth)
{
	size_t count = *(const size_t *)at(base, it->count_offset);

	fputs(count == 0 ? "( " : "(\n", out);
	for (size_t i = 0; i < count; i++) {
		const void *elem = at(base, it->offset + i * it->size);

		indent(out, depth + 1);
		if (it->type == CONF_STRLIST) {
			print_string(out, elem);
		} else {
			fputs("{\n", out);
			print_items(out, it->sub, elem, depth + 2);
			indent(out, depth + 1);
			putc('}', out);
		}
		fputs(i + 1 < count ? ",\n" : "\n", out);
	}
	if (count != 0)
		indent(out, depth);
	putc(')', out);
}

static bool
is_zero(const struct conf_item *it, const void *base)
{
	const void *v = at(base, it->offset);

	switch (it->type) {
	case CONF_UINT:
		return *(const uint32_t *)v == 0;
	case CONF_BOOL:
		return !*(const bool *)v;
	case CONF_STRING:
		return *(const char *)v == '\0';
	case CONF_ENUM:
		return *(const int *)v == 0;
	case CONF_MSEC:
		return *(const uint64_t *)v == 0;
	case CONF_LIST:
	case CONF_STRLIST:
		return *(const size_t *)at(base, it->count_offset) == 0;
	case CONF_GROUP:
		for (it = it->sub; it->type != CONF_END; it++)
			if (!is_zero(it, v))
				return false;
		return true;
	case CONF_END:
		break;
	}
	return true;
}

static void
print_value(FILE *out, const struct conf_item *it, const void *base, unsigned depth)
{
	const void *v = at(base, it->offset);

	switch (it->type) {
	case CONF_UINT:
		print_uint(out, *(const uint32_t *)v);
		break;
	case CONF_BOOL:
		fputs(*(const bool *)v ? "true" : "false", out);
		break;
	case CONF_STRING:
		print_string(out, v);
		break;
	case CONF_ENUM:
		print_string(out, it->names[*(const int *)v]);
		break;
	case CONF_MSEC:
		print_msec(out, *(const uint64_t *)v);
		break;
	case CONF_GROUP:
		fputs("{\n", out);
		print_items(out, it->sub, v, depth + 1);
		indent(out, depth);
		putc('}', out);
		break;
	case CONF_LIST:
	case CONF_STRLIST:
		print_list(out, it, base, depth);
		break;
	case CONF_END:
		break;
	}
}

static void
print_items(FILE *out, const struct conf_item *schema, const void *base, unsigned depth)
{
	for (const struct conf_item *it = schema; it->type != CONF_END; it++) {
		if (it->set_offset != 0 && !*(const bool *)at(base, it->set_offset))
			continue;
		if (it->optional && it->def == NULL && it->set_offset == 0 && is_zero(it, base))
			continue;
		indent(out, depth);
		fprintf(out, "%s = ", it->key);
		print_value(out, it, base, depth);
		fputs(";\n", out);
	}
}

void
conf_print(FILE *out, const struct conf_item *schema, const void *in)
{
	print_items(out, schema, in, 0);
}
