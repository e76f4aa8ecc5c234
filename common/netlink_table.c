/* SPDX-License-Identifier: ISC */
#include "common/netlink_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/log.h"

struct link_entry {
	TAILQ_ENTRY(link_entry) next;
	unsigned seen; /* in which reading */
	struct netlink_link link;
};

struct addr_entry {
	TAILQ_ENTRY(addr_entry) next;
	unsigned seen;
	struct netlink_addr addr;
};

struct netlink_table {
	const struct netlink_ops *ops;
	void *arg;
	unsigned reading;
	TAILQ_HEAD(, link_entry) links;
	TAILQ_HEAD(, addr_entry) addrs;
};

struct netlink_table *
netlink_table_new(const struct netlink_ops *ops, void *arg)
{
	struct netlink_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->ops = ops;
	t->arg = arg;
	TAILQ_INIT(&t->links);
	TAILQ_INIT(&t->addrs);
	return t;
}

void
netlink_table_free(struct netlink_table *t)
{
	struct link_entry *l;
	struct addr_entry *a;

	if (t == NULL)
		return;
	while ((l = TAILQ_FIRST(&t->links)) != NULL) {
		TAILQ_REMOVE(&t->links, l, next);
		free(l);
	}
	while ((a = TAILQ_FIRST(&t->addrs)) != NULL) {
		TAILQ_REMOVE(&t->addrs, a, next);
		free(a);
	}
	free(t);
}

static void
tell_link(struct netlink_table *t, const struct netlink_link *l, bool gone)
{
	if (t->ops->on_link != NULL)
		t->ops->on_link(l, gone, t->arg);
}

static void
tell_addr(struct netlink_table *t, const struct netlink_addr *a, bool gone)
{
	if (t->ops->on_addr != NULL)
		t->ops->on_addr(a, gone, t->arg);
}

static void
drop_link(struct netlink_table *t, struct link_entry *e)
{
	TAILQ_REMOVE(&t->links, e, next);
	tell_link(t, &e->link, true);
	free(e);
}

static void
drop_addr(struct netlink_table *t, struct addr_entry *e)
{
	TAILQ_REMOVE(&t->addrs, e, next);
	tell_addr(t, &e->addr, true);
	free(e);
}

static struct link_entry *
find_link(const struct netlink_table *t, uint32_t ifindex)
{
	struct link_entry *e;

	TAILQ_FOREACH(e, &t->links, next)
		if (e->link.ifindex == ifindex)
			return e;
	return NULL;
}

static struct addr_entry *
find_addr(const struct netlink_table *t, const struct netlink_addr *a)
{
	struct addr_entry *e;

	TAILQ_FOREACH(e, &t->addrs, next)
		if (e->addr.ifindex == a->ifindex && e->addr.addr.s_addr == a->addr.s_addr &&
		    e->addr.prefixlen == a->prefixlen)
			return e;
	return NULL;
}

void
netlink_table_link(struct netlink_table *t, const struct netlink_link *l, bool gone)
{
	struct link_entry *e = find_link(t, l->ifindex);

	if (gone) {
		if (e != NULL)
			drop_link(t, e);
		return;
	}
	if (e == NULL) {
		e = calloc(1, sizeof(*e));
		if (e == NULL) {
			log_err("netlink", "link %s is lost", l->name);
			return;
		}
		TAILQ_INSERT_TAIL(&t->links, e, next);
	}
	e->seen = t->reading;
	/* Both were zeroed before they were filled, so the padding compares equal. */
	if (memcmp(&e->link, l, sizeof(*l)) == 0)
		return;
	e->link = *l;
	tell_link(t, l, false);
}

void
netlink_table_addr(struct netlink_table *t, const struct netlink_addr *a, bool gone)
{
	struct addr_entry *e = find_addr(t, a);

	if (gone) {
		if (e != NULL)
			drop_addr(t, e);
		return;
	}
	if (e == NULL) {
		e = calloc(1, sizeof(*e));
		if (e == NULL) {
			log_err("netlink", "an address is lost");
			return;
		}
		TAILQ_INSERT_TAIL(&t->addrs, e, next);
	}
	e->seen = t->reading;
	if (memcmp(&e->addr, a, sizeof(*a)) == 0)
		return;
	e->addr = *a;
	tell_addr(t, a, false);
}

void
netlink_table_begin(struct netlink_table *t)
{
	t->reading++;
}

void
netlink_table_sweep(struct netlink_table *t)
{
	struct link_entry *l, *lnext;
	struct addr_entry *a, *anext;

	for (a = TAILQ_FIRST(&t->addrs); a != NULL; a = anext) {
		anext = TAILQ_NEXT(a, next);
		if (a->seen != t->reading)
			drop_addr(t, a);
	}
	for (l = TAILQ_FIRST(&t->links); l != NULL; l = lnext) {
		lnext = TAILQ_NEXT(l, next);
		if (l->seen != t->reading)
			drop_link(t, l);
	}
}

const struct netlink_link *
netlink_table_find_link(const struct netlink_table *t,
    bool (*fn)(const struct netlink_link *, const void *), const void *arg)
{
	struct link_entry *e;

	TAILQ_FOREACH(e, &t->links, next)
		if (fn(&e->link, arg))
			return &e->link;
	return NULL;
}

void
netlink_table_each_link(
    const struct netlink_table *t, void (*fn)(const struct netlink_link *, void *), void *arg)
{
	struct link_entry *e;

	TAILQ_FOREACH(e, &t->links, next)
		fn(&e->link, arg);
}

void
netlink_table_each_addr(
    const struct netlink_table *t, void (*fn)(const struct netlink_addr *, void *), void *arg)
{
	struct addr_entry *e;

	TAILQ_FOREACH(e, &t->addrs, next)
		fn(&e->addr, arg);
}
