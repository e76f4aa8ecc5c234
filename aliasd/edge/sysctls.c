/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/sysctls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aliasd/core/map.h"
#include "common/log.h"
#include "common/netlink.h"

#define KEY_MAX 32

struct saved {
	char ifname[NETLINK_NAME_MAX];
	char key[KEY_MAX];
	int value;
};

struct sysctls {
	char *file;
	size_t n;
	struct saved *saved;
};

static struct saved *
find(struct sysctls *s, const char *ifname, const char *key)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (strcmp(s->saved[i].ifname, ifname) == 0 && strcmp(s->saved[i].key, key) == 0)
			return &s->saved[i];
	}
	return NULL;
}

static void
add(struct sysctls *s, const char *ifname, const char *key, int value)
{
	struct saved *v;

	s->saved = mem_grow(s->saved, s->n + 1, sizeof(*s->saved));
	v = &s->saved[s->n++];
	snprintf(v->ifname, sizeof(v->ifname), "%s", ifname);
	snprintf(v->key, sizeof(v->key), "%s", key);
	v->value = value;
}

struct sysctls *
sysctls_new(const char *file)
{
	struct sysctls *s = mem_zalloc(sizeof(*s));
	char ifname[NETLINK_NAME_MAX], key[KEY_MAX];
	FILE *f = fopen(file, "re");
	int value;

	s->file = strdup(file);
	while (f != NULL && fscanf(f, "%15s %31s %d", ifname, key, &value) == 3) {
		if (find(s, ifname, key) == NULL)
			add(s, ifname, key, value);
	}
	if (f != NULL)
		fclose(f);
	return s;
}

void
sysctls_free(struct sysctls *s)
{
	if (s == NULL)
		return;
	free(s->file);
	free(s->saved);
	free(s);
}

static void
store(const struct sysctls *s)
{
	FILE *f = fopen(s->file, "we");
	size_t i;

	for (i = 0; f != NULL && i < s->n; i++)
		fprintf(f, "%s %s %d\n", s->saved[i].ifname, s->saved[i].key, s->saved[i].value);
	if (f == NULL || fclose(f) != 0)
		log_warn("lan", "%s: cannot keep the former settings of interfaces", s->file);
}

int
sysctls_set(struct sysctls *s, const char *ifname, const char *key, int value)
{
	int old;

	if (netlink_sysctl_get(ifname, key, &old) < 0) {
		log_warn("lan", "%s: cannot read %s", ifname, key);
		return -1;
	}
	if (old == value)
		return 0;
	if (find(s, ifname, key) == NULL) {
		add(s, ifname, key, old);
		store(s);
	}
	if (netlink_sysctl_set(ifname, key, value) < 0) {
		log_warn("lan", "%s: cannot set %s to %d", ifname, key, value);
		return -1;
	}
	log_info("lan", "%s: %s set from %d to %d", ifname, key, old, value);
	return 0;
}

void
sysctls_restore(struct sysctls *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (netlink_sysctl_set(s->saved[i].ifname, s->saved[i].key, s->saved[i].value) < 0 &&
		    errno != ENOENT)
			log_warn("lan", "%s: cannot put %s back to %d", s->saved[i].ifname, s->saved[i].key,
			    s->saved[i].value);
	}
	s->n = 0;
	unlink(s->file);
}

int
sysctls_cleanup(const char *file)
{
	struct sysctls *s = sysctls_new(file);
	size_t i, n = s->n;

	for (i = 0; i < n; i++)
		log_info("lan", "%s: %s back to %d", s->saved[i].ifname, s->saved[i].key,
		    s->saved[i].value);
	sysctls_restore(s);
	sysctls_free(s);
	return (int)n;
}
