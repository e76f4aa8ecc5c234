/* SPDX-License-Identifier: ISC */
#include "proto/alias_svc.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/conf.h"

static const struct {
	const char *word;
	uint16_t bit;
} words[] = {
	{ "in_single", ALIAS_IN_SINGLE },
	{ "in_multi", ALIAS_IN_MULTI },
	{ "in_noalias", ALIAS_IN_NOALIAS },
	{ "in_nolocal", ALIAS_IN_NOLOCAL },
	{ "out_alias", ALIAS_OUT_ALIAS },
	{ "static", ALIAS_STATIC },
	{ "sticky", ALIAS_STICKY },
};

const char *
alias_attr_word(size_t i, uint16_t *bit)
{
	if (i >= sizeof(words) / sizeof(words[0]))
		return NULL;
	*bit = words[i].bit;
	return words[i].word;
}

static uint16_t
attr_bit(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].word, word) == 0)
			return words[i].bit;
	}
	return 0;
}

static bool
both(uint16_t attrs, uint16_t a, uint16_t b)
{
	return (attrs & a) && (attrs & b);
}

const char *
alias_attr_conflict(uint16_t attrs)
{
	if (both(attrs, ALIAS_IN_MULTI, ALIAS_IN_SINGLE))
		return "in_multi and in_single exclude each other";
	if (both(attrs, ALIAS_IN_MULTI, ALIAS_IN_NOALIAS))
		return "in_multi and in_noalias exclude each other";
	if (both(attrs, ALIAS_IN_SINGLE, ALIAS_IN_NOALIAS))
		return "in_single and in_noalias exclude each other";
	if (both(attrs, ALIAS_IN_NOLOCAL, ALIAS_IN_NOALIAS))
		return "in_nolocal and in_noalias exclude each other";
	return NULL;
}

void
alias_attr_format(uint16_t attrs, uint16_t sticky, char *out, size_t size)
{
	size_t i, len = 0;

	out[0] = '\0';
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!(attrs & words[i].bit) || len >= size)
			continue;
		len += (size_t)snprintf(
		    out + len, size - len, "%s%s", len == 0 ? "" : ",", words[i].word);
		if (words[i].bit == ALIAS_STICKY && sticky != 0 && len < size)
			len += (size_t)snprintf(out + len, size - len, "=%u", sticky);
	}
}

/* Added up, so that the order is of no account. */
uint64_t
alias_svc_digest(const struct alias_svc *s, size_t n)
{
	uint64_t sum = n, h;
	size_t i;

	for (i = 0; i < n; i++) {
		h = (uint64_t)s[i].proto << 48 | (uint64_t)s[i].port_h << 32 |
		    (uint64_t)s[i].attrs << 16 | s[i].sticky;
		h = (h ^ h >> 31) * 0x9e3779b97f4a7c15ull;
		h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9ull;
		sum += h ^ h >> 32;
	}
	return sum;
}

const char *
alias_proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "?";
}

static bool
parse_port(char *text, struct alias_svc *s, char *err, size_t errsize)
{
	char *proto = strchr(text, '/');
	uint64_t n;

	if (proto == NULL) {
		snprintf(err, errsize, "%.64s: expected port/tcp or port/udp", text);
		return false;
	}
	*proto++ = '\0';
	if (!conf_number(text, 1, 65535, &n)) {
		snprintf(err, errsize, "port %.64s: expected a number from 1 to 65535", text);
		return false;
	}
	s->port_h = (uint16_t)n;
	if (strcmp(proto, "tcp") == 0)
		s->proto = IPPROTO_TCP;
	else if (strcmp(proto, "udp") == 0)
		s->proto = IPPROTO_UDP;
	if (s->proto == 0)
		snprintf(err, errsize, "protocol \"%.64s\": expected tcp or udp", proto);
	return s->proto != 0;
}

/* "sticky" or "sticky=SECONDS": the bit of the word, 0 if there is no such word. */
static uint16_t
parse_word(char *word, struct alias_svc *s, char *err, size_t errsize)
{
	char *value = strchr(word, '=');
	uint64_t n = ALIAS_STICKY_DEFAULT;
	uint16_t bit;

	if (value != NULL)
		*value++ = '\0';
	bit = attr_bit(word);
	if (bit == 0) {
		snprintf(err, errsize,
		    "unknown attribute \"%.64s\": expected in_single, in_multi, in_noalias, "
		    "in_nolocal, out_alias, static or sticky",
		    word);
		return 0;
	}
	if (value != NULL && bit != ALIAS_STICKY) {
		snprintf(err, errsize, "%s takes no value", word);
		return 0;
	}
	if (value != NULL && !conf_number(value, 1, ALIAS_STICKY_MAX, &n)) {
		snprintf(err, errsize, "sticky=%.64s: expected a number of seconds from 1 to %d", value,
		    ALIAS_STICKY_MAX);
		return 0;
	}
	if (bit == ALIAS_STICKY)
		s->sticky = (uint16_t)n;
	return bit;
}

static bool
parse_attrs(char *list, struct alias_svc *s, char *err, size_t errsize)
{
	const char *conflict;
	char *word;

	while ((word = strsep(&list, ",")) != NULL) {
		uint16_t bit = parse_word(word, s, err, errsize);

		if (bit == 0)
			return false;
		if (s->attrs & bit) {
			snprintf(err, errsize, "%s stands twice", word);
			return false;
		}
		s->attrs |= bit;
	}
	conflict = alias_attr_conflict(s->attrs);
	if (conflict != NULL)
		snprintf(err, errsize, "%s", conflict);
	return conflict == NULL;
}

bool
alias_svc_parse_line(char *text, struct alias_svc *s, char *err, size_t errsize)
{
	char *w[5];
	size_t n = conf_words(text, w, 4);

	memset(s, 0, sizeof(*s));
	if (n < 2) {
		snprintf(err, errsize, "expected \"name port/protocol attribute[,attribute]...\"");
		return false;
	}
	if (strlen(w[0]) >= sizeof(s->name)) {
		snprintf(err, errsize, "the service name is longer than %d bytes", ALIAS_SVC_NAME_MAX - 1);
		return false;
	}
	snprintf(s->name, sizeof(s->name), "%s", w[0]);
	if (!parse_port(w[1], s, err, errsize))
		return false;
	if (n < 3) {
		snprintf(err, errsize, "no attribute: expected at least one, such as in_multi");
		return false;
	}
	if (n > 3) {
		snprintf(err, errsize,
		    "a blank before \"%.64s\": attributes are separated by commas alone", w[3]);
		return false;
	}
	return parse_attrs(w[2], s, err, errsize);
}

void
alias_svc_encode(struct wire_wr *w, const struct alias_svc *s)
{
	wire_wr_u8(w, s->proto);
	wire_wr_u16(w, s->port_h);
	wire_wr_u16(w, s->attrs);
	wire_wr_u16(w, s->sticky);
	wire_wr_str(w, s->name);
}

void
alias_svc_decode(struct wire_rd *r, struct alias_svc *s)
{
	memset(s, 0, sizeof(*s));
	s->proto = wire_rd_u8(r);
	s->port_h = wire_rd_u16(r);
	s->attrs = wire_rd_u16(r);
	s->sticky = wire_rd_u16(r);
	wire_rd_str(r, s->name, sizeof(s->name));
	if ((s->proto != IPPROTO_TCP && s->proto != IPPROTO_UDP) || s->port_h == 0 ||
	    (s->attrs & ~ALIAS_ATTR_VALID) != 0 || (s->sticky != 0) != ((s->attrs & ALIAS_STICKY) != 0) ||
	    alias_attr_conflict(s->attrs) != NULL)
		wire_rd_fail(r);
}
