/* SPDX-License-Identifier: ISC */
/* Control messages: a packet either is refused with a reason or lies wholly inside itself. */
#include <string.h>

#include "common/ipc.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t hdr[IPC_HDR_LEN];
	struct ipc_msg m;

	if (ipc_decode(data, size, &m) != NULL)
		return 0;
	fuzz_require(m.len == size - IPC_HDR_LEN, "the payload is the rest of the packet");
	fuzz_require(m.len <= IPC_MAX_PAYLOAD, "the payload is bounded");
	fuzz_require(m.len == 0 || m.data == data + IPC_HDR_LEN, "the payload is in the packet");
	ipc_hdr_encode(hdr, m.type, m.reqid, m.len);
	/* Flags and the zero field are not written yet. */
	fuzz_require(memcmp(hdr, data, 3) == 0 && memcmp(hdr + 4, data + 4, 2) == 0 &&
		memcmp(hdr + 8, data + 8, 8) == 0,
	    "encoding gives the header back");
	return 0;
}
