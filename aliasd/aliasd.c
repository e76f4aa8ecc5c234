/* SPDX-License-Identifier: ISC */
/* The daemon's life, in the words of common/daemon.h. */
#include "aliasd/aliasd.h"

#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "aliasd/aliasd_conf.h"
#include "aliasd/cleanup.h"
#include "aliasd/engine/engine.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/ipc.h"
#include "common/ipc_listen.h"
#include "common/log.h"
#include "proto/alias_ctl.h"

#define LOCK RUNDIR "/aliasd.lock"
#define PREDECESSOR (10 * NSEC_PER_SEC)

static struct engine *engine;
static int lock = -1;

static void *
load(const char *path, struct conf_errors *errs)
{
	return aliasd_conf_load(path, errs);
}

static void
print(FILE *out, const void *conf)
{
	aliasd_conf_print(out, conf);
}

static void
discard(void *conf)
{
	aliasd_conf_free(conf);
}

/* Somebody answers on the socket: that is for those who open it to say. */
static bool
is_running(void)
{
	int fd = ipc_connect(ALIAS_SOCK);

	if (fd != -1)
		close(fd);
	return fd != -1;
}

/*
 * One that ends takes away what is in the kernel, piece by piece: whoever starts meanwhile would build on
 * what is about to go.
 */
static void
wait_for_predecessor(void)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };
	uint64_t began = clock_ns();

	ipc_make_folder(LOCK);
	lock = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock == -1)
		log_warn("daemon", "%s", LOCK);
	if (lock == -1 || flock(lock, LOCK_EX | LOCK_NB) == 0)
		return;
	log_info("daemon", "waiting for another aliasd, which has the lock %s", LOCK);
	while (flock(lock, LOCK_EX | LOCK_NB) == -1 && !is_running() && clock_ns() - began < PREDECESSOR)
		nanosleep(&moment, NULL);
}

static int
init(struct ev_loop *loop, void *conf)
{
	wait_for_predecessor();
	engine = engine_new(loop, conf);
	return engine == NULL ? -1 : 0;
}

static int
reload(void *conf, struct conf_errors *errs)
{
	return engine_reload(engine, conf, errs);
}

static bool
stop(void)
{
	return engine_stop(engine);
}

static void
fini(void)
{
	engine_free(engine);
	engine = NULL;
	if (lock != -1)
		close(lock);
	lock = -1;
}

static int
cleanup(const void *conf)
{
	return cleanup_all(conf);
}

const struct clud_ops aliasd_ops = {
	.name = "aliasd",
	.conf_path = SYSCONFDIR "/aliasd.conf",
	.load = load,
	.print = print,
	.free = discard,
	.init = init,
	.reload = reload,
	.stop = stop,
	.fini = fini,
	.cleanup = cleanup,
};
