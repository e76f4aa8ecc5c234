/* SPDX-License-Identifier: ISC */
#include "gabd/members.h"

#include <stdbool.h>
#include <stdio.h>

static size_t
digits(const uint16_t *ids, unsigned n, char *buf, size_t size)
{
	size_t len = 0;

	if (n > 0 && ids[0] != 0 && size > 1)
		buf[len++] = ';';
	for (unsigned i = 0; i < n && len + 1 < size; i++)
		buf[len++] = (char)('0' + ids[i]);
	return len;
}

static size_t
ranges(const uint16_t *ids, unsigned n, char *buf, size_t size)
{
	size_t len = 0;

	for (unsigned i = 0, end; i < n && len + 1 < size; i = end + 1) {
		const char *comma = i > 0 ? "," : "";
		int k;

		for (end = i; end + 1 < n && ids[end + 1] == ids[end] + 1; end++)
			;
		if (end > i)
			k = snprintf(buf + len, size - len, "%s%u-%u", comma, ids[i], ids[end]);
		else
			k = snprintf(buf + len, size - len, "%s%u", comma, ids[i]);
		len += (size_t)k < size - len ? (size_t)k : size - len - 1;
	}
	return len;
}

void
members_text(const uint16_t *ids, unsigned n, char *buf, size_t size)
{
	bool small = n == 0 || ids[n - 1] < 10;

	if (size == 0)
		return;
	buf[small ? digits(ids, n, buf, size) : ranges(ids, n, buf, size)] = '\0';
}
