/* SPDX-License-Identifier: ISC */
/* Requests to aliasd and rows from it: what can be read is written again to the same bytes. */
#include <string.h>

#include "proto/alias_api.h"
#include "proto/alias_ctl.h"
#include "proto/alias_event.h"
#include "tests/fuzz/fuzz.h"

static uint8_t buf[1 << 17];
static struct wire_wr w;

static void
same(const uint8_t *data, size_t size, const char *what)
{
	fuzz_require(wire_wr_ok(&w) && wire_wr_len(&w) == size && memcmp(buf, data, size) == 0, what);
}

#define TRY(kind, type)                                                                            \
	do {                                                                                           \
		static struct type v;                                                                      \
		wire_wr_init(&w, buf, sizeof(buf));                                                        \
		if (kind##_decode(data, size, &v)) {                                                       \
			kind##_encode(&w, &v);                                                                 \
			same(data, size, #kind);                                                               \
		}                                                                                          \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct alias_ctl_service s;
	struct alias_api a;

	/* A boolean or two of it are single bits: what is read is written to the same bytes. */
	wire_wr_init(&w, buf, sizeof(buf));
	if (alias_api_request_decode(data, size, &a)) {
		alias_api_encode(&w, &a);
		same(data, size, "request of a program");
	}
	TRY(alias_api_result, alias_api_result);
	TRY(alias_api_reg, alias_api_reg);
	TRY(alias_ctl_set, alias_ctl_set);
	TRY(alias_ctl_drain, alias_ctl_drain);
	TRY(alias_ctl_query, alias_ctl_query);
	TRY(alias_ctl_group, alias_ctl_group);
	TRY(alias_ctl_node, alias_ctl_node);
	TRY(alias_ctl_routing, alias_ctl_routing);
	TRY(alias_ctl_route, alias_ctl_route);
	TRY(alias_routing, alias_routing);
	TRY(alias_ctl_alias, alias_ctl_alias);
	TRY(alias_ctl_member, alias_ctl_member);
	TRY(alias_ctl_iface, alias_ctl_iface);
	TRY(alias_ctl_applied, alias_ctl_applied);
	TRY(alias_event, alias_event);
	/* Has two reserved bytes: they are read as anything and written as zero. */
	wire_wr_init(&w, buf, sizeof(buf));
	if (alias_ctl_service_decode(data, size, &s)) {
		alias_ctl_service_encode(&w, &s);
		fuzz_require(wire_wr_ok(&w) && wire_wr_len(&w) == size, "service");
	}
	return 0;
}
