/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"

/* More than anybody reads; keeps a garbage file from filling the memory with complaints. */
#define ERRORS_MAX 200

struct conf_errors {
	size_t count;
	char *text[ERRORS_MAX + 1]; /* the last: that there are more */
};

struct conf_errors *
conf_errors_new(void)
{
	return calloc(1, sizeof(struct conf_errors));
}

void
conf_errors_free(struct conf_errors *errs)
{
	if (errs == NULL)
		return;
	for (size_t i = 0; i < errs->count; i++)
		free(errs->text[i]);
	free(errs);
}

/* The text quotes the file: it must stay one line and leave the terminal alone. */
static void
defuse(char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

static char *
format(const char *file, int line, const char *key, const char *what)
{
	char where[16] = "";
	char *text;

	if (line > 0)
		snprintf(where, sizeof(where), ":%d", line);
	if (asprintf(&text, "%s%s: %s%s%s", file, where, key != NULL ? key : "",
		key != NULL ? ": " : "", what) == -1)
		return NULL;
	defuse(text);
	return text;
}

void
conf_error(struct conf_errors *errs, const char *file, int line, const char *key, const char *fmt, ...)
{
	char what[1024];
	va_list ap;
	char *text;

	if (errs->count > ERRORS_MAX)
		return;
	if (errs->count == ERRORS_MAX) {
		text = strdup("too many errors, the rest is not shown");
	} else {
		va_start(ap, fmt);
		vsnprintf(what, sizeof(what), fmt, ap);
		va_end(ap);
		text = format(file, line, key, what);
	}
	/* Out of memory: the count must still say that there is an error. */
	errs->text[errs->count++] = text;
}

size_t
conf_errors_count(const struct conf_errors *errs)
{
	return errs->count;
}

const char *
conf_errors_get(const struct conf_errors *errs, size_t i)
{
	if (i >= errs->count)
		return NULL;
	return errs->text[i] != NULL ? errs->text[i] : "out of memory";
}

void
conf_errors_print(const struct conf_errors *errs, FILE *out)
{
	for (size_t i = 0; i < errs->count; i++)
		fprintf(out, "%s\n", conf_errors_get(errs, i));
}
