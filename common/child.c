/* SPDX-License-Identifier: ISC */
#include "common/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/ev.h"

struct child {
	pid_t pid;
	int pidfd, out;
	bool timed_out;
	struct ev_io *end, *read;
	struct ev_timer *timer;
	child_done *done;
	void *arg;
	char *buf;
	size_t len, size;
};

extern char **environ;

static void
destroy(struct child *c)
{
	ev_io_free(c->end);
	ev_io_free(c->read);
	ev_timer_free(c->timer);
	if (c->pidfd >= 0)
		close(c->pidfd);
	if (c->out >= 0)
		close(c->out);
	free(c->buf);
	free(c);
}

static void
keep(struct child *c, const char *data, size_t n)
{
	if (n > CHILD_OUT_MAX - c->len)
		n = CHILD_OUT_MAX - c->len;
	if (c->len + n + 1 > c->size) {
		char *buf = realloc(c->buf, (c->len + n) * 2 + 1);

		if (buf == NULL)
			return;
		c->buf = buf;
		c->size = (c->len + n) * 2 + 1;
	}
	memcpy(c->buf + c->len, data, n);
	c->len += n;
	c->buf[c->len] = '\0';
}

static void
on_output(int fd, void *arg)
{
	struct child *c = arg;
	char data[16384];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0)
		keep(c, data, (size_t)n);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	ev_io_free(c->read);
	c->read = NULL;
}

/* What it left behind in its group may hold the pipe open: the end of the process counts. */
static void
on_end(int pidfd, void *arg)
{
	struct child *c = arg;
	struct child_result r = { .timed_out = c->timed_out, .out = "" };
	int status = 0;

	if (waitpid(c->pid, &status, WNOHANG) == 0)
		return;
	if (c->read != NULL)
		on_output(c->out, c);
	r.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (c->buf != NULL)
		r.out = c->buf;
	r.len = c->len;
	c->done(&r, c->arg);
	destroy(c);
}

static void
on_timeout(void *arg)
{
	struct child *c = arg;

	c->timed_out = true;
	kill(-c->pid, SIGKILL);
}

/* The errno of posix_spawnp(). */
static int
spawn(struct child *c, int out, const char *const *argv, char *const *env)
{
	const struct sched_param ordinary = { 0 };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSCHEDULER);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setschedpolicy(&attr, SCHED_OTHER);
	posix_spawnattr_setschedparam(&attr, &ordinary);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_adddup2(&files, out, 2);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	rc = posix_spawnp(&c->pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv,
	    env == NULL ? environ : env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return rc;
}

static bool
start(struct child *c, const char *const *argv, char *const *env)
{
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	c->out = ends[0];
	rc = fcntl(c->out, F_SETFL, O_NONBLOCK) < 0 ? errno : spawn(c, ends[1], argv, env);
	close(ends[1]);
	errno = rc;
	return rc == 0;
}

/* From here on there is a process. */
static bool
watch(struct child *c, struct ev_loop *loop, uint64_t timeout_ns)
{
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd < 0)
		return false;
	c->end = ev_io_new(loop, c->pidfd, on_end, NULL, c);
	c->read = ev_io_new(loop, c->out, on_output, NULL, c);
	c->timer = ev_timer_new(loop, on_timeout, c);
	if (c->end == NULL || c->read == NULL || c->timer == NULL)
		return false;
	ev_timer_set(c->timer, timeout_ns);
	return true;
}

struct child *
child_run(struct ev_loop *loop, const char *const *argv, char *const *env, uint64_t timeout_ns,
    child_done *done, void *arg)
{
	struct child *c = calloc(1, sizeof(*c));
	int saved;

	if (c == NULL)
		return NULL;
	c->pidfd = c->out = -1;
	c->done = done;
	c->arg = arg;
	if (!start(c, argv, env)) {
		saved = errno;
		destroy(c);
		errno = saved;
		return NULL;
	}
	if (!watch(c, loop, timeout_ns)) {
		saved = errno;
		child_free(c);
		errno = saved;
		return NULL;
	}
	return c;
}

void
child_free(struct child *c)
{
	if (c == NULL)
		return;
	kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	destroy(c);
}
