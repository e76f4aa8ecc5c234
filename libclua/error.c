/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "libclua/clua/clua.h"

static const struct {
	clua_status_t status;
	char text[64];
} texts[] = {
	{ CLUA_ENOCLUSTER, "this host is not a member of a cluster" },
	{ CLUA_ENODEFAULT, "there is no default cluster alias" },
	{ CLUA_NOMOREALIASES, "no more cluster aliases" },
	{ CLUA_ENOTALIAS, "not the address of a cluster alias" },
	{ CLUA_EBADOPTION, "unknown options, or options that exclude each other" },
	{ CLUA_EBADTYPE, "the socket type is neither SOCK_STREAM nor SOCK_DGRAM" },
	{ CLUA_EPORTCONFLICT, "the port is registered with other attributes" },
	{ CLUA_ENOTRESERVED, "the port is not registered" },
	{ CLUA_EBADVERSION, "libclua and aliasd are of different versions" },
	{ CLUA_ENOTCONFIG, "the cluster alias subsystem is not configured" },
	{ CLUA_ECONFIG, "the configuration of the cluster alias failed" },
	{ CLUA_ERRNO, "system error" },
	{ CLUA_SUCCESS, "success" },
};

char *
clua_error(clua_status_t status)
{
	static const char unknown[] = "unknown status";
	size_t i;

	/* The ancestor's type has no const; nobody may write there all the same. */
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].status == status)
			return (char *)(uintptr_t)texts[i].text;
	}
	return (char *)(uintptr_t)unknown;
}

void
print_clua_liberror(clua_status_t status)
{
	char why[128];
	int saved = errno;

	if (status == CLUA_ERRNO)
		fprintf(stderr, "clua: %s\n", strerror_r(saved, why, sizeof(why)));
	else
		fprintf(stderr, "clua: %s\n", clua_error(status));
	errno = saved;
}
