/* SPDX-License-Identifier: ISC */
/*
 * The option list of "cluamgr -a": alias=NAME|ADDR|DEFAULTALIAS[,option[=value]]…
 * One parser for the command line and for /etc/clu_alias.config. No name is resolved here.
 */
#ifndef CLUA_PROTO_ALIAS_OPTS_H
#define CLUA_PROTO_ALIAS_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALIAS_NAME_MAX 256 /* with the NUL */
#define ALIAS_DEFAULT_KEYWORD "DEFAULTALIAS"
#define ALIAS_RPRI_MAX 100
#define ALIAS_SELW_MAX 65535
#define ALIAS_SELP_MAX 65535
#define ALIAS_LEAVE_MAX 604800 /* seconds */
#define ALIAS_LEAVE_NOT_SAID UINT32_MAX

enum alias_opt { /* which options stood in the list */
	ALIAS_OPT_JOIN = 1 << 0,
	ALIAS_OPT_LEAVE = 1 << 1,
	ALIAS_OPT_SELW = 1 << 2,
	ALIAS_OPT_SELP = 1 << 3,
	ALIAS_OPT_RPRI = 1 << 4,
	ALIAS_OPT_VIRTUAL = 1 << 5,
	ALIAS_OPT_MASK = 1 << 6,
	ALIAS_OPT_INBOUND = 1 << 7,
};
#define ALIAS_OPT_ALL 0xffu
#define ALIAS_PREFIXLEN_DEFAULT 24 /* of a virtual subnet whose mask nobody named */

struct alias_opts {
	char alias[ALIAS_NAME_MAX]; /* as written */
	uint32_t set;               /* of enum alias_opt */
	uint16_t selw, selp, rpri;
	bool virt;
	bool balance;      /* inbound=balance, or inbound=master */
	uint8_t prefixlen; /* of the virtual subnet, 1..32 */
	uint32_t leave_limit; /* seconds, or ALIAS_LEAVE_NOT_SAID */
};

/* False with the reason in err (one line, no newline). */
bool alias_opts_parse(const char *text, struct alias_opts *, char *err, size_t errsize);
bool alias_opts_is_default(const struct alias_opts *);

/*
 * One line of /etc/clu_alias.config: "[/usr/sbin/]cluamgr -a LIST", comment and outer blanks already
 * cut off. Changes text.
 */
bool alias_opts_parse_line(char *text, struct alias_opts *, char *err, size_t errsize);

#endif
