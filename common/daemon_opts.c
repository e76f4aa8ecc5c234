/* SPDX-License-Identifier: ISC */
#include "common/daemon_opts.h"

#include <string.h>
#include <unistd.h>

void
daemon_opts_usage(FILE *out, const char *name)
{
	fprintf(out, "usage: %s [-dhV] [-n [-v]] [-D token,...] [-f file]\n", name);
}

static bool
refuse(const char *name, const char *why)
{
	if (why != NULL)
		fprintf(stderr, "%s: %s\n", name, why);
	daemon_opts_usage(stderr, name);
	return false;
}

bool
daemon_opts_parse(
    struct daemon_opts *o, const char *name, const char *conf_path, int argc, char **argv)
{
	int ch;

	memset(o, 0, sizeof(*o));
	o->conf_path = conf_path;
	while ((ch = getopt(argc, argv, "nvdD:f:hV")) != -1) {
		switch (ch) {
		case 'n':
			o->check = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'd':
			o->debug = true;
			break;
		case 'D':
			o->debug = true;
			o->tokens = optarg;
			break;
		case 'f':
			o->conf_path = optarg;
			break;
		case 'h':
			o->help = true;
			break;
		case 'V':
			o->version = true;
			break;
		default:
			return refuse(name, NULL);
		}
	}
	if (optind != argc)
		return refuse(name, "there is an argument too many");
	if (o->verbose && !o->check)
		return refuse(name, "-v goes with -n");
	return true;
}
