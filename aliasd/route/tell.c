/* SPDX-License-Identifier: ISC */
#include "aliasd/route/tell.h"

#include <stdio.h>
#include <string.h>

#include "common/child.h"

void
tell_words(char *text, const char **list, size_t max)
{
	char *rest = text, *word;
	size_t n = 0;

	while ((word = strsep(&rest, " \t")) != NULL && n + 1 < max) {
		if (*word != '\0')
			list[n++] = word;
	}
	list[n] = NULL;
}

void
tell_reason(const struct child_result *r, const char *command, char *out, size_t size)
{
	const char *at = r->out + strspn(r->out, " \t\r\n");

	if (r->timed_out)
		snprintf(out, size, "%s: no answer", command);
	else if (*at != '\0')
		snprintf(out, size, "%s: %.*s", command, (int)strcspn(at, "\r\n"), at);
	else
		snprintf(out, size, "%s: exit status %d", command, r->status);
}
