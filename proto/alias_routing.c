/* SPDX-License-Identifier: ISC */
#include "proto/alias_routing.h"

#include <stdio.h>
#include <string.h>

static const char *const words[][2] = { /* by bit; off, on */
	{ "stop", "start" },
	{ "noresvok", "resvok" },
	{ "nogated", "gated" },
	{ "novmac", "vmac" },
};
#define NWORDS (sizeof(words) / sizeof(words[0]))

const char *
alias_routing_word(size_t i, bool on)
{
	return i < NWORDS ? words[i][on] : NULL;
}

static bool
take(const char *word, struct alias_routing *r, char *err, size_t errsize)
{
	size_t i;
	int on;

	for (i = 0; i < 2 * NWORDS; i++) {
		if (strcmp(words[i / 2][i % 2], word) == 0)
			break;
	}
	if (i == 2 * NWORDS) {
		snprintf(err, errsize, "unknown routing option \"%.64s\": expected start, stop, resvok, "
		    "noresvok, gated, nogated, vmac or novmac", word);
		return false;
	}
	on = i % 2;
	i /= 2;
	if ((on ? r->off : r->on) & 1u << i) {
		snprintf(err, errsize, "%s and %s exclude each other", words[i][1], words[i][0]);
		return false;
	}
	*(on ? &r->on : &r->off) |= 1u << i;
	return true;
}

bool
alias_routing_parse(const char *text, struct alias_routing *r, char *err, size_t errsize)
{
	char copy[256], *rest = copy, *word;

	memset(r, 0, sizeof(*r));
	if (strlen(text) >= sizeof(copy)) {
		snprintf(err, errsize, "the option list is longer than %zu bytes", sizeof(copy) - 1);
		return false;
	}
	memcpy(copy, text, strlen(text) + 1);
	while ((word = strsep(&rest, ",")) != NULL) {
		if (*word == '\0') {
			snprintf(err, errsize, "an empty routing option: expected words between commas");
			return false;
		}
		if (!take(word, r, err, errsize))
			return false;
	}
	return true;
}

void
alias_routing_format(uint32_t opts, char *out, size_t size)
{
	size_t i, len = 0;

	out[0] = '\0';
	for (i = 0; i < NWORDS && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i == 0 ? "" : ",",
		    words[i][opts >> i & 1]);
}
