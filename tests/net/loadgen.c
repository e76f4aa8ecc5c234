/* SPDX-License-Identifier: ISC */
/*
 * loadgen MODE [options]: a client that keeps account. A line "ready" says that it is under way; the
 * account is JSON on standard output at the end, which is a signal, -d, or -n being done. Times
 * called …_us are microseconds of CLOCK_MONOTONIC, the same for all machines of a testbed.
 *
 *   conns  -n connections, each sending a line every -i ms and checking the answer of echod
 *   probe  a UDP datagram every -i ms; when did answers come, from where
 *   short  -c clients at once that connect, ask, read the answer and close; -n connections in all
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/net/loadgen.h"

static void
usage(void)
{
	errx(2, "usage: loadgen conns|probe|short -a HOST -p PORT [-n COUNT] [-c CLIENTS]\n"
		"\t[-i MILLISECONDS] [-d SECONDS] [-r PER_SECOND] [-H] [-q] [-z]\n"
		"\t-H ask in HTTP  -q no list of single connections  -z close by reset");
}

static void
parse(struct load_opts *o, int argc, char **argv)
{
	const char *host = NULL;
	uint16_t port = 0;
	int opt;

	while ((opt = getopt(argc, argv, "a:p:n:c:i:d:r:Hqz")) != -1) {
		switch (opt) {
		case 'a': host = optarg; break;
		case 'p': port = (uint16_t)net_number(optarg, 65535); break;
		case 'n': o->count = (size_t)net_number(optarg, 100000000); break;
		case 'c': o->clients = (size_t)net_number(optarg, 10000); break;
		case 'i': o->interval_ms = net_number(optarg, 3600000); break;
		case 'd': o->seconds = strtod(optarg, NULL); break;
		case 'r': o->rate = net_number(optarg, 1000000); break;
		case 'H': o->http = true; break;
		case 'q': o->quiet = true; break;
		case 'z': o->reset = true; break;
		default: usage();
		}
	}
	if (host == NULL || port == 0 || optind != argc)
		usage();
	o->to = net_address(host, port);
}

int
main(int argc, char **argv)
{
	struct load_opts o = {.clients = 1};
	static const struct {
		const char *name;
		int (*run)(const struct load_opts *);
	} modes[] = {{"conns", load_conns}, {"probe", load_probe}, {"short", load_short}};

	if (argc < 2)
		usage();
	parse(&o, argc - 1, argv + 1);
	net_raise_limits();
	net_catch_signals();
	net_run_for(o.seconds);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run(&o);
	usage();
}
