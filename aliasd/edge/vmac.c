/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/vmac.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aliasd/core/map.h"
#include "common/addr.h"
#include "common/log.h"
#include "common/netlink.h"

#define LINES_MIN 256 /* the file is written anew when it has more, and most are outdated */

struct entry {
	uint32_t ifindex;
	uint8_t mac[6];
};

struct vmacs {
	struct netlink *nl;
	char *file;
	struct map *map; /* key() -> struct entry */
	size_t lines;
	bool said;
};

/* Few interfaces have numbers of more than 16 bits, and those only may be mistaken for each other. */
static uint64_t
key(uint32_t ifindex, const uint8_t mac[6])
{
	uint64_t k = ifindex & 0xffff;
	int i;

	for (i = 0; i < 6; i++)
		k = k << 8 | mac[i];
	return k;
}

/* One line for each change: "+" or "-", the interface, the address. */
static void
append(struct vmacs *v, char sign, const struct entry *e, const char *mode)
{
	const struct netlink_link *k = netlink_link_by_index(v->nl, e->ifindex);
	FILE *f = fopen(v->file, mode);

	if (f != NULL && k != NULL)
		fprintf(f, "%c %s %s\n", sign, k->name, addr_mac(e->mac).s);
	if (f == NULL || fclose(f) != 0)
		log_warn("vmac", "%s: cannot keep the virtual MACs", v->file);
	v->lines++;
}

static void
append_one(uint64_t k, void *value, void *arg)
{
	append(arg, '+', value, "ae");
}

static void
store(struct vmacs *v, char sign, const struct entry *e)
{
	append(v, sign, e, "ae");
	if (v->lines < LINES_MIN + 4 * map_count(v->map))
		return;
	unlink(v->file);
	v->lines = 0;
	map_each(v->map, append_one, v);
}

static int
take_off_line(struct netlink *nl, char sign, const char *ifname, const unsigned *m)
{
	const struct netlink_link *k = netlink_link_by_name(nl, ifname);
	uint8_t mac[6];
	int i;

	for (i = 0; i < 6; i++)
		mac[i] = (uint8_t)m[i];
	/* Most are gone already. */
	return sign == '+' && k != NULL && netlink_mac_del(nl, k->ifindex, mac) == 0;
}

int
vmacs_cleanup(struct netlink *nl, const char *file)
{
	FILE *f = fopen(file, "re");
	char sign, ifname[NETLINK_NAME_MAX];
	unsigned m[6];
	int n = 0;

	while (f != NULL && fscanf(f, " %c %15s %2x:%2x:%2x:%2x:%2x:%2x", &sign, ifname, &m[0], &m[1],
	    &m[2], &m[3], &m[4], &m[5]) == 8)
		n += take_off_line(nl, sign, ifname, m);
	if (f != NULL)
		fclose(f);
	unlink(file);
	return n;
}

struct vmacs *
vmacs_new(struct netlink *nl, const char *file)
{
	struct vmacs *v = mem_zalloc(sizeof(*v));

	v->nl = nl;
	v->file = strdup(file);
	v->map = map_new();
	vmacs_cleanup(nl, file);
	return v;
}

static void
take_off(struct vmacs *v, const struct entry *e)
{
	if (netlink_mac_del(v->nl, e->ifindex, e->mac) < 0 && errno != ENOENT && errno != ENODEV)
		log_warn("vmac", "cannot take a virtual MAC off");
}

static void
take_off_one(uint64_t k, void *value, void *arg)
{
	take_off(arg, value);
}

void
vmacs_free(struct vmacs *v)
{
	if (v == NULL)
		return;
	map_each(v->map, take_off_one, v);
	unlink(v->file);
	map_free(v->map, free);
	free(v->file);
	free(v);
}

void
vmacs_add(struct vmacs *v, uint32_t ifindex, const uint8_t mac[6])
{
	struct entry *e;

	if (map_get(v->map, key(ifindex, mac)) != NULL)
		return;
	if (netlink_mac_add(v->nl, ifindex, mac) < 0 && errno != EEXIST) {
		if (!v->said)
			log_warn("vmac", "an interface does not take frames for a virtual MAC");
		v->said = true;
		return;
	}
	e = mem_zalloc(sizeof(*e));
	e->ifindex = ifindex;
	memcpy(e->mac, mac, 6);
	map_put(v->map, key(ifindex, mac), e);
	store(v, '+', e);
}

void
vmacs_del(struct vmacs *v, uint32_t ifindex, const uint8_t mac[6])
{
	struct entry *e = map_del(v->map, key(ifindex, mac));

	if (e == NULL)
		return;
	take_off(v, e);
	store(v, '-', e);
	free(e);
}
