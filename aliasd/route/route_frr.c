/* SPDX-License-Identifier: ISC */
/*
 * FRR. Its static routes carry a tag that tells ours from all others and which of the metrics they
 * have; the protocols take them through one route map.
 */
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"
#include "aliasd/route/route_text.h"
#include "common/addr.h"

#define LINE_MAX_LEN 96
#define MAP_ENTRY "route-map " ROUTE_FRR_MAP " permit %u\n match tag %u\n set metric %u\nexit\n"

static const uint8_t metrics[] = { ROUTE_METRIC_PREFERRED, ROUTE_METRIC };

static void
map_entry(char *out, size_t size, uint8_t metric)
{
	snprintf(out, size, MAP_ENTRY, metric, ROUTE_FRR_TAG + metric, metric);
}

static void
ospf(FILE *f, const struct route_spec *s)
{
	size_t i;

	if (s->bfd)
		fprintf(f, "bfd\n profile " ROUTE_FRR_PROFILE "\n  detect-multiplier %d\n"
		    "  transmit-interval %d\n  receive-interval %d\n exit\nexit\n", ROUTE_BFD_MULTIPLIER,
		    ROUTE_BFD_INTERVAL, ROUTE_BFD_INTERVAL);
	fprintf(f, "router ospf\n redistribute static route-map " ROUTE_FRR_MAP "\nexit\n");
	for (i = 0; i < s->nifaces; i++) {
		fprintf(f, "interface %s\n ip ospf area %s\n", s->ifaces[i], s->area);
		/* The profile is refused before BFD as such is on. */
		if (s->bfd)
			fprintf(f, " ip ospf bfd\n ip ospf bfd profile " ROUTE_FRR_PROFILE "\n");
		fprintf(f, "exit\n");
	}
}

void
route_frr_frame(FILE *f, const struct route_spec *s)
{
	char entry[128];
	size_t i;

	for (i = 0; i < sizeof(metrics); i++) {
		map_entry(entry, sizeof(entry), metrics[i]);
		fputs(entry, f);
	}
	if (s->protocols & ROUTE_RIP) {
		fprintf(f, "router rip\n version 2\n");
		for (i = 0; i < s->nifaces; i++)
			fprintf(f, " network %s\n", s->ifaces[i]);
		fprintf(f, " redistribute static route-map " ROUTE_FRR_MAP "\nexit\n");
	}
	if (s->protocols & ROUTE_OSPF)
		ospf(f, s);
}

bool
route_frr_has_map(const char *running)
{
	char entry[128];
	size_t i;

	for (i = 0; i < sizeof(metrics); i++) {
		map_entry(entry, sizeof(entry), metrics[i]);
		if (strstr(running, entry) == NULL)
			return false;
	}
	return true;
}

static void
line_of(char out[LINE_MAX_LEN], const struct route *r)
{
	snprintf(out, LINE_MAX_LEN, "ip route %s/%u %s tag %u", addr_ip(r->dst).s, r->prefixlen,
	    r->via[0] == '\0' ? "blackhole" : r->via, ROUTE_FRR_TAG + r->metric);
}

static bool
is_ours(const char *line)
{
	const char *tag = strstr(line, " tag ");
	size_t i;

	if (strncmp(line, "ip route ", 9) != 0 || tag == NULL)
		return false;
	for (i = 0; i < sizeof(metrics); i++) {
		if (strtoul(tag + 5, NULL, 10) == (unsigned long)ROUTE_FRR_TAG + metrics[i])
			return true;
	}
	return false;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Our lines in running, sorted; their number. */
static size_t
present(char *running, char ***list)
{
	char *line, *rest = running, **l = NULL;
	size_t n = 0, size = 0;

	while ((line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, "\r")] = '\0';
		if (!is_ours(line))
			continue;
		if (n == size)
			l = mem_grow(l, size = size * 2 + 16, sizeof(*l));
		l[n++] = line;
	}
	if (n > 0)
		qsort(l, n, sizeof(*l), by_text);
	*list = l;
	return n;
}

size_t
route_frr_delta(FILE *f, char *running, const struct route_set *set)
{
	size_t i, commands = 0, n;
	char line[LINE_MAX_LEN], *key = line, **have, **found;
	bool *wanted, *missing = mem_zalloc(set->n + 1);

	n = present(running, &have);
	wanted = mem_zalloc(n + 1);
	for (i = 0; i < set->n; i++) {
		line_of(line, &set->r[i]);
		found = n == 0 ? NULL : bsearch(&key, have, n, sizeof(*have), by_text);
		missing[i] = found == NULL;
		if (found != NULL)
			wanted[found - have] = true;
	}
	/* What goes, first: a destination may only change its metric. */
	for (i = 0; i < n; i++) {
		if (!wanted[i])
			fprintf(f, "no %s\n", have[i]), commands++;
	}
	for (i = 0; i < set->n; i++) {
		if (!missing[i])
			continue;
		line_of(line, &set->r[i]);
		fprintf(f, "%s\n", line);
		commands++;
	}
	free(wanted);
	free(missing);
	free(have);
	return commands;
}
