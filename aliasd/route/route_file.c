/* SPDX-License-Identifier: ISC */
#include "aliasd/route/route_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
says_so(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char buf[16384];
	size_t at = 0;
	ssize_t n = 0;

	if (fd < 0)
		return false;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if ((size_t)n > len - at || memcmp(buf, text + at, (size_t)n) != 0)
			break;
		at += (size_t)n;
	}
	close(fd);
	return n == 0 && at == len;
}

static void
make_folder(const char *path)
{
	char folder[PATH_MAX], *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return;
	*slash = '\0';
	/* Not as the umask of a daemon has it: another user is to read what is in it. */
	if (mkdir(folder, 0755) == 0)
		chmod(folder, 0755);
}

static bool
fill(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return fchmod(fd, 0644) == 0 && fsync(fd) == 0;
}

int
route_file_put(const char *path, const char *text, size_t len, char *why, size_t size)
{
	char temporary[PATH_MAX + 8];
	int fd, saved;
	bool ok;

	if (says_so(path, text, len))
		return 0;
	make_folder(path);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	ok = fd >= 0 && fill(fd, text, len);
	saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	if (ok && rename(temporary, path) == 0)
		return 1;
	snprintf(why, size, "%.180s: %s", path, strerror(errno));
	unlink(temporary);
	return -1;
}
