/* SPDX-License-Identifier: ISC */
/* The first byte says which decoder of the control and status messages gets the rest. */
#include <stdlib.h>
#include <string.h>

#include "proto/llt_status.h"
#include "tests/fuzz/fuzz.h"

static uint8_t again[LLT_MAX_MSG + 8192];

/* What was accepted is encoded to the same bytes. */
#define TRY(type, name)                                                                            \
	do {                                                                                       \
		static struct type v;                                                              \
		struct wire_wr w;                                                                  \
		if (!name##_decode(data, size, &v))                                                \
			break;                                                                     \
		wire_wr_init(&w, again, sizeof(again));                                            \
		name##_encode(&w, &v);                                                             \
		if (!wire_wr_ok(&w) || wire_wr_len(&w) != size || memcmp(again, data, size) != 0)  \
			abort();                                                                   \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t which;

	if (size == 0)
		return 0;
	which = data[0] % 9;
	data++;
	size--;
	if (which == 0)
		TRY(llt_ev_self, llt_ev_self);
	else if (which == 1)
		TRY(llt_ev_node, llt_ev_node);
	else if (which == 2)
		TRY(llt_ev_link, llt_ev_link);
	else if (which == 3)
		TRY(llt_ctl_send, llt_ctl_send);
	else if (which == 4)
		TRY(llt_ctl_recv, llt_ctl_recv);
	else if (which == 5)
		TRY(llt_row_counter, llt_row_counter);
	else if (which == 6)
		TRY(llt_row_link, llt_row_link);
	else if (which == 7)
		TRY(llt_row_port, llt_row_port);
	else
		TRY(llt_row_setting, llt_row_setting);
	return 0;
}
