/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/conf.h"
#include "common/llthosts.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct llthosts hosts;
	struct conf_errors *errs = conf_errors_new();
	bool ok = llthosts_load(fuzz_file(data, size), &hosts, errs);
	size_t n = 0;

	fuzz_require(ok == (conf_errors_count(errs) == 0), "refused with a reason, or not at all");
	for (int id = 0; id < LLT_MAX_NODES; id++) {
		if (hosts.name[id][0] == '\0')
			continue;
		n++;
		/* Looking up each is quadratic: the first ones will do. */
		if (n < 20)
			fuzz_require(llthosts_id(&hosts, hosts.name[id]) == id, "names are unique");
	}
	fuzz_require(n == hosts.count, "the count is right");
	conf_errors_free(errs);
	return 0;
}
