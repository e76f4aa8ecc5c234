/* SPDX-License-Identifier: ISC */
/* lltconfig: is LLT running, whom does it know, which timers does it keep. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/ipc.h"
#include "config.h"
#include "lltd/cmd.h"

#define PROGRAM "lltconfig"

static void __attribute__((noreturn))
usage(FILE *out, int status)
{
	fprintf(out, "usage: lltconfig [-h | -V]\n       lltconfig -a list\n       lltconfig -T query\n");
	exit(status);
}

static int
status(void)
{
	int fd = ipc_connect(LLT_SOCK);

	printf("LLT is %s\n", fd != -1 ? "running" : "not running");
	if (fd != -1)
		close(fd);
	return fd != -1 ? 0 : 1;
}

static int
list_addresses(void)
{
	static struct cmd_state s;

	cmd_get_state(cmd_connect(PROGRAM), PROGRAM, &s);
	printf("LLT address table:\n    Node                   Link     Address\n");
	for (unsigned i = 0; i < s.nnodes; i++)
		for (unsigned l = 0; l < s.node[i]->nlinks; l++) {
			const struct llt_ev_link *e = &s.node[i]->link[l];

			if (e->known)
				printf("    %-3u %-18s %-8s %s\n", e->node, s.node[i]->node.name, e->ifname,
				    llt_addr_text(e->kind, e->peer_addr));
		}
	return 0;
}

static void
on_setting(const struct ipc_msg *msg, void *arg)
{
	static const char *const timers[] = { "heartbeat", "heartbeat_low", "trouble", "trouble_low",
		"inactive" };
	struct llt_row_setting s;

	if (msg->type != LLT_ROW_SETTING || !llt_row_setting_decode(msg->data, msg->len, &s))
		cmd_bad_row(PROGRAM);
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		if (strcmp(s.key, timers[i]) == 0)
			printf("    %-14s = %s\n", s.key, s.value);
}

static int
query_timers(void)
{
	int fd = cmd_connect(PROGRAM);

	printf("Current LLT timer values (ms):\n");
	cmd_ask(fd, PROGRAM, LLT_GET_CONFIG, on_setting, NULL);
	return 0;
}

int
main(int argc, char **argv)
{
	int opt = getopt(argc, argv, "a:T:hV");

	if (opt == -1 && optind == argc)
		return status();
	if (optind != argc)
		usage(stderr, 2);
	if (opt == 'h')
		usage(stdout, 0);
	if (opt == 'V') {
		printf("lltconfig (clua) " PACKAGE_VERSION "\n");
		return 0;
	}
	if (opt == 'a' && strcmp(optarg, "list") == 0)
		return list_addresses();
	if (opt == 'T' && strcmp(optarg, "query") == 0)
		return query_timers();
	usage(stderr, 2);
}
