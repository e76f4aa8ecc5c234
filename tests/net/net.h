/* SPDX-License-Identifier: ISC */
/* What the load programs share: sockets, waiting, the stop signal, options. */
#ifndef CLUA_TESTS_NET_NET_H
#define CLUA_TESTS_NET_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#define NET_LINE_MAX 512
#define NET_OWNER_MAX 64

/* Becomes true with SIGINT, SIGTERM, or when the time of net_run_for() is up. */
bool net_stopped(void);
void net_catch_signals(void);
void net_run_for(double seconds); /* 0 = until a signal */

/* As many open files as the system lets us have. */
void net_raise_limits(void);

int net_epoll(void);
void net_watch(int epoll, int fd, uint32_t events, uint64_t tag); /* adds or changes */
/* Waits until an event or `when` (clock_ns()); the number of events, 0 when it was time or a signal. */
int net_wait(int epoll, struct epoll_event *, int max, uint64_t when);
/* When this program itself was kept waiting by the computer: what it says of others is worth less then. */
struct net_late {
	uint64_t at, ns;
};
const struct net_late *net_lates(size_t *n);

int net_tcp_listen(uint16_t port);
int net_udp_bind(uint16_t port);
int net_tcp_connect(const struct sockaddr_in *); /* non-blocking; -1 and errno */

struct sockaddr_in net_address(const char *host, uint16_t port); /* exits when it does not resolve */
uint64_t net_number(const char *text, uint64_t max); /* exits when it is not one */
double net_seconds(uint64_t ns);

#endif
