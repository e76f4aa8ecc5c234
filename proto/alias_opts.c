/* SPDX-License-Identifier: ISC */
#include "proto/alias_opts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/conf.h"

struct parse {
	struct alias_opts *o;
	char *err;
	size_t errsize;
};

static bool
number(struct parse *p, const char *key, const char *value, uint64_t max, uint16_t *out)
{
	uint64_t n;

	if (value == NULL || *value == '\0') {
		snprintf(p->err, p->errsize, "%s needs a value, as in %s=1", key, key);
		return false;
	}
	if (!conf_number(value, 0, max, &n)) {
		snprintf(p->err, p->errsize, "%s=%.64s: expected a whole number from 0 to %llu", key,
		    value, (unsigned long long)max);
		return false;
	}
	*out = (uint16_t)n;
	return true;
}

static bool
set_alias(struct parse *p, const char *value)
{
	if (value == NULL || *value == '\0') {
		snprintf(p->err, p->errsize, "alias= needs a name, an address or %s",
		    ALIAS_DEFAULT_KEYWORD);
		return false;
	}
	if (strlen(value) >= sizeof(p->o->alias)) {
		snprintf(p->err, p->errsize, "the alias name is longer than %d bytes",
		    ALIAS_NAME_MAX - 1);
		return false;
	}
	snprintf(p->o->alias, sizeof(p->o->alias), "%s", value);
	return true;
}

static bool
set_flag(struct parse *p, const char *key, const char *value)
{
	if (value == NULL)
		return true;
	snprintf(p->err, p->errsize, "%s takes no value, but has \"%.64s\"", key, value);
	return false;
}

static bool
set_leave(struct parse *p, const char *value)
{
	uint64_t n = ALIAS_LEAVE_NOT_SAID;

	if (value != NULL && !conf_number(value, 0, ALIAS_LEAVE_MAX, &n)) {
		snprintf(p->err, p->errsize, "leave=%.64s: expected the seconds that open connections may last, "
		    "0 to %d, or leave alone", value, ALIAS_LEAVE_MAX);
		return false;
	}
	p->o->leave_limit = (uint32_t)n;
	return true;
}

static bool
set_virtual(struct parse *p, const char *value)
{
	if (value == NULL || strcmp(value, "t") == 0) {
		p->o->virt = true;
		return true;
	}
	if (strcmp(value, "f") == 0) {
		p->o->virt = false;
		return true;
	}
	snprintf(p->err, p->errsize, "virtual=%.64s: expected virtual, virtual=t or virtual=f", value);
	return false;
}

static bool
set_inbound(struct parse *p, const char *value)
{
	if (value != NULL && strcmp(value, "balance") == 0) {
		p->o->balance = true;
		return true;
	}
	if (value != NULL && strcmp(value, "master") == 0) {
		p->o->balance = false;
		return true;
	}
	snprintf(p->err, p->errsize, "inbound=%.64s: expected inbound=balance or inbound=master",
	    value == NULL ? "" : value);
	return false;
}

/* "255.255.255.0" or "24". */
static bool
set_mask(struct parse *p, const char *value)
{
	struct in_addr dotted;
	uint64_t n = 0;

	if (value != NULL && inet_pton(AF_INET, value, &dotted) == 1) {
		uint32_t mask = ntohl(dotted.s_addr), host = ~mask;

		if (mask != 0 && (host & (host + 1)) == 0)
			n = (uint64_t)__builtin_popcount(mask);
	} else if (value != NULL && !conf_number(value, 1, 32, &n)) {
		n = 0;
	}
	if (n == 0) {
		snprintf(p->err, p->errsize, "mask=%.64s: expected a netmask as in mask=255.255.255.0, or "
		    "its length, 1 to 32, as in mask=24", value == NULL ? "" : value);
		return false;
	}
	p->o->prefixlen = (uint8_t)n;
	return true;
}

static bool
set_option(struct parse *p, const char *key, const char *value, uint32_t bit)
{
	switch (bit) {
	case ALIAS_OPT_LEAVE:
		return set_leave(p, value);
	case ALIAS_OPT_JOIN:
		return set_flag(p, key, value);
	case ALIAS_OPT_SELW:
		return number(p, key, value, ALIAS_SELW_MAX, &p->o->selw);
	case ALIAS_OPT_SELP:
		return number(p, key, value, ALIAS_SELP_MAX, &p->o->selp);
	case ALIAS_OPT_RPRI:
		return number(p, key, value, ALIAS_RPRI_MAX, &p->o->rpri);
	case ALIAS_OPT_MASK:
		return set_mask(p, value);
	case ALIAS_OPT_INBOUND:
		return set_inbound(p, value);
	default:
		return set_virtual(p, value);
	}
}

static bool
one(struct parse *p, char *item)
{
	static const char *const names[] = { "join", "leave", "selw", "selp", "rpri", "virtual",
		"mask", "inbound" };
	char *value = strchr(item, '=');
	size_t i;

	if (value != NULL)
		*value++ = '\0';
	if (*item == '\0') {
		snprintf(p->err, p->errsize, "an empty option: expected name or name=value between commas");
		return false;
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(item, names[i]) != 0)
			continue;
		if (p->o->set & (1u << i)) {
			snprintf(p->err, p->errsize, "%s stands twice", item);
			return false;
		}
		p->o->set |= 1u << i;
		return set_option(p, item, value, 1u << i);
	}
	if (strcmp(item, "alias") == 0)
		snprintf(p->err, p->errsize, "alias= stands twice");
	else
		snprintf(p->err, p->errsize,
		    "unknown option \"%.64s\": expected join, leave, selw=, selp=, rpri=, virtual, mask= or inbound=",
		    item);
	return false;
}

static bool
check(struct parse *p)
{
	const uint32_t both = ALIAS_OPT_JOIN | ALIAS_OPT_LEAVE;

	if ((p->o->set & both) == both) {
		snprintf(p->err, p->errsize, "join and leave exclude each other");
		return false;
	}
	return true;
}

bool
alias_opts_parse(const char *text, struct alias_opts *o, char *err, size_t errsize)
{
	struct parse p = { .o = o, .err = err, .errsize = errsize };
	char copy[1024], *rest = copy, *item;

	memset(o, 0, sizeof(*o));
	if (strlen(text) >= sizeof(copy)) {
		snprintf(err, errsize, "the option list is longer than %zu bytes", sizeof(copy) - 1);
		return false;
	}
	if (strpbrk(text, " \t\r\n") != NULL) {
		snprintf(err, errsize, "a blank in the option list: options are separated by commas alone");
		return false;
	}
	memcpy(copy, text, strlen(text) + 1);
	item = strsep(&rest, ",");
	if (strncmp(item, "alias=", 6) != 0) {
		snprintf(err, errsize, "expected alias=NAME, alias=ADDRESS or alias=%s first, not \"%.64s\"",
		    ALIAS_DEFAULT_KEYWORD, item);
		return false;
	}
	if (!set_alias(&p, item + 6))
		return false;
	while ((item = strsep(&rest, ",")) != NULL) {
		if (!one(&p, item))
			return false;
	}
	return check(&p);
}

bool
alias_opts_is_default(const struct alias_opts *o)
{
	return strcmp(o->alias, ALIAS_DEFAULT_KEYWORD) == 0;
}

/* Wherever it is installed: the line is not run, only read. */
static bool
is_cluamgr(const char *word)
{
	const char *base = strrchr(word, '/');

	return strcmp(word, "cluamgr") == 0 ||
	    (word[0] == '/' && base != NULL && strcmp(base, "/cluamgr") == 0);
}

bool
alias_opts_parse_line(char *text, struct alias_opts *o, char *err, size_t errsize)
{
	char *w[5];
	size_t n = conf_words(text, w, 4);

	memset(o, 0, sizeof(*o));
	if (n == 0 || !is_cluamgr(w[0])) {
		snprintf(err, errsize, "expected a line of the form \"cluamgr -a alias=...\", not \"%.64s\"",
		    n == 0 ? "" : w[0]);
		return false;
	}
	if (n < 2 || strcmp(w[1], "-a") != 0) {
		snprintf(err, errsize, "only \"cluamgr -a\" may stand here, not \"%.64s\"",
		    n < 2 ? "" : w[1]);
		return false;
	}
	if (n < 3) {
		snprintf(err, errsize, "-a needs an option list: alias=NAME[,option]...");
		return false;
	}
	if (n > 3) {
		snprintf(err, errsize,
		    "a blank in the option list before \"%.64s\": options are separated by commas alone",
		    w[3]);
		return false;
	}
	return alias_opts_parse(w[2], o, err, errsize);
}
