/* SPDX-License-Identifier: ISC */
#include "common/json.h"

#include <inttypes.h>
#include <math.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* Bytes of the well-formed UTF-8 sequence at s (ended by NUL); 0 if there is none. */
static unsigned
utf8_len(const unsigned char *s)
{
	unsigned n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0
	    ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	for (unsigned i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0)))
		return 0; /* overlong; a surrogate */
	if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90)))
		return 0; /* overlong; past U+10FFFF */
	return n;
}

static void
put_ascii(FILE *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		fprintf(out, "\\%c", c);
	else if (c == '\n')
		fputs("\\n", out);
	else if (c == '\t')
		fputs("\\t", out);
	else if (c < ' ' || c == 0x7f)
		fprintf(out, "\\u%04x", c);
	else
		putc(c, out);
}

static void
put_string(FILE *out, const char *str)
{
	const unsigned char *s = (const unsigned char *)str;

	putc('"', out);
	while (*s != '\0') {
		unsigned n = utf8_len(s);

		if (n == 0) {
			fputs(replacement, out);
			s++;
		} else if (n == 1) {
			put_ascii(out, *s++);
		} else {
			fwrite(s, 1, n, out);
			s += n;
		}
	}
	putc('"', out);
}

static void
newline(struct json *j)
{
	if (j->line) {
		putc(' ', j->out);
		return;
	}
	putc('\n', j->out);
	for (unsigned i = 0; i < j->depth; i++)
		putc('\t', j->out);
}

static void
start_value(struct json *j, const char *key)
{
	if (!j->first)
		putc(',', j->out);
	j->first = false;
	if (j->depth != 0)
		newline(j);
	if (key == NULL)
		return;
	put_string(j->out, key);
	fputs(": ", j->out);
}

static void
open_level(struct json *j, const char *key, char bracket)
{
	start_value(j, key);
	putc(bracket, j->out);
	j->depth++;
	j->first = true;
}

static void
close_level(struct json *j, char bracket)
{
	j->depth--;
	if (!j->first)
		newline(j);
	putc(bracket, j->out);
	j->first = false;
}

void
json_begin(struct json *j, FILE *out)
{
	j->out = out;
	j->depth = 0;
	j->first = true;
	j->line = false;
	json_object(j, NULL);
	json_uint(j, "schema", 1);
}

void
json_begin_line(struct json *j, FILE *out)
{
	j->out = out;
	j->depth = 0;
	j->first = true;
	j->line = true;
	json_object(j, NULL);
}

void
json_finish(struct json *j)
{
	json_object_end(j);
	putc('\n', j->out);
}

void
json_object(struct json *j, const char *key)
{
	open_level(j, key, '{');
}

void
json_object_end(struct json *j)
{
	close_level(j, '}');
}

void
json_array(struct json *j, const char *key)
{
	open_level(j, key, '[');
}

void
json_array_end(struct json *j)
{
	close_level(j, ']');
}

void
json_str(struct json *j, const char *key, const char *value)
{
	start_value(j, key);
	put_string(j->out, value);
}

void
json_uint(struct json *j, const char *key, uint64_t value)
{
	start_value(j, key);
	fprintf(j->out, "%" PRIu64, value);
}

void
json_int(struct json *j, const char *key, int64_t value)
{
	start_value(j, key);
	fprintf(j->out, "%" PRId64, value);
}

void
json_bool(struct json *j, const char *key, bool value)
{
	start_value(j, key);
	fputs(value ? "true" : "false", j->out);
}

void
json_double(struct json *j, const char *key, double value)
{
	start_value(j, key);
	/* JSON has no word for what is not a number. */
	if (isfinite(value))
		fprintf(j->out, "%.9g", value);
	else
		fputs("null", j->out);
}

void
json_null(struct json *j, const char *key)
{
	start_value(j, key);
	fputs("null", j->out);
}
