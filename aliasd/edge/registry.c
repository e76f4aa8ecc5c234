/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aliasd/core/map.h"
#include "common/log.h"

struct item {
	struct registry_entry e;
	struct item *next;
};

struct registry {
	char *file, *fresh; /* and its name while it is written */
	struct item *first;
};

uint64_t
registry_process_start(pid_t pid)
{
	char path[64], text[1024], *p;
	unsigned long long start = 0;
	FILE *f;
	size_t n;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	/* The name, in parentheses, may hold anything; the start is the 20th field after it. */
	p = strrchr(text, ')');
	for (i = 0; p != NULL && i < 20; i++)
		p = strchr(p + 1, ' ');
	return p != NULL && sscanf(p, "%llu", &start) == 1 ? start : 0;
}

static bool
same_thing(const struct alias_api *a, const struct alias_api *b)
{
	if (a->proto != b->proto || a->prog != b->prog || a->resv != b->resv)
		return false;
	return a->prog != 0 || a->port_h == b->port_h;
}

static struct registry_entry *
put(struct registry *r, const struct alias_api *a, pid_t pid)
{
	struct item *i = mem_zalloc(sizeof(*i)), **end = &r->first;

	while (*end != NULL)
		end = &(*end)->next;
	*end = i;
	i->e.api = *a;
	i->e.pid = pid;
	return &i->e;
}

/* A line that is not ours, or of a process that is gone, is passed over. */
static void
load(struct registry *r, FILE *f)
{
	unsigned proto, port, options, prog, resv;
	struct registry_entry *e;
	uint64_t started;
	int pid;

	while (fscanf(f, "%u %u %x %u %u %d %" SCNu64, &proto, &port, &options, &prog, &resv, &pid,
	    &started) == 7) {
		struct alias_api a = { .proto = (uint8_t)proto, .port_h = (uint16_t)port,
			.options = (uint16_t)options, .prog = prog, .resv = resv != 0 };
		uint64_t now = pid > 0 ? registry_process_start(pid) : 0;

		if (proto > UINT8_MAX || port == 0 || port > UINT16_MAX ||
		    (a.proto != IPPROTO_TCP && a.proto != IPPROTO_UDP) || !alias_api_options_ok(a.options))
			continue;
		if (pid > 0 && (now == 0 || now != started))
			continue;
		e = put(r, &a, pid);
		e->started = started;
		e->kept = true;
	}
}

struct registry *
registry_new(const char *file)
{
	struct registry *r = mem_zalloc(sizeof(*r));
	FILE *f = fopen(file, "re");

	r->file = strdup(file);
	if (asprintf(&r->fresh, "%s.new", file) < 0 || r->file == NULL)
		abort();
	if (f != NULL) {
		load(r, f);
		fclose(f);
	}
	return r;
}

void
registry_free(struct registry *r)
{
	struct item *i;

	if (r == NULL)
		return;
	while ((i = r->first) != NULL) {
		r->first = i->next;
		free(i);
	}
	free(r->file);
	free(r->fresh);
	free(r);
}

struct registry_entry *
registry_add(struct registry *r, const struct alias_api *a, pid_t pid)
{
	struct registry_entry *e;
	struct item *i;

	for (i = r->first; i != NULL; i = i->next) {
		if (i->e.pid != pid || !same_thing(&i->e.api, a))
			continue;
		i->e.api.options = a->options;
		return &i->e;
	}
	e = put(r, a, pid);
	e->started = pid > 0 ? registry_process_start(pid) : 0;
	return e;
}

void
registry_remove(struct registry *r, struct registry_entry *e)
{
	struct item **at = &r->first, *i;

	while ((i = *at) != NULL && &i->e != e)
		at = &i->next;
	if (i == NULL)
		return;
	*at = i->next;
	free(i);
}

struct registry_entry *
registry_by_token(struct registry *r, uint64_t token)
{
	struct item *i;

	for (i = r->first; i != NULL; i = i->next) {
		if (i->e.token == token)
			return &i->e;
	}
	return NULL;
}

size_t
registry_others(const struct registry *r, const struct registry_entry *e)
{
	const struct item *i;
	size_t n = 0;

	for (i = r->first; i != NULL; i = i->next)
		n += &i->e != e && same_thing(&i->e.api, &e->api);
	return n;
}

bool
registry_held_by_other(const struct registry *r, const struct alias_api *a, pid_t pid)
{
	const struct item *i;

	for (i = r->first; i != NULL; i = i->next) {
		if (i->e.pid != pid && same_thing(&i->e.api, a))
			return true;
	}
	return false;
}

void
registry_each(struct registry *r, void (*fn)(struct registry_entry *, void *arg), void *arg)
{
	struct item *i, *next;

	for (i = r->first; i != NULL; i = next) {
		next = i->next;
		fn(&i->e, arg);
	}
}

static bool
write_all(const struct registry *r, FILE *f)
{
	const struct item *i;

	for (i = r->first; i != NULL; i = i->next) {
		if (i->e.api.port_h == 0 || !i->e.kept)
			continue;
		fprintf(f, "%u %u %x %u %u %d %" PRIu64 "\n", i->e.api.proto, i->e.api.port_h,
		    i->e.api.options, i->e.api.prog, i->e.api.resv, (int)i->e.pid, i->e.started);
	}
	return fclose(f) == 0;
}

void
registry_store(const struct registry *r)
{
	FILE *f = fopen(r->fresh, "we");

	if (f == NULL || !write_all(r, f) || rename(r->fresh, r->file) != 0)
		log_warn("service", "%s: cannot keep what programs registered", r->file);
}
