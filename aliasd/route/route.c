/* SPDX-License-Identifier: ISC */
#include "aliasd/route/route.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"
#include "common/addr.h"
#include "proto/alias_msg.h"
#include "proto/alias_opts.h"

bool
route_rfc1918(struct in_addr addr)
{
	uint32_t a = ntohl(addr.s_addr);

	return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8;
}

static void
add(struct route_set *s, struct in_addr addr, uint8_t prefixlen, uint8_t metric, const char *via)
{
	struct route *r;

	if (s->n == s->size) {
		s->size = s->size * 2 + 16;
		s->r = mem_grow(s->r, s->size, sizeof(*s->r));
	}
	r = &s->r[s->n++];
	memset(r, 0, sizeof(*r));
	r->dst.s_addr = addr.s_addr & addr_mask(prefixlen).s_addr;
	r->prefixlen = prefixlen;
	r->metric = metric;
	snprintf(r->via, sizeof(r->via), "%s", via == NULL ? "" : via);
}

void
route_set_alias(struct route_set *s, const struct route_alias *a, bool resvok)
{
	uint8_t metric = a->rpri == ALIAS_RPRI_MAX ? ROUTE_METRIC_PREFERRED : ROUTE_METRIC;
	uint8_t len = a->prefixlen == 0 ? ALIAS_PREFIXLEN_DEFAULT : a->prefixlen;

	if ((a->rpri == 0 && a->others) || (route_rfc1918(a->addr) && !resvok))
		return;
	add(s, a->addr, 32, metric, a->virt ? NULL : a->via);
	if (a->virt && len < 32)
		add(s, a->addr, len, metric, NULL);
}

/* The better of two for the same destination comes first. */
static int
compare(const void *pa, const void *pb)
{
	const struct route *a = pa, *b = pb;
	uint32_t x = ntohl(a->dst.s_addr), y = ntohl(b->dst.s_addr);

	if (x != y)
		return x < y ? -1 : 1;
	if (a->prefixlen != b->prefixlen)
		return a->prefixlen < b->prefixlen ? -1 : 1;
	return a->metric - b->metric;
}

void
route_set_finish(struct route_set *s)
{
	size_t i, n = 0;

	if (s->n > 0)
		qsort(s->r, s->n, sizeof(*s->r), compare);
	for (i = 0; i < s->n; i++) {
		if (n > 0 && s->r[n - 1].dst.s_addr == s->r[i].dst.s_addr &&
		    s->r[n - 1].prefixlen == s->r[i].prefixlen)
			continue;
		s->r[n++] = s->r[i];
	}
	s->n = n;
}

void
route_set_free(struct route_set *s)
{
	free(s->r);
	memset(s, 0, sizeof(*s));
}
