/* SPDX-License-Identifier: ISC */
/*
 * routes connect|sendto SECONDS: what the look-up of a route costs a socket. A datagram socket goes from
 * address to address in 198.18.0.0/15, so that each call looks up a route; prints ns a call.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"

#define FIRST 0xc6120000u /* 198.18.0.0 */
#define CALLS_A_LOOK 1000

static void
call(int fd, int connects, uint32_t n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9),
		.sin_addr.s_addr = htonl(FIRST + 1 + n % 100000) };

	if (connects) {
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
			err(1, "connect");
	} else if (sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
		err(1, "sendto");
	}
}

int
main(int argc, char **argv)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t begin = clock_ns(), end, now;
	uint32_t n = 0, i;

	if (argc != 3)
		errx(2, "usage: routes connect|sendto SECONDS");
	if (fd < 0)
		err(1, "socket");
	end = begin + (uint64_t)(atof(argv[2]) * 1e9);
	do {
		for (i = 0; i < CALLS_A_LOOK; i++)
			call(fd, strcmp(argv[1], "connect") == 0, n++);
		now = clock_ns();
	} while (now < end);
	printf("%.1f\n", (double)(now - begin) / n);
	return 0;
}
