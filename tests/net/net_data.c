/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/net/net_data.h"

#define CONTENTS_MIN 16
#define CONTENTS_VARY 224

static uint64_t
mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint64_t
hash(const char *id)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *id != '\0'; id++)
		h = (h ^ (uint8_t)*id) * 0x100000001b3ull;
	return h;
}

size_t
net_data_line(const char *id, uint64_t number, enum net_data_from from, char out[NET_LINE_MAX])
{
	static const char letters[64 + 1] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+";
	uint64_t bits = 0, seed = mix(hash(id) + 2 * number + from);
	size_t len = (size_t)snprintf(out, NET_LINE_MAX, "data %s %" PRIu64 " ", id, number);
	size_t contents = CONTENTS_MIN + (size_t)(seed % CONTENTS_VARY);

	for (size_t i = 0; i < contents; i++, bits >>= 6) {
		if (i % 10 == 0)
			bits = mix(seed += 0x9e3779b97f4a7c15ull);
		out[len++] = letters[bits & 63];
	}
	out[len++] = '\n';
	return len;
}

bool
net_data_is(const char *line, size_t len)
{
	return len > 5 && memcmp(line, "data ", 5) == 0;
}

/* The first line says who it is. */
static bool
meet(struct net_data *d, const char *line, size_t len)
{
	const char *id = line + 5, *end = memchr(id, ' ', len - 5);

	if (end == NULL || (size_t)(end - id) >= sizeof(d->id))
		return false;
	memcpy(d->id, id, (size_t)(end - id));
	return true;
}

size_t
net_data_answer(struct net_data *d, const char *line, size_t len, char out[NET_LINE_MAX])
{
	if (d->id[0] == '\0' && !meet(d, line, len))
		return 0;
	size_t expected = net_data_line(d->id, d->next, NET_DATA_CLIENT, out);
	if (len != expected || memcmp(line, out, len) != 0)
		return 0;
	return net_data_line(d->id, d->next++, NET_DATA_SERVER, out);
}
