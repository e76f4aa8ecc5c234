/* SPDX-License-Identifier: ISC */
#include "common/sdnotify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/log.h"

struct sdnotify {
	int fd; /* -1: nobody listens */
	struct sockaddr_un sun;
	socklen_t sunlen;
	uint64_t watchdog;
};

static void
open_socket(struct sdnotify *n, const char *path)
{
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(n->sun.sun_path)) {
		log_warnx("daemon", "NOTIFY_SOCKET names no socket: %s", path);
		return;
	}
	n->sun.sun_family = AF_UNIX;
	memcpy(n->sun.sun_path, path, len);
	n->sunlen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (path[0] == '@')
		n->sun.sun_path[0] = '\0'; /* the abstract namespace */
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static uint64_t
watchdog_interval(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t us, who;

	if (usec == NULL || !conf_number(usec, 2, UINT64_MAX / NSEC_PER_USEC, &us))
		return 0;
	if (pid != NULL && (!conf_number(pid, 1, INT32_MAX, &who) || who != (uint64_t)getpid()))
		return 0;
	return us * NSEC_PER_USEC / 2;
}

struct sdnotify *
sdnotify_new(void)
{
	struct sdnotify *n = calloc(1, sizeof(*n));
	const char *path = getenv("NOTIFY_SOCKET");

	if (n == NULL)
		return NULL;
	n->fd = -1;
	if (path != NULL)
		open_socket(n, path);
	if (n->fd != -1)
		n->watchdog = watchdog_interval();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return n;
}

void
sdnotify_free(struct sdnotify *n)
{
	if (n == NULL)
		return;
	if (n->fd != -1)
		close(n->fd);
	free(n);
}

static void __attribute__((format(printf, 2, 3)))
tell(struct sdnotify *n, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (n->fd == -1)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Never waits: a manager that does not read must not stop us. */
	if (sendto(n->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
		(struct sockaddr *)&n->sun, n->sunlen) == -1)
		log_debug("daemon", "the service manager cannot be told: %s", text);
}

/* A newline would begin another assignment. */
static int
one_line(const char *status)
{
	size_t n = strcspn(status, "\n");

	return n > 400 ? 400 : (int)n;
}

void
sdnotify_ready(struct sdnotify *n, const char *status)
{
	tell(n, "READY=1\nSTATUS=%.*s", one_line(status), status);
}

void
sdnotify_status(struct sdnotify *n, const char *status)
{
	tell(n, "STATUS=%.*s", one_line(status), status);
}

void
sdnotify_reloading(struct sdnotify *n)
{
	tell(n, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(clock_ns() / NSEC_PER_USEC));
}

void
sdnotify_stopping(struct sdnotify *n)
{
	tell(n, "STOPPING=1");
}

uint64_t
sdnotify_watchdog_interval(const struct sdnotify *n)
{
	return n->watchdog;
}

void
sdnotify_watchdog(struct sdnotify *n)
{
	tell(n, "WATCHDOG=1");
}
