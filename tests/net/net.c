/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/net/net.h"

#define LATE (100 * NSEC_PER_MSEC)
#define LATES_MAX 64

static volatile sig_atomic_t stop;
static struct net_late lates[LATES_MAX];
static size_t nlates;

static void
on_signal(int signo)
{
	stop = 1;
}

bool
net_stopped(void)
{
	return stop != 0;
}

void
net_catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void
net_run_for(double seconds)
{
	struct itimerval it = {
	    .it_value.tv_sec = (time_t)seconds,
	    .it_value.tv_usec = (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6),
	};

	if (seconds > 0)
		setitimer(ITIMER_REAL, &it, NULL);
}

void
net_raise_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
}

int
net_epoll(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		err(1, "epoll_create1");
	return fd;
}

void
net_watch(int epoll, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event ev = {.events = events, .data.u64 = tag};

	if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &ev) == 0)
		return;
	if (errno != ENOENT || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
		err(1, "epoll_ctl");
}

static void
note_late(uint64_t when)
{
	uint64_t now = clock_ns();

	if (now < when + LATE || nlates == LATES_MAX)
		return;
	lates[nlates++] = (struct net_late){ .at = when, .ns = now - when };
}

const struct net_late *
net_lates(size_t *n)
{
	*n = nlates;
	return lates;
}

int
net_wait(int epoll, struct epoll_event *events, int max, uint64_t when)
{
	uint64_t now = clock_ns(), left = when > now ? when - now : 0;
	struct timespec ts = {
	    .tv_sec = (time_t)(left / NSEC_PER_SEC),
	    .tv_nsec = (long)(left % NSEC_PER_SEC),
	};
	int n = epoll_pwait2(epoll, events, max, &ts, NULL);

	note_late(when);
	if (n < 0 && errno != EINTR)
		err(1, "epoll_pwait2");
	return n < 0 ? 0 : n;
}

static int
socket_on(int type, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1, fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* Several servers may share a port: one process has only so many files. */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		err(1, "bind to port %u", port);
	return fd;
}

int
net_tcp_listen(uint16_t port)
{
	int fd = socket_on(SOCK_STREAM, port);

	if (listen(fd, 4096) != 0)
		err(1, "listen on port %u", port);
	return fd;
}

int
net_udp_bind(uint16_t port)
{
	int fd = socket_on(SOCK_DGRAM, port), room = 64 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return fd;
}

int
net_tcp_connect(const struct sockaddr_in *to)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 || errno == EINPROGRESS)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

struct sockaddr_in
net_address(const char *host, uint16_t port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
	struct sockaddr_in sin;
	int rc = getaddrinfo(host, NULL, &hints, &found);

	if (rc != 0)
		errx(2, "%s: %s", host, gai_strerror(rc));
	memcpy(&sin, found->ai_addr, sizeof(sin));
	freeaddrinfo(found);
	sin.sin_port = htons(port);
	return sin;
}

uint64_t
net_number(const char *text, uint64_t max)
{
	char *end;

	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text == '-' || n > max)
		errx(2, "%s: not a number of at most %llu", text, (unsigned long long)max);
	return n;
}

double
net_seconds(uint64_t ns)
{
	return (double)ns / (double)NSEC_PER_SEC;
}
