/* SPDX-License-Identifier: ISC */
#include "common/daemon_opts.h"

#include <getopt.h>
#include <string.h>

enum { OPT_CLEANUP = 256 };

void
daemon_opts_usage(FILE *out, const char *name, bool may_cleanup)
{
	fprintf(out, "usage: %s [-dhV] [-n [-v]] [-D token,...] [-f file]\n", name);
	if (may_cleanup)
		fprintf(out, "       %s --cleanup [-d] [-f file]\n", name);
}

static bool
refuse(const char *name, bool may_cleanup, const char *why)
{
	if (why != NULL)
		fprintf(stderr, "%s: %s\n", name, why);
	daemon_opts_usage(stderr, name, may_cleanup);
	return false;
}

bool
daemon_opts_parse(struct daemon_opts *o, const char *name, const char *conf_path,
    bool may_cleanup, int argc, char **argv)
{
	static const struct option long_opts[] = { { "cleanup", no_argument, NULL, OPT_CLEANUP }, { 0 } };
	int ch;

	memset(o, 0, sizeof(*o));
	o->conf_path = conf_path;
	while ((ch = getopt_long(argc, argv, "nvdD:f:hV", may_cleanup ? long_opts : &long_opts[1],
		    NULL)) != -1) {
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
		case OPT_CLEANUP:
			o->cleanup = true;
			break;
		default:
			return refuse(name, may_cleanup, NULL);
		}
	}
	if (optind != argc)
		return refuse(name, may_cleanup, "there is an argument too many");
	if (o->verbose && !o->check)
		return refuse(name, may_cleanup, "-v goes with -n");
	if (o->cleanup && o->check)
		return refuse(name, may_cleanup, "--cleanup does not go with -n");
	return true;
}
