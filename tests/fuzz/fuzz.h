/* SPDX-License-Identifier: ISC */
/* What the fuzz targets share. */
#ifndef CLUA_TESTS_FUZZ_H
#define CLUA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Makes the input a file and returns its path, good until the next call. For parsers of files. */
const char *fuzz_file(const uint8_t *data, size_t size);
/* Ends the process as a finding if the condition does not hold, whatever NDEBUG says. */
void fuzz_require(int holds, const char *what);

#endif
