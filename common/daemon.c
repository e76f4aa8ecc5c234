/* SPDX-License-Identifier: ISC */
#include "common/daemon.h"

#include <signal.h>
#include <string.h>

#include "common/conf.h"
#include "common/daemon_ipc.h"
#include "common/daemon_opts.h"
#include "common/ev.h"
#include "common/log.h"
#include "common/sdnotify.h"
#include "config.h"

#define STATUS_SIZE 256

/* One process is one daemon; what it calls back into here has no handle to give. */
static struct {
	const struct clud_ops *ops;
	struct daemon_opts opts;
	struct ev_loop *loop;
	struct sdnotify *notify;
	struct ev_timer *watchdog;
	struct ev_signal *term, *intr, *hup;
	char status[STATUS_SIZE];
	bool ready;
	bool exiting, stopping;
	int exit_status;
} self;

void
clud_exit(int status)
{
	self.exiting = true;
	self.exit_status = status;
	if (self.loop != NULL)
		ev_loop_break(self.loop);
}

void
clud_status(const char *text)
{
	snprintf(self.status, sizeof(self.status), "%s", text);
	if (self.notify != NULL)
		sdnotify_status(self.notify, text);
}

void
clud_ready(const char *text)
{
	snprintf(self.status, sizeof(self.status), "%s", text);
	self.ready = true;
	log_info("daemon", "ready: %s", text);
	if (self.notify != NULL)
		sdnotify_ready(self.notify, text);
}

static bool
load_and_switch(struct conf_errors *errs)
{
	void *conf = self.ops->load(self.opts.conf_path, errs);

	if (conf == NULL)
		return false;
	if (self.ops->reload(conf, errs) == 0)
		return true;
	self.ops->free(conf);
	return false;
}

bool
clud_reload(struct conf_errors *errs)
{
	size_t first = conf_errors_count(errs);
	bool announced = self.ready, ok;

	log_info("daemon", "reloading %s", self.opts.conf_path);
	/* One that is not ready yet is still starting for the manager: it waits for that word alone. */
	if (announced)
		sdnotify_reloading(self.notify);
	ok = load_and_switch(errs);
	for (size_t i = first; i < conf_errors_count(errs); i++)
		log_errx("conf", "%s", conf_errors_get(errs, i));
	if (ok)
		log_info("daemon", "configuration reloaded");
	else
		log_errx("daemon", "reload refused, the running configuration stays");
	/* The manager waits for this word, also when nothing has changed. */
	if (announced)
		sdnotify_ready(self.notify, self.status);
	return ok;
}

static void
on_hup(int signo, void *arg)
{
	struct conf_errors *errs = conf_errors_new();

	if (errs == NULL) {
		log_err("daemon", "reload");
		return;
	}
	clud_reload(errs);
	conf_errors_free(errs);
}

static void
on_term(int signo, void *arg)
{
	bool again = self.stopping;

	log_info("daemon", "%s: ending", strsignal(signo));
	self.stopping = true;
	if (again || self.ops->stop == NULL || !self.ops->stop())
		clud_exit(0);
}

static void
on_watchdog(void *arg)
{
	sdnotify_watchdog(self.notify);
	ev_timer_set(self.watchdog, sdnotify_watchdog_interval(self.notify));
}

/* The configuration, or NULL after its errors went to standard error. */
static void *
load(void)
{
	struct conf_errors *errs = conf_errors_new();
	void *conf;

	if (errs == NULL)
		return NULL;
	conf = self.ops->load(self.opts.conf_path, errs);
	conf_errors_print(errs, stderr);
	conf_errors_free(errs);
	return conf;
}

static int
check_only(void)
{
	void *conf = load();

	if (conf == NULL)
		return 1;
	if (self.opts.verbose)
		self.ops->print(stdout, conf);
	self.ops->free(conf);
	return 0;
}

static int
cleanup_only(void)
{
	void *conf = load();
	int status;

	if (conf == NULL)
		return 1;
	status = self.ops->cleanup(conf);
	self.ops->free(conf);
	return status;
}

static void
start_log(void)
{
	if (self.opts.debug)
		log_set_level(LOG_LVL_DEBUG);
	log_set_debug_tokens(self.opts.tokens);
}

/* Before the daemon's own init: a signal that comes meanwhile waits for the loop. */
static bool
start_loop(void)
{
	signal(SIGPIPE, SIG_IGN);
	self.notify = sdnotify_new();
	self.loop = ev_loop_new();
	if (self.notify == NULL || self.loop == NULL)
		return false;
	self.term = ev_signal_new(self.loop, SIGTERM, on_term, NULL);
	self.intr = ev_signal_new(self.loop, SIGINT, on_term, NULL);
	self.hup = ev_signal_new(self.loop, SIGHUP, on_hup, NULL);
	self.watchdog = ev_timer_new(self.loop, on_watchdog, NULL);
	if (self.term == NULL || self.intr == NULL || self.hup == NULL || self.watchdog == NULL)
		return false;
	if (sdnotify_watchdog_interval(self.notify) != 0)
		ev_timer_set(self.watchdog, 0);
	return true;
}

static void
stop_loop(void)
{
	ev_timer_free(self.watchdog);
	ev_signal_free(self.hup);
	ev_signal_free(self.intr);
	ev_signal_free(self.term);
	ev_loop_free(self.loop);
	sdnotify_free(self.notify);
}

static int
live(void *conf)
{
	ipc_server_set_base_cmds(daemon_ipc_cmds);
	if (self.ops->init(self.loop, conf) != 0)
		return 1;
	/* init may have asked for the end already, which a loop not yet running cannot be told. */
	if (!self.exiting && ev_loop_run(self.loop) != 0) {
		log_errx("daemon", "the event loop failed");
		self.exit_status = 1;
	}
	sdnotify_stopping(self.notify);
	self.ops->fini();
	return self.exit_status;
}

static int
start(void)
{
	void *conf = load();
	int status = 1;

	if (conf == NULL)
		return 1;
	start_log();
	if (start_loop()) {
		log_info("daemon", "%s " PACKAGE_VERSION " starts", self.ops->name);
		status = live(conf);
	} else {
		log_err("daemon", "cannot start");
		self.ops->free(conf);
	}
	stop_loop();
	return status;
}

int
clud_run(const struct clud_ops *ops, int argc, char **argv)
{
	memset(&self, 0, sizeof(self));
	self.ops = ops;
	log_init(ops->name);
	if (!daemon_opts_parse(&self.opts, ops->name, ops->conf_path, ops->cleanup != NULL, argc, argv))
		return 1;
	if (self.opts.help) {
		daemon_opts_usage(stdout, ops->name, ops->cleanup != NULL);
		return 0;
	}
	if (self.opts.version) {
		printf("%s (clua) " PACKAGE_VERSION "\n", ops->name);
		return 0;
	}
	if (self.opts.check)
		return check_only();
	if (self.opts.cleanup) {
		start_log();
		return cleanup_only();
	}
	return start();
}
