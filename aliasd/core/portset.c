/* SPDX-License-Identifier: ISC */
#include "aliasd/core/portset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"

#define PORTS 65536
#define WORDS (PORTS / 64)
#define ITEM_MAX 12 /* "65534-65535," */

void
portset_add(struct portset *s, uint16_t port)
{
	s->w[port / 64] |= 1ull << (port % 64);
}

bool
portset_has(const struct portset *s, uint16_t port)
{
	return s->w[port / 64] >> (port % 64) & 1;
}

bool
portset_equal(const struct portset *a, const struct portset *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool
portset_empty(const struct portset *s)
{
	static const struct portset none;

	return portset_equal(s, &none);
}

void
portset_join(struct portset *a, const struct portset *b)
{
	size_t i;

	for (i = 0; i < WORDS; i++)
		a->w[i] |= b->w[i];
}

void
portset_remove(struct portset *a, const struct portset *b)
{
	size_t i;

	for (i = 0; i < WORDS; i++)
		a->w[i] &= ~b->w[i];
}

/* Digits alone: no sign, no blank. */
static bool
parse_port(const char **at, unsigned *port)
{
	const char *p = *at;

	for (*port = 0; *p >= '0' && *p <= '9' && *port < PORTS; p++)
		*port = *port * 10 + (unsigned)(*p - '0');
	if (p == *at || *port >= PORTS)
		return false;
	*at = p;
	return true;
}

static bool
parse_range(struct portset *s, const char **at)
{
	unsigned first, last;

	if (!parse_port(at, &first))
		return false;
	last = first;
	if (**at == '-') {
		++*at;
		if (!parse_port(at, &last) || last < first)
			return false;
	}
	for (; first <= last; first++)
		portset_add(s, (uint16_t)first);
	return true;
}

bool
portset_parse(struct portset *s, const char *text)
{
	const char *at = text, *end = text + strcspn(text, " \t\n");
	bool ok = true;

	memset(s, 0, sizeof(*s));
	while (ok && at < end) {
		ok = parse_range(s, &at);
		if (ok && at < end)
			ok = *at++ == ',' && at < end;
	}
	ok = ok && end[strspn(end, " \t\n")] == '\0';
	if (!ok)
		memset(s, 0, sizeof(*s));
	return ok;
}

char *
portset_format(const struct portset *s)
{
	char *text = mem_grow(NULL, (size_t)(PORTS / 2) * ITEM_MAX + 1, 1);
	unsigned first, last;
	size_t len = 0;

	text[0] = '\0';
	for (first = 0; first < PORTS; first = last + 1) {
		last = first;
		if (!portset_has(s, (uint16_t)first))
			continue;
		while (last + 1 < PORTS && portset_has(s, (uint16_t)(last + 1)))
			last++;
		len += (size_t)sprintf(text + len, "%s%u", len == 0 ? "" : ",", first);
		if (last > first)
			len += (size_t)sprintf(text + len, "-%u", last);
	}
	return mem_grow(text, len + 1, 1);
}
