/* SPDX-License-Identifier: ISC */
#include "aliasd/names.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"
#include "common/conf.h"

#define WORDS 64 /* of a line */

struct entry {
	char *name;
	struct in_addr addr;
	size_t at; /* the first one counts */
};

struct names {
	const char *hosts; /* NULL once it was read */
	struct entry *entry;
	size_t n, room;
};

struct names *
names_new(const char *hosts)
{
	struct names *s = mem_zalloc(sizeof(*s));

	s->hosts = hosts;
	return s;
}

void
names_free(struct names *s)
{
	while (s->n > 0)
		free(s->entry[--s->n].name);
	free(s->entry);
	free(s);
}

static void
add(struct names *s, const char *name, struct in_addr addr)
{
	struct entry e = { .name = strdup(name), .addr = addr, .at = s->n };

	if (e.name == NULL)
		return;
	if (s->n == s->room) {
		s->room = s->room * 2 + 64;
		s->entry = mem_grow(s->entry, s->room, sizeof(*s->entry));
	}
	s->entry[s->n++] = e;
}

static void
read_line(char *text, const char *file, int line, void *arg)
{
	struct names *s = arg;
	char *word[WORDS];
	size_t i, n = conf_words(text, word, WORDS);
	struct in_addr addr;

	if (n == 0 || inet_pton(AF_INET, word[0], &addr) != 1)
		return;
	for (i = 1; i < n && i < WORDS; i++)
		add(s, word[i], addr);
}

static int
by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int d = strcasecmp(x->name, y->name);

	return d != 0 ? d : (x->at > y->at) - (x->at < y->at);
}

/* What is wrong in the file is not ours to complain of. */
static void
read_hosts(struct names *s)
{
	struct conf_errors *errs = conf_errors_new();

	conf_lines(s->hosts, errs, read_line, s);
	conf_errors_free(errs);
	s->hosts = NULL;
	if (s->n > 0)
		qsort(s->entry, s->n, sizeof(*s->entry), by_name);
}

/* The first of those of that name. */
static const struct entry *
find(const struct names *s, const char *name)
{
	size_t from = 0, to = s->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (strcasecmp(s->entry[mid].name, name) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from < s->n && strcasecmp(s->entry[from].name, name) == 0 ? &s->entry[from] : NULL;
}

static bool
ask(const char *name, struct in_addr *addr)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list;
	bool found;

	if (name[0] == '\0' || getaddrinfo(name, NULL, &hints, &list) != 0)
		return false;
	found = list->ai_addr->sa_family == AF_INET;
	if (found)
		*addr = ((const struct sockaddr_in *)(const void *)list->ai_addr)->sin_addr;
	freeaddrinfo(list);
	return found;
}

bool
names_resolve(struct names *s, const char *name, struct in_addr *addr)
{
	const struct entry *e;

	if (inet_pton(AF_INET, name, addr) == 1)
		return true;
	if (s->hosts != NULL)
		read_hosts(s);
	e = find(s, name);
	if (e == NULL)
		return ask(name, addr);
	*addr = e->addr;
	return true;
}
