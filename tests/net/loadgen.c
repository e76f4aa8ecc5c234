/* SPDX-License-Identifier: ISC */
/*
 * loadgen MODE [options]: a client that keeps account. A line "ready" says that it is under way; the
 * account is JSON on standard output at the end, which is a signal, -d, or -n being done. Times
 * called …_us are microseconds of CLOCK_MONOTONIC, the same for all machines of a testbed.
 *
 *   conns  -n connections, each sending a line every -i ms and checking the answer of echod; with -D
 *          echod checks the lines too; with -R a new one takes the place of each that breaks
 *   blast  -n UDP datagrams, -r a second; which came back. -o: nobody answers (echod -c counts)
 *   flood  -n TCP SYNs, -r a second, from addresses made up in 198.18.0.0/15
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
	errx(2, "usage: loadgen blast|conns|flood|probe|short -a HOST -p PORT [-n COUNT] [-c CLIENTS]\n"
		"\t[-i MILLISECONDS] [-d SECONDS] [-r PER_SECOND] [-s MILLISECONDS] [-D] [-H] [-o] [-q] [-R] [-z]\n"
		"\t-D data that both ends check  -H ask in HTTP  -q no list of single connections\n"
		"\t-s of those only the slower ones  -o no answers  -R replace what breaks  -z close by reset");
}

static void
parse(struct load_opts *o, int argc, char **argv)
{
	const char *host = NULL;
	uint16_t port = 0;
	int opt;

	while ((opt = getopt(argc, argv, "a:p:n:c:i:d:r:s:DHoqRz")) != -1) {
		switch (opt) {
		case 'a': host = optarg; break;
		case 'p': port = (uint16_t)net_number(optarg, 65535); break;
		case 'n': o->count = (size_t)net_number(optarg, 100000000); break;
		case 'c': o->clients = (size_t)net_number(optarg, 10000); break;
		case 'i': o->interval_ms = net_number(optarg, 3600000); break;
		case 'd': o->seconds = strtod(optarg, NULL); break;
		case 'r': o->rate = net_number(optarg, 1000000); break;
		case 's': o->slow_ms = net_number(optarg, 3600000); break;
		case 'D': o->data = true; break;
		case 'H': o->http = true; break;
		case 'o': o->oneway = true; break;
		case 'q': o->quiet = true; break;
		case 'R': o->reopen = true; break;
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
	} modes[] = {{"blast", load_blast}, {"conns", load_conns}, {"flood", load_flood},
	     {"probe", load_probe}, {"short", load_short}};

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
