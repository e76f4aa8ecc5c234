/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tests/net/loadgen.h"

int
load_owner(struct load_owners *owners, const char *name, size_t len)
{
	if (len == 0 || len >= NET_OWNER_MAX || memchr(name, '\0', len) != NULL)
		return -1;
	for (size_t i = 0; i < owners->n; i++)
		if (strlen(owners->of[i].name) == len && memcmp(owners->of[i].name, name, len) == 0)
			return (int)i;
	if (owners->n == LOAD_OWNERS_MAX)
		return -1;
	memcpy(owners->of[owners->n].name, name, len);
	owners->of[owners->n].name[len] = '\0';
	owners->of[owners->n].count = 0;
	return (int)owners->n++;
}

void
load_owners_json(const struct load_owners *owners, struct json *j)
{
	json_array(j, "owners");
	for (size_t i = 0; i < owners->n; i++) {
		json_object(j, NULL);
		json_str(j, "name", owners->of[i].name);
		json_uint(j, "count", owners->of[i].count);
		json_object_end(j);
	}
	json_array_end(j);
}

void
load_lates_json(struct json *j)
{
	size_t n;
	const struct net_late *late = net_lates(&n);

	json_array(j, "late");
	for (size_t i = 0; i < n; i++) {
		json_object(j, NULL);
		json_uint(j, "at_us", late[i].at / NSEC_PER_USEC);
		json_double(j, "ms", (double)late[i].ns / 1e6);
		json_object_end(j);
	}
	json_array_end(j);
}

void
load_say_ready(void)
{
	puts("ready");
	fflush(stdout);
}
