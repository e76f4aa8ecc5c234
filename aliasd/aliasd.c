/* SPDX-License-Identifier: ISC */
/* The daemon's life, in the words of common/daemon.h. */
#include "aliasd/aliasd.h"

#include "aliasd/aliasd_conf.h"
#include "aliasd/cleanup.h"
#include "aliasd/engine/engine.h"
#include "common/daemon.h"

static struct engine *engine;

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

static int
init(struct ev_loop *loop, void *conf)
{
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
