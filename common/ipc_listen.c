/* SPDX-License-Identifier: ISC */
#include "common/ipc_listen.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ipc_sock.h"
#include "common/log.h"

#define BACKLOG 128

struct ipc_listen {
	struct sockaddr_un sun;
	int fd;
	bool bound;
	dev_t dev;
	ino_t ino;
};

bool
ipc_group(gid_t *gid)
{
	struct group *gr = getgrnam(IPC_GROUP);

	if (gr == NULL)
		return false;
	*gid = gr->gr_gid;
	return true;
}

/* The service manager makes the folder; by hand, or in a bare namespace, nobody has. */
void
ipc_make_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	if (slash == NULL || slash == path)
		return;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	if (mkdir(dir, 0755) == -1 && errno != EEXIST)
		log_warn("ipc", "%s", dir);
}

/* 0: the way is free; -1: somebody answers, or what is there is none of ours. */
static int
remove_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, rc;

	if (lstat(sun->sun_path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = ipc_sock_new(SOCK_NONBLOCK);
	if (fd == -1)
		return -1;
	rc = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	if (rc == -1 && errno == ECONNREFUSED) {
		close(fd);
		return unlink(sun->sun_path);
	}
	/* Connected, or refused for now because its queue is full: alive. */
	close(fd);
	errno = EADDRINUSE;
	return -1;
}

static int
bind_group_only(int fd, const struct sockaddr_un *sun)
{
	mode_t old = umask(0117); /* never open to others, not even for the moment before a chmod */
	int rc = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));
	gid_t gid;

	umask(old);
	if (rc == 0 && ipc_group(&gid) && chown(sun->sun_path, (uid_t)-1, gid) == -1)
		log_warn("ipc", "%s: cannot give it to the group " IPC_GROUP, sun->sun_path);
	return rc;
}

static int
listen_open(struct ipc_listen *l)
{
	struct stat st;

	ipc_make_folder(l->sun.sun_path);
	if (remove_stale(&l->sun) == -1)
		return -1;
	l->fd = ipc_sock_new(SOCK_NONBLOCK);
	if (l->fd == -1 || bind_group_only(l->fd, &l->sun) == -1)
		return -1;
	if (lstat(l->sun.sun_path, &st) == 0) {
		l->bound = true;
		l->dev = st.st_dev;
		l->ino = st.st_ino;
	}
	return listen(l->fd, BACKLOG);
}

struct ipc_listen *
ipc_listen_new(const char *path)
{
	struct ipc_listen *l = calloc(1, sizeof(*l));
	int saved;

	if (l == NULL)
		return NULL;
	l->fd = -1;
	if (ipc_sock_addr(&l->sun, path) && listen_open(l) == 0)
		return l;
	saved = errno;
	if (saved == EADDRINUSE)
		log_errx("ipc", "%s: another daemon answers there", path);
	else
		log_err("ipc", "%s", path);
	ipc_listen_free(l);
	errno = saved;
	return NULL;
}

int
ipc_listen_fd(const struct ipc_listen *l)
{
	return l->fd;
}

void
ipc_listen_free(struct ipc_listen *l)
{
	struct stat st;

	if (l == NULL)
		return;
	if (l->bound && lstat(l->sun.sun_path, &st) == 0 && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		unlink(l->sun.sun_path);
	if (l->fd != -1)
		close(l->fd);
	free(l);
}
