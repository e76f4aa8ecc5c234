/* SPDX-License-Identifier: ISC */
/* The command line that all daemons share. */
#ifndef CLUA_COMMON_DAEMON_OPTS_H
#define CLUA_COMMON_DAEMON_OPTS_H

#include <stdbool.h>
#include <stdio.h>

struct daemon_opts {
	bool check;
	bool verbose;
	bool debug;
	bool version;
	bool help;
	bool cleanup; /* remove what a daemon that was killed left; not every one knows that */
	const char *tokens; /* NULL: all */
	const char *conf_path;
};

void daemon_opts_usage(FILE *, const char *name, bool may_cleanup);
/* False, with a line on standard error, when the command line is wrong. */
bool daemon_opts_parse(struct daemon_opts *, const char *name, const char *conf_path,
    bool may_cleanup, int argc, char **argv);

#endif
