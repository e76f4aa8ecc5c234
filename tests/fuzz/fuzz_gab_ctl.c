/* SPDX-License-Identifier: ISC */
/* Control messages of gabd: what decodes, encodes to the same bytes. First byte: which one. */
#include <string.h>

#include "proto/gab_status.h"
#include "tests/fuzz/fuzz.h"

static uint8_t buf[80 * 1024];

#define TRY(n, type, name)                                                                          \
	case n: {                                                                                   \
		static struct type m;                                                               \
		if (!name##_decode(data, size, &m))                                                 \
			return 0;                                                                   \
		name##_encode(&w, &m);                                                              \
		break;                                                                              \
	}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_wr w;
	unsigned which;

	if (size == 0)
		return 0;
	which = *data++ % 7;
	size--;
	wire_wr_init(&w, buf, sizeof(buf));
	switch (which) {
	TRY(0, gab_ev_view, gab_ev_view)
	TRY(1, gab_ctl_send, gab_ctl_send)
	TRY(2, gab_ev_msg, gab_ev_msg)
	TRY(3, gab_req_configure, gab_req_configure)
	TRY(4, gab_row_status, gab_row_status)
	TRY(5, gab_row_port, gab_row_port)
	TRY(6, gab_row_counter, gab_row_counter)
	}
	fuzz_require(wire_wr_ok(&w) && wire_wr_len(&w) == size && memcmp(buf, data, size) == 0,
	    "encoding gives the message back");
	return 0;
}
