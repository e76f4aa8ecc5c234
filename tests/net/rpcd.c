/* SPDX-License-Identifier: ISC */
/*
 * rpcd NAME PROGRAM [resv]: an RPC server, on TCP and UDP, on the ports that all its instances in the
 * cluster have. Procedure 1 of version 1 and of version 2 answers "NAME PROTOCOL PORT".
 */
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rpc/rpc.h>

#include <clua/clua.h>

#define PROC_WHO 1

static const char *name;
static rpcprog_t program;

static void
dispatch(struct svc_req *req, SVCXPRT *xprt)
{
	char text[128], *p = text;
	int type = 0;
	socklen_t len = sizeof(type);
	struct sockaddr_in sin;

	if (req->rq_proc == NULLPROC) {
		svc_sendreply(xprt, (xdrproc_t)xdr_void, NULL);
		return;
	}
	if (req->rq_proc != PROC_WHO) {
		svcerr_noproc(xprt);
		return;
	}
	getsockopt(xprt->xp_fd, SOL_SOCKET, SO_TYPE, &type, &len);
	len = sizeof(sin);
	getsockname(xprt->xp_fd, (struct sockaddr *)&sin, &len);
	snprintf(text, sizeof(text), "%s %s %u", name, type == SOCK_STREAM ? "tcp" : "udp",
	    ntohs(sin.sin_port));
	svc_sendreply(xprt, (xdrproc_t)xdr_wrapstring, (caddr_t)&p);
}

static void
serve(const char *netid, unsigned proto, bool_t resv)
{
	struct netconfig *nconf = getnetconfigent(netid);
	struct sockaddr_in sin;
	SVCXPRT *xprt;
	int fd;

	if (nconf == NULL)
		errx(1, "no %s in /etc/netconfig", netid);
	memset(&sin, 0, sizeof(sin));
	fd = resv ? clusvc_getresvcommport(RPC_ANYSOCK, (unsigned)program, proto, &sin) :
	    clusvc_getcommport(RPC_ANYSOCK, (unsigned)program, proto, &sin);
	if (fd < 0)
		err(1, "clusvc_getcommport");
	if (proto == IPPROTO_TCP && listen(fd, SOMAXCONN) < 0)
		err(1, "listen");
	xprt = svc_tli_create(fd, nconf, NULL, 0, 0);
	if (xprt == NULL || !svc_reg(xprt, program, 1, dispatch, nconf) ||
	    !svc_reg(xprt, program, 2, dispatch, NULL))
		errx(1, "cannot serve %s", netid);
	freenetconfigent(nconf);
	printf("%s %u\n", netid, ntohs(sin.sin_port));
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: rpcd NAME PROGRAM [resv]");
	name = argv[1];
	program = strtoul(argv[2], NULL, 0);
	signal(SIGPIPE, SIG_IGN);
	/* What an earlier one left in the table of this host. */
	svc_unreg(program, 1);
	serve("udp", IPPROTO_UDP, argc > 3);
	serve("tcp", IPPROTO_TCP, argc > 3);
	printf("ready\n");
	fflush(stdout);
	svc_run();
	return 1;
}
