/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/hostports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aliasd/core/map.h"
#include "common/log.h"

#define TEXT_MAX (512 * 1024) /* all ports one by one */

struct range {
	unsigned first, last; /* 0, 0: none */
};

struct hostports {
	char *reserved_path, *range_path, *file;
	struct portset added;  /* what is reserved on our account */
	struct portset wanted; /* what was asked for last */
	struct range usual;    /* what was there before us */
	struct range limit;    /* what we put there */
	char *text;            /* TEXT_MAX */
};

static char *
join_path(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		abort();
	return path;
}

/* ---- the settings ---- */

static int
read_text(struct hostports *h, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = -1;

	while (fd >= 0 && len < TEXT_MAX - 1 &&
	    (n = read(fd, h->text + len, TEXT_MAX - 1 - len)) > 0)
		len += (size_t)n;
	h->text[len] = '\0';
	if (fd >= 0)
		close(fd);
	if (n < 0)
		log_warn("ports", "%s", path);
	return n < 0 ? -1 : 0;
}

/* The kernel takes a page at a time, and what follows the first adds to it. */
static int
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text), at = 0;
	ssize_t n = 0;

	while (fd >= 0 && at < len && (n = write(fd, text + at, len - at)) > 0)
		at += (size_t)n;
	if (fd < 0 || n < 0)
		log_warn("ports", "%s", path);
	if (fd >= 0)
		close(fd);
	return fd < 0 || n < 0 ? -1 : 0;
}

static int
read_reserved(struct hostports *h, struct portset *s)
{
	if (read_text(h, h->reserved_path) < 0)
		return -1;
	if (portset_parse(s, h->text))
		return 0;
	log_warnx("ports", "%s: not understood", h->reserved_path);
	return -1;
}

static int
write_reserved(struct hostports *h, const struct portset *s)
{
	char *list = portset_format(s), *line;
	int err = -1;

	if (asprintf(&line, "%s\n", list) >= 0) { /* of the empty set it is an empty line */
		err = write_text(h->reserved_path, line);
		free(line);
	}
	free(list);
	return err;
}

static int
read_range(struct hostports *h, struct range *r)
{
	if (read_text(h, h->range_path) < 0)
		return -1;
	return sscanf(h->text, "%u %u", &r->first, &r->last) == 2 && r->last < 65536 ? 0 : -1;
}

static int
write_range(struct hostports *h, const struct range *r)
{
	char text[32];

	snprintf(text, sizeof(text), "%u %u\n", r->first, r->last);
	return write_text(h->range_path, text);
}

/* ---- what must not be forgotten ---- */

static void
load(struct hostports *h)
{
	FILE *f = fopen(h->file, "re");
	char *line = NULL;
	size_t size = 0;

	while (f != NULL && getline(&line, &size, f) > 0) {
		if (strncmp(line, "reserved ", 9) == 0)
			portset_parse(&h->added, line + 9);
		else
			sscanf(line, "range %u %u limit %u %u", &h->usual.first, &h->usual.last,
			    &h->limit.first, &h->limit.last);
	}
	free(line);
	if (f != NULL)
		fclose(f);
}

static void
store(const struct hostports *h)
{
	FILE *f = fopen(h->file, "we");
	char *list = portset_format(&h->added);

	if (f != NULL && !portset_empty(&h->added))
		fprintf(f, "reserved %s\n", list);
	if (f != NULL && h->limit.last != 0)
		fprintf(f, "range %u %u limit %u %u\n", h->usual.first, h->usual.last, h->limit.first,
		    h->limit.last);
	if (f == NULL || fclose(f) != 0)
		log_warn("ports", "%s: cannot keep the former settings of ports", h->file);
	free(list);
}

struct hostports *
hostports_new(const char *dir, const char *file)
{
	struct hostports *h = mem_zalloc(sizeof(*h));

	h->reserved_path = join_path(dir, "ip_local_reserved_ports");
	h->range_path = join_path(dir, "ip_local_port_range");
	h->file = strdup(file);
	h->text = mem_grow(NULL, TEXT_MAX, 1);
	load(h);
	return h;
}

void
hostports_free(struct hostports *h)
{
	if (h == NULL)
		return;
	free(h->reserved_path);
	free(h->range_path);
	free(h->file);
	free(h->text);
	free(h);
}

int
hostports_reserve(struct hostports *h, const struct portset *wanted)
{
	struct portset now, others, value, added = *wanted;

	h->wanted = *wanted;
	if (portset_empty(wanted) && portset_empty(&h->added))
		return 0;
	if (read_reserved(h, &now) < 0)
		return -1;
	others = now;
	portset_remove(&others, &h->added);
	portset_remove(&added, &others);
	value = others;
	portset_join(&value, wanted);
	if (!portset_equal(&added, &h->added)) {
		h->added = added;
		store(h);
	}
	return portset_equal(&value, &now) ? 0 : write_reserved(h, &value);
}

static int
set_limit(struct hostports *h, const struct range *limit, const struct range *now)
{
	if (h->limit.last == 0 || now->first != h->limit.first || now->last != h->limit.last)
		h->usual = *now; /* the administrator's, of before or of now */
	if (limit->first == h->limit.first && limit->last == h->limit.last &&
	    now->first == limit->first && now->last == limit->last)
		return 0;
	h->limit = *limit;
	store(h);
	log_info("ports", "ip_local_port_range set from %u-%u to %u-%u", now->first, now->last,
	    limit->first, limit->last);
	return write_range(h, limit);
}

static int
lift_limit(struct hostports *h, const struct range *now)
{
	int err = 0;

	if (now->first == h->limit.first && now->last == h->limit.last) {
		log_info("ports", "ip_local_port_range set back to %u-%u", h->usual.first, h->usual.last);
		err = write_range(h, &h->usual);
	}
	h->limit = (struct range){ 0, 0 };
	store(h);
	return err;
}

int
hostports_limit(struct hostports *h, uint16_t first, uint16_t last)
{
	struct range limit = { first, last }, now;

	if (last == 0 && h->limit.last == 0)
		return 0;
	if (read_range(h, &now) < 0)
		return -1;
	return last == 0 ? lift_limit(h, &now) : set_limit(h, &limit, &now);
}

bool
hostports_usual(struct hostports *h, uint16_t *first, uint16_t *last)
{
	struct range now;

	if (read_range(h, &now) < 0)
		return false;
	if (h->limit.last != 0 && now.first == h->limit.first && now.last == h->limit.last)
		now = h->usual;
	*first = (uint16_t)now.first;
	*last = (uint16_t)now.last;
	return true;
}

bool
hostports_limited(const struct hostports *h, uint16_t *first, uint16_t *last)
{
	*first = (uint16_t)h->limit.first;
	*last = (uint16_t)h->limit.last;
	return h->limit.last != 0;
}

void
hostports_look(struct hostports *h)
{
	struct portset wanted = h->wanted;

	hostports_reserve(h, &wanted);
	hostports_limit(h, (uint16_t)h->limit.first, (uint16_t)h->limit.last);
}

void
hostports_restore(struct hostports *h)
{
	static const struct portset none;

	hostports_reserve(h, &none);
	hostports_limit(h, 0, 0);
	unlink(h->file);
}

int
hostports_cleanup(const char *dir, const char *file)
{
	struct hostports *h = hostports_new(dir, file);
	static const struct portset none;
	int n = !portset_empty(&h->added) + (h->limit.last != 0), err;

	err = hostports_reserve(h, &none) < 0 || hostports_limit(h, 0, 0) < 0;
	if (!err)
		unlink(file);
	hostports_free(h);
	return err ? -1 : n;
}
