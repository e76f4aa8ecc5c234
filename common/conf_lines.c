/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char *
trim(char *text)
{
	size_t n;

	text[strcspn(text, "#")] = '\0';
	while (blank(*text))
		text++;
	n = strlen(text);
	while (n > 0 && blank(text[n - 1]))
		n--;
	text[n] = '\0';
	return text;
}

bool
conf_lines(const char *file, struct conf_errors *errs,
    void (*fn)(char *text, const char *file, int line, void *arg), void *arg)
{
	FILE *f = fopen(file, "re");
	char *buf = NULL, *text;
	size_t size = 0;
	ssize_t n;
	bool ok;
	int line = 0;

	if (f == NULL) {
		conf_error(errs, file, 0, NULL, "%s", strerror(errno));
		return false;
	}
	while ((n = getline(&buf, &size, f)) != -1) {
		line++;
		if (memchr(buf, '\0', (size_t)n) != NULL) {
			conf_error(errs, file, line, NULL, "holds a NUL byte: not a text file?");
			continue;
		}
		text = trim(buf);
		if (*text != '\0')
			fn(text, file, line, arg);
	}
	ok = !ferror(f);
	if (!ok)
		conf_error(errs, file, 0, NULL, "%s", strerror(errno));
	free(buf);
	fclose(f);
	return ok;
}

size_t
conf_words(char *text, char **words, size_t max)
{
	size_t n = 0;

	for (;;) {
		while (blank(*text))
			text++;
		if (*text == '\0')
			return n;
		if (n < max)
			words[n] = text;
		n++;
		while (*text != '\0' && !blank(*text))
			text++;
		if (*text != '\0')
			*text++ = '\0';
	}
}

bool
conf_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		unsigned digit = (unsigned)*text - '0';

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}
