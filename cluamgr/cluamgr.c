/* SPDX-License-Identifier: ISC */
#include "cluamgr/cluamgr.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct cmd {
	char flag;
	int (*run)(const struct cm_args *);
} cmds[] = {
	{ 'a', cm_alias },
	{ 'f', cm_services },
	{ 'F', cm_services },
	{ 'r', cm_routing },
	{ 's', cm_status },
	{ 'w', cm_watch },
};

static const char usage_text[] =
    "usage: cluamgr [-j] -a alias=ALIAS[,option[=value]]...\n"
    "       cluamgr [-j] -f | -F FILE\n"
    "       cluamgr [-j] -r option[,option]...\n"
    "       cluamgr [-j] -s [ALIAS | all]\n"
    "       cluamgr [-j] -w\n"
    "       cluamgr -h\n";

static const char help_text[] =
    "\n"
    "-a  specify, join or change a cluster alias; ALIAS is a name, an address or DEFAULTALIAS\n"
    "      join         be given connections\n"
    "      leave[=SEC]  be given no more, and reset what is left after SEC; once more: forget the alias\n"
    "      selw=n       selection weight, 0..65535, default 1\n"
    "      selp=n       selection priority, 0..65535, default 1\n"
    "      rpri=n       router priority, 0..100, default 1\n"
    "      virtual[=t|f]  the alias lies in a virtual subnet\n"
    "      mask=m       netmask of the virtual subnet, default 255.255.255.0\n"
    "-f  read /etc/clua_services again, for the whole cluster\n"
    "-F  the same with another file\n"
    "-r  switch how this member routes for the aliases\n"
    "      start, stop         announce routes and answer ARP, or not\n"
    "      resvok, noresvok    announce routes to RFC 1918 addresses too, or not\n"
    "      gated, nogated      tell the routing daemon, or leave it alone\n"
    "      vmac, novmac        answer ARP with virtual MAC addresses, or not\n"
    "-s  show one alias, or all\n"
    "-w  print what happens, a line each: first how things are, then every change\n"
    "-j  print JSON: the status, an object a line with -w, else what came of it\n"
    "-h  this text\n"
    "\n"
    "exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 aliasd is not running\n";

static int
usage(const char *why)
{
	if (why != NULL)
		fprintf(stderr, "cluamgr: %s\n", why);
	fputs(usage_text, stderr);
	return CM_USAGE;
}

static int
help(void)
{
	fputs(usage_text, stdout);
	fputs(help_text, stdout);
	return fflush(stdout) == 0 ? CM_OK : CM_FAILED;
}

static const struct cmd *
find_cmd(int flag)
{
	size_t i;

	for (i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		if (cmds[i].flag == flag)
			return &cmds[i];
	}
	return NULL;
}

/* The primary flag, 0 if there is none or more than one; complains itself. */
static int
parse(int argc, char **argv, struct cm_args *args)
{
	int c, flag = 0;

	while ((c = getopt(argc, argv, "a:fF:hjr:sw")) != -1) {
		if (c == '?')
			return usage(NULL), 0;
		if (c == 'j') {
			args->json = true;
			continue;
		}
		if (flag != 0)
			return usage("exactly one of -a, -f, -F, -h, -r, -s and -w may be given"), 0;
		flag = c;
		args->arg = c == 'a' || c == 'F' || c == 'r' ? optarg : NULL;
	}
	if (flag == 0)
		usage("one of -a, -f, -F, -h, -r, -s and -w must be given");
	return flag;
}

/* Those without an output of their own say what came of it. */
static int
run(const struct cmd *cmd, const struct cm_args *args)
{
	bool result = args->json && (cmd->flag == 'a' || cmd->flag == 'r');
	int status;

	if (result)
		cm_result_json();
	status = cmd->run(args);
	if (result)
		cm_result_print(stdout, status);
	return status;
}

int
cluamgr_run(int argc, char **argv)
{
	struct cm_args args = { 0 };
	int flag = parse(argc, argv, &args);

	if (flag == 0)
		return CM_USAGE;
	if (flag == 's' && optind < argc)
		args.arg = argv[optind++];
	if ((flag == 'a' || flag == 'r') && optind < argc) {
		fprintf(stderr,
		    "cluamgr: a blank in the option list before \"%s\": options are separated by commas alone\n",
		    argv[optind]);
		return CM_USAGE;
	}
	if (optind < argc)
		return usage("too many arguments");
	if (args.json && flag == 'h')
		return usage("-j goes with every flag but -h");
	if (flag == 'h')
		return help();
	return run(find_cmd(flag), &args);
}
