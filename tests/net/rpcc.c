/* SPDX-License-Identifier: ISC */
/* rpcc HOST PROGRAM tcp|udp N: asks N times, each time beginning at the portmapper; the answers, one a line. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <rpc/rpc.h>

static void
ask(const char *host, rpcprog_t program, const char *netid)
{
	struct timeval limit = { .tv_sec = 5 };
	char *text = NULL;
	CLIENT *c = clnt_create(host, program, 1, netid);
	enum clnt_stat rc;

	if (c == NULL) {
		printf("%s\n", clnt_spcreateerror("no client"));
		return;
	}
	rc = clnt_call(c, 1, (xdrproc_t)xdr_void, NULL, (xdrproc_t)xdr_wrapstring, (caddr_t)&text, limit);
	printf("%s\n", rc == RPC_SUCCESS ? text : clnt_sperrno(rc));
	free(text);
	clnt_destroy(c);
}

int
main(int argc, char **argv)
{
	int i;

	if (argc != 5)
		errx(2, "usage: rpcc HOST PROGRAM tcp|udp N");
	for (i = atoi(argv[4]); i > 0; i--)
		ask(argv[1], strtoul(argv[2], NULL, 0), argv[3]);
	return 0;
}
