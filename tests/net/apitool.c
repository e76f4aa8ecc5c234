/* SPDX-License-Identifier: ISC */
/*
 * apitool: calls libclua as its standard input says, one command a line, one answer a line. It lives until
 * the end of its input, so that what ends with a program can be seen.
 *
 *   default | next | rewind | info ADDR | isalias ADDR | register PORT tcp|udp OPTIONS
 *   unregister PORT tcp|udp | listen PORT tcp|udp | close PORT | error STATUS
 *   common PROGRAM tcp|udp [resv] | fds | threads N | interfaces
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clua/clua.h>

static int fds[65536]; /* by port; 0 = none */
static int context;

static int
type_of(const char *word)
{
	if (word == NULL)
		return -1;
	return strcmp(word, "tcp") == 0 ? SOCK_STREAM : strcmp(word, "udp") == 0 ? SOCK_DGRAM : -1;
}

static void
say_status(clua_status_t status)
{
	if (status == CLUA_ERRNO)
		printf("%d errno %d", status, errno);
	else
		printf("%d", status);
}

static void
say_address(clua_status_t status, const struct sockaddr_in *sin)
{
	if (status == CLUA_SUCCESS)
		printf("%d %s", status, inet_ntoa(sin->sin_addr));
	else
		say_status(status);
}

static void
say_info(const char *word)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct clua_info i;
	clua_status_t status;
	int m;

	inet_aton(word, &sin.sin_addr);
	status = clua_getaliasinfo((struct sockaddr *)&sin, &i);
	say_status(status);
	if (status != CLUA_SUCCESS)
		return;
	printf(" addr=%s", inet_ntoa(i.addr));
	printf(" netmask=%s aliasid=%d flags=%x maxmember=%d", inet_ntoa(i.netmask), i.aliasid, i.flags,
	    i.maxmember);
	printf(" counters=%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu", i.count_cnx_rcv_net,
	    i.count_cnx_fwd_clu, i.count_cnx_rcv_clu, i.count_data_rcv_net, i.count_data_fwd_clu,
	    i.count_dgm_rcv_net, i.count_dgm_fwd_clu, i.count_dgm_rcv_clu, i.count_frag_rcv_net,
	    i.count_frag_fwd_clu, i.count_frag_rcv_clu);
	for (m = 0; m <= i.maxmember; m++) {
		if (i.members[m].flags != 0)
			printf(" member=%d,%x,%u,%u,%u", m, i.members[m].flags, i.members[m].selw,
			    i.members[m].selp, i.members[m].rpri);
	}
}

/* What a name server does: every alias is an interface to listen on. */
static void
say_interfaces(void)
{
	struct sockaddr_in sin;
	struct clua_info i;
	int at = 0;

	while (clua_getaliasaddress((struct sockaddr *)&sin, &at) == CLUA_SUCCESS) {
		if (clua_getaliasinfo((struct sockaddr *)&sin, &i) != CLUA_SUCCESS)
			continue;
		printf("clua%d=%s ", i.aliasid, inet_ntoa(i.addr));
	}
}

static void
say_listen(int port, int type)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 16) < 0)) {
		printf("-1 errno %d", errno);
		if (fd >= 0)
			close(fd);
		return;
	}
	fds[port] = fd;
	printf("1");
}

static void
say_close(int port)
{
	close(fds[port]);
	fds[port] = 0;
	printf("1");
}

static void
say_common(const char *prog, const char *proto, bool resv)
{
	unsigned number = (unsigned)strtoul(prog, NULL, 0);
	int type = type_of(proto), fd, port;
	unsigned ip = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
	struct sockaddr_in sin;

	memset(&sin, 0, sizeof(sin));
	fd = resv ? clusvc_getresvcommport(-1, number, ip, &sin) :
	    clusvc_getcommport(-1, number, ip, &sin);
	if (fd < 0) {
		printf("-1 errno %d", errno);
		return;
	}
	if (type == SOCK_STREAM)
		listen(fd, 16);
	port = ntohs(sin.sin_port);
	fds[port] = fd;
	printf("1 %d", port);
}

static void
say_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	printf("%d", n - 3); /* . and .. and its own */
}

static void *
many_calls(void *arg)
{
	struct sockaddr_in sin;
	struct clua_info info;
	intptr_t bad = 0;
	int i;

	for (i = 0; i < 100; i++) {
		bad += clua_getdefaultalias((struct sockaddr *)&sin) != CLUA_SUCCESS;
		bad += clua_getaliasinfo((struct sockaddr *)&sin, &info) != CLUA_SUCCESS;
		bad += info.addr.s_addr != sin.sin_addr.s_addr;
	}
	return (void *)bad;
}

static void
say_threads(int n)
{
	pthread_t t[64];
	intptr_t bad = 0;
	void *result;
	int i;

	n = n > 64 ? 64 : n;
	for (i = 0; i < n; i++)
		pthread_create(&t[i], NULL, many_calls, NULL);
	for (i = 0; i < n; i++) {
		pthread_join(t[i], &result);
		bad += (intptr_t)result;
	}
	printf("%d", (int)bad);
}

static void
about_aliases(char **w)
{
	struct sockaddr_in sin;
	struct in_addr addr;

	if (strcmp(w[0], "default") == 0) {
		say_address(clua_getdefaultalias((struct sockaddr *)&sin), &sin);
	} else if (strcmp(w[0], "next") == 0) {
		say_address(clua_getaliasaddress((struct sockaddr *)&sin, &context), &sin);
	} else if (strcmp(w[0], "rewind") == 0) {
		context = 0;
		printf("1");
	} else if (strcmp(w[0], "info") == 0) {
		say_info(w[1]);
	} else if (strcmp(w[0], "isalias") == 0) {
		inet_aton(w[1], &addr);
		printf("%d", clua_isalias(&addr));
	} else if (strcmp(w[0], "interfaces") == 0) {
		say_interfaces();
	} else if (strcmp(w[0], "error") == 0) {
		printf("%s", clua_error(atoi(w[1])));
		print_clua_liberror(atoi(w[1]));
	} else {
		printf("?");
	}
}

static void
command(char **w)
{
	unsigned short port = (unsigned short)strtoul(w[1], NULL, 0);

	if (strcmp(w[0], "register") == 0)
		say_status(clua_registerservice(port, type_of(w[2]), (int)strtol(w[3], NULL, 16)));
	else if (strcmp(w[0], "unregister") == 0)
		say_status(clua_unregisterservice(port, type_of(w[2])));
	else if (strcmp(w[0], "listen") == 0)
		say_listen(port, type_of(w[2]));
	else if (strcmp(w[0], "close") == 0)
		say_close(port);
	else if (strcmp(w[0], "common") == 0)
		say_common(w[1], w[2], strcmp(w[3], "resv") == 0);
	else if (strcmp(w[0], "fds") == 0)
		say_fds();
	else if (strcmp(w[0], "threads") == 0)
		say_threads(port);
	else
		about_aliases(w);
	printf("\n");
	fflush(stdout);
}

int
main(void)
{
	char line[256], *w[5], *save;
	int i;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		char none[] = "";

		w[0] = strtok_r(line, " \n", &save);
		for (i = 1; i < 5; i++) {
			w[i] = w[i - 1] == NULL || w[i - 1] == none ? NULL : strtok_r(NULL, " \n", &save);
			if (w[i] == NULL)
				w[i] = none;
		}
		if (w[0] != NULL)
			command(w);
	}
	return 0;
}
