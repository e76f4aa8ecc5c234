/* SPDX-License-Identifier: ISC */
/*
 * A server behind a cluster alias: run it on every member, and connections to the alias are dealt out.
 *
 *   cc clua_example.c $(pkg-config --cflags --libs clua) -o clua_example
 *   ./clua_example 7300
 *
 * Each connection gets one line: the host that serves it. Not in a cluster it serves all the same.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <clua/clua.h>

/* The aliases that this member has joined. */
static void
show_aliases(void)
{
	struct sockaddr_in sin;
	struct clua_info info;
	int context = 0;

	while (clua_getaliasaddress((struct sockaddr *)&sin, &context) == CLUA_SUCCESS) {
		if (clua_getaliasinfo((struct sockaddr *)&sin, &info) == CLUA_SUCCESS)
			printf("alias %d: %s%s\n", info.aliasid, inet_ntoa(info.addr),
			    info.flags & CLUA_ALIAS_DEFAULT ? " (default)" : "");
	}
}

static int
listen_on(unsigned short port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, SOMAXCONN) < 0)
		err(1, "port %u", port);
	return fd;
}

int
main(int argc, char **argv)
{
	unsigned short port = argc > 1 ? (unsigned short)atoi(argv[1]) : 7300;
	clua_status_t status;
	char name[256] = "";
	int fd, client;

	/* Before it listens, so that no connection is dealt out as the default has it. */
	status = clua_registerservice(port, SOCK_STREAM, CLUASRV_MULTI | CLUASRV_TRANSIENT);
	if (status == CLUA_ENOCLUSTER)
		warnx("%s: serving this host alone", clua_error(status));
	else if (status != CLUA_SUCCESS)
		errx(1, "port %u: %s", port, clua_error(status));
	show_aliases();
	gethostname(name, sizeof(name) - 1);
	fd = listen_on(port);
	printf("ready\n");
	fflush(stdout);
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		dprintf(client, "%s\n", name);
		close(client);
	}
	err(1, "accept");
}
