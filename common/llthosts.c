/* SPDX-License-Identifier: ISC */
#include "common/llthosts.h"

#include <string.h>

#include "common/conf.h"

struct reader {
	struct llthosts *hosts;
	struct conf_errors *errs;
};

static bool
name_ok(const char *name)
{
	for (; *name != '\0'; name++)
		if ((unsigned char)*name <= ' ' || (unsigned char)*name >= 0x7f)
			return false;
	return true;
}

static void
add(struct reader *r, unsigned id, const char *name, const char *file, int line)
{
	struct llthosts *h = r->hosts;
	int other = llthosts_id(h, name);

	if (strlen(name) >= LLT_NAME_MAX)
		conf_error(r->errs, file, line, "name", "has %zu bytes, at most %d", strlen(name),
		    LLT_NAME_MAX - 1);
	else if (!name_ok(name))
		conf_error(r->errs, file, line, "name", "\"%s\" holds other than printable ASCII", name);
	else if (h->name[id][0] != '\0')
		conf_error(r->errs, file, line, "id", "%u is \"%s\" already, in line %d", id,
		    h->name[id], h->line[id]);
	else if (other != -1)
		conf_error(r->errs, file, line, "name", "\"%s\" is node %d already, in line %d", name,
		    other, h->line[other]);
	else {
		strcpy(h->name[id], name);
		h->line[id] = line;
		h->count++;
	}
}

static void
read_line(char *text, const char *file, int line, void *arg)
{
	struct reader *r = arg;
	char *words[2];
	uint64_t id;
	size_t n = conf_words(text, words, 2);

	if (n != 2)
		conf_error(r->errs, file, line, NULL, "%zu words, expected two: <id> <name>", n);
	else if (!conf_number(words[0], 0, LLT_MAX_NODES - 1, &id))
		conf_error(r->errs, file, line, "id", "is \"%.40s\", expected a number in 0..%d",
		    words[0], LLT_MAX_NODES - 1);
	else
		add(r, (unsigned)id, words[1], file, line);
}

bool
llthosts_load(const char *file, struct llthosts *hosts, struct conf_errors *errs)
{
	struct reader r = { .hosts = hosts, .errs = errs };
	size_t before = conf_errors_count(errs);

	memset(hosts, 0, sizeof(*hosts));
	if (!conf_lines(file, errs, read_line, &r))
		return false;
	if (hosts->count == 0 && conf_errors_count(errs) == before)
		conf_error(errs, file, 0, NULL, "names no node");
	return conf_errors_count(errs) == before;
}

int
llthosts_id(const struct llthosts *hosts, const char *name)
{
	for (int id = 0; id < LLT_MAX_NODES; id++)
		if (hosts->name[id][0] != '\0' && strcmp(hosts->name[id], name) == 0)
			return id;
	return -1;
}
