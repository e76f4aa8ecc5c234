/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "proto/alias_opts.h"
#include "tests/fuzz/fuzz.h"

/* The input as an option list, and as a line of clu_alias.config. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[4096], err[256] = "";
	struct alias_opts o;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (alias_opts_parse(text, &o, err, sizeof(err))) {
		fuzz_require(o.alias[0] != '\0', "there is an alias");
		fuzz_require(o.rpri <= ALIAS_RPRI_MAX, "rpri is in range");
		fuzz_require((o.set & ~ALIAS_OPT_ALL) == 0, "known options");
	} else {
		fuzz_require(err[0] != '\0' && strlen(err) < sizeof(err), "a reason");
	}
	err[0] = '\0';
	if (!alias_opts_parse_line(text, &o, err, sizeof(err)))
		fuzz_require(err[0] != '\0', "a reason");
	return 0;
}
