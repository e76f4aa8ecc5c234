/* SPDX-License-Identifier: ISC */
/* The file clua_services. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aliasd/aliasd_conf.h"
#include "aliasd/core/map.h"
#include "common/conf.h"

struct parse {
	struct services *s;
	struct conf_errors *errs;
};

static int
defined_at(const struct services *s, const struct alias_svc *svc)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->svc[i].proto == svc->proto && s->svc[i].port_h == svc->port_h)
			return s->line[i];
	}
	return 0;
}

static void
service_line(char *text, const char *file, int line, void *arg)
{
	struct parse *p = arg;
	struct services *s = p->s;
	struct alias_svc svc;
	char err[256];
	int before;

	if (!alias_svc_parse_line(text, &svc, err, sizeof(err))) {
		conf_error(p->errs, file, line, NULL, "%s", err);
		return;
	}
	before = defined_at(s, &svc);
	if (before != 0) {
		conf_error(p->errs, file, line, NULL, "%u/%s stands in line %d already", svc.port_h,
		    alias_proto_name(svc.proto), before);
		return;
	}
	if (s->n == ALIAS_SVC_MAX) {
		conf_error(p->errs, file, line, NULL, "more than %d services", ALIAS_SVC_MAX);
		return;
	}
	s->svc = mem_grow(s->svc, s->n + 1, sizeof(*s->svc));
	s->line = mem_grow(s->line, s->n + 1, sizeof(*s->line));
	s->line[s->n] = line;
	s->svc[s->n++] = svc;
}

bool
services_load(const char *path, struct services *s, struct conf_errors *errs)
{
	struct parse p = { .s = s, .errs = errs };
	size_t before = conf_errors_count(errs);

	memset(s, 0, sizeof(*s));
	conf_lines(path, errs, service_line, &p);
	if (conf_errors_count(errs) == before)
		return true;
	services_free(s);
	return false;
}

void
services_free(struct services *s)
{
	free(s->svc);
	free(s->line);
	memset(s, 0, sizeof(*s));
}

bool
services_equal(const struct services *a, const struct services *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++) {
		if (memcmp(&a->svc[i], &b->svc[i], sizeof(a->svc[i])) != 0)
			return false;
	}
	return true;
}
