/* SPDX-License-Identifier: ISC */
/* Common ports of RPC programs. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libclua/clua/clua.h"
#include "libclua/service.h"

/* A port that all members found free may be taken here by the time that we bind it. */
#define ATTEMPTS 4

static int
fail(int err)
{
	errno = err;
	return -1;
}

/* As an errno, for a function that speaks in them. */
static int
errno_of(clua_status_t status)
{
	switch (status) {
	case CLUA_ENOCLUSTER:
		return ENETDOWN;
	case CLUA_EBADVERSION:
		return EPROTONOSUPPORT;
	case CLUA_ERRNO:
		return errno;
	default:
		return EINVAL;
	}
}

static int
bind_here(int fd, const struct alias_api *a, struct sockaddr_in *sin, uint16_t port_h)
{
	int one = 1;

	sin->sin_port = htons(port_h);
	/* A server that is started anew finds the connections of its predecessor still closing. */
	if (a->proto == IPPROTO_TCP)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)sin, sizeof(*sin));
}

static int
ask_and_bind(int fd, struct alias_api *a, struct sockaddr_in *sin)
{
	clua_status_t status;
	uint16_t port_h = 0;
	int i;

	for (i = 0; i < ATTEMPTS; i++) {
		status = clua_ask_service(ALIAS_API_COMMPORT, a, &port_h);
		if (status != CLUA_SUCCESS)
			return fail(errno_of(status));
		if (bind_here(fd, a, sin, port_h) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return -1;
		a->port_h = port_h;
	}
	return fail(EADDRINUSE);
}

static bool
right_socket(int fd, unsigned int proto)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &len) < 0)
		return false;
	errno = EPROTOTYPE;
	return value == (int)proto;
}

static int
common_port(int sockfd, struct alias_api *a, struct sockaddr_in *addr)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int fd = sockfd, saved;

	if (a->prog == 0 || (a->proto != IPPROTO_TCP && a->proto != IPPROTO_UDP))
		return fail(a->prog == 0 ? EINVAL : EPROTONOSUPPORT);
	if (addr != NULL && addr->sin_family != AF_INET && addr->sin_family != AF_UNSPEC)
		return fail(EAFNOSUPPORT);
	if (addr != NULL && addr->sin_family == AF_INET)
		sin.sin_addr = addr->sin_addr;
	if (sockfd == -1)
		fd = socket(AF_INET, a->proto == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM, a->proto);
	if (fd < 0 || !right_socket(fd, a->proto))
		return -1;
	if (ask_and_bind(fd, a, &sin) < 0) {
		saved = errno;
		if (sockfd == -1)
			close(fd);
		return fail(saved);
	}
	if (addr != NULL)
		*addr = sin;
	return fd;
}

int
clusvc_getcommport(int sockfd, unsigned int prog, unsigned int proto, struct sockaddr_in *addr)
{
	struct alias_api a = { .proto = (uint8_t)(proto > UINT8_MAX ? 0 : proto), .prog = prog };

	return common_port(sockfd, &a, addr);
}

int
clusvc_getresvcommport(
    int sockfd, unsigned int prog, unsigned int proto, struct sockaddr_in *addr)
{
	struct alias_api a = { .proto = (uint8_t)(proto > UINT8_MAX ? 0 : proto), .prog = prog,
		.resv = true };

	return common_port(sockfd, &a, addr);
}
