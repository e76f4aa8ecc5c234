/* SPDX-License-Identifier: ISC */
#include "aliasd/aliasd_conf.h"
#include "common/conf.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors *errs = conf_errors_new();
	struct services s;
	bool ok = services_load(fuzz_file(data, size), &s, errs);

	fuzz_require(ok == (conf_errors_count(errs) == 0), "refused with a reason, or not at all");
	for (size_t i = 0; ok && i < s.n; i++) {
		fuzz_require(s.svc[i].port_h != 0, "port");
		fuzz_require(alias_attr_conflict(s.svc[i].attrs) == NULL, "attributes go together");
		fuzz_require(s.svc[i].attrs != 0, "an attribute");
	}
	if (ok)
		services_free(&s);
	conf_errors_free(errs);
	return 0;
}
