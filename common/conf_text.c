/* SPDX-License-Identifier: ISC */
#include "common/conf_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/conf.h"

#define FILE_MAX (1024 * 1024)

static char *
read_all(FILE *f, size_t *len)
{
	char *text = malloc(FILE_MAX + 2);

	if (text == NULL)
		return NULL;
	*len = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f)) {
		free(text);
		return NULL;
	}
	text[*len] = '\0';
	return text;
}

/* libconfig would open the file itself, and its scanner ends the process if that is, say, a folder. */
static bool
check_includes(const char *text, const char *file, struct conf_errors *errs)
{
	bool ok = true;
	int line = 1;

	for (const char *p = text; p != NULL; line++) {
		p += strspn(p, " \t");
		if (strncasecmp(p, "@include", 8) == 0) {
			conf_error(errs, file, line, NULL, "@include is not supported");
			ok = false;
		}
		p = strchr(p, '\n');
		if (p != NULL)
			p++;
	}
	return ok;
}

static bool
check_text(const char *text, size_t len, const char *file, struct conf_errors *errs)
{
	if (len > FILE_MAX) {
		conf_error(errs, file, 0, NULL, "longer than %d bytes", FILE_MAX);
		return false;
	}
	if (memchr(text, '\0', len) != NULL) {
		conf_error(errs, file, 0, NULL, "holds a NUL byte: not a text file?");
		return false;
	}
	return check_includes(text, file, errs);
}

char *
conf_text_read(const char *file, struct conf_errors *errs)
{
	FILE *f = fopen(file, "re");
	char *text = NULL;
	size_t len;

	if (f != NULL)
		text = read_all(f, &len);
	if (text == NULL)
		conf_error(errs, file, 0, NULL, "%s", strerror(errno));
	if (f != NULL)
		fclose(f);
	if (text != NULL && !check_text(text, len, file, errs)) {
		free(text);
		return NULL;
	}
	return text;
}

static const char *
line_start(const char *text, int line)
{
	while (--line > 0) {
		text = strchr(text, '\n');
		if (text == NULL)
			return NULL;
		text++;
	}
	return text;
}

static bool
word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*';
}

bool
conf_text_literal(const char *text, int line, const char *key, int32_t parsed, uint64_t *value)
{
	const char *start = line_start(text, line);
	const char *p = start, *end;
	size_t n = strlen(key);
	unsigned long long v;

	if (start == NULL)
		return false;
	end = start + strcspn(start, "\n");
	for (; (p = strstr(p, key)) != NULL && p < end; p++) {
		const char *q = p + n;

		if ((p != start && word_char(p[-1])) || word_char(*q))
			continue;
		q += strspn(q, " \t");
		if (*q != '=' && *q != ':')
			continue;
		q += 1 + strspn(q + 1, " \t+");
		if (!isdigit((unsigned char)*q))
			continue;
		v = strtoull(q, NULL, q[0] == '0' && (q[1] | 32) == 'x' ? 16 : 10);
		/* Several items may stand on one line. What strtoull() itself cut off is huge anyway. */
		if ((int32_t)(uint32_t)v == parsed || v == UINT64_MAX) {
			*value = v;
			return true;
		}
	}
	return false;
}
