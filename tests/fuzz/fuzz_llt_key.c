/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "lltd/keyfile.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t key[CRYPTO_KEY_LEN];

	(void)keyfile_parse(data, size, key);
	return 0;
}
