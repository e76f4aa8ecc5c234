/* SPDX-License-Identifier: ISC */
/* lltstat: what lltd knows, for people and for programs. */
#include "lltd/lltstat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

#define PROGRAM "lltstat"

struct wishes {
	bool nodes, ports, links, config, json;
	unsigned verbose;
};

static void __attribute__((noreturn))
usage(FILE *out, int status)
{
	fprintf(out, "usage: lltstat [-chjlpV] [-n [-v]]\n");
	exit(status);
}

static void
parse(int argc, char **argv, struct wishes *w)
{
	int opt;

	memset(w, 0, sizeof(*w));
	while ((opt = getopt(argc, argv, "nvplcjhV")) != -1) {
		if (opt == 'n')
			w->nodes = true;
		else if (opt == 'v')
			w->verbose++;
		else if (opt == 'p')
			w->ports = true;
		else if (opt == 'l')
			w->links = true;
		else if (opt == 'c')
			w->config = true;
		else if (opt == 'j')
			w->json = true;
		else if (opt == 'h')
			usage(stdout, 0);
		else if (opt == 'V') {
			printf("lltstat (clua) " PACKAGE_VERSION "\n");
			exit(0);
		} else
			usage(stderr, 2);
	}
	/* LLT's own words "active" and "configured" after -nvv change nothing: both are shown. */
	for (; optind < argc; optind++)
		if (strcmp(argv[optind], "active") != 0 && strcmp(argv[optind], "configured") != 0)
			usage(stderr, 2);
	if (w->verbose > 0 && !w->nodes)
		usage(stderr, 2);
}

static void
print_json(const struct wishes *w, int fd, const struct cmd_state *s)
{
	bool all = !w->nodes && !w->ports && !w->links && !w->config;
	struct json j;

	json_begin(&j, stdout);
	if (all || w->nodes)
		lltstat_nodes_json(&j, s);
	if (all || w->links)
		lltstat_links_json(&j, s);
	if (all || w->ports)
		lltstat_ports_json(&j, fd);
	if (all || w->config)
		lltstat_config_json(&j, fd);
	if (all)
		lltstat_counters_json(&j, fd);
	json_finish(&j);
}

static void
print_text(const struct wishes *w, int fd, const struct cmd_state *s)
{
	if (w->nodes)
		lltstat_nodes_text(s, w->verbose);
	if (w->links)
		lltstat_links_text(s);
	if (w->ports)
		lltstat_ports_text(fd);
	if (w->config)
		lltstat_config_text(fd);
	if (!w->nodes && !w->ports && !w->links && !w->config)
		lltstat_counters_text(fd);
}

int
main(int argc, char **argv)
{
	static struct cmd_state state;
	struct wishes w;
	int fd;

	parse(argc, argv, &w);
	fd = cmd_connect(PROGRAM);
	cmd_get_state(fd, PROGRAM, &state);
	if (w.json)
		print_json(&w, fd, &state);
	else
		print_text(&w, fd, &state);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		perror("lltstat: standard output");
		return 1;
	}
	return 0;
}
