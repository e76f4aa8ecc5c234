/* SPDX-License-Identifier: ISC */
/*
 * The one life of all daemons: options, configuration, signals, service notification, event loop.
 *
 *   NAME [-n [-v]] [-d] [-D token,…] [-f file] [-V]
 *     -n   check the configuration and exit 0 or 1; with -v print what it means
 *     -d   debug messages; -D only those of some subsystems
 *     -f   another configuration file
 *     -V   version
 *     --cleanup   where ops->cleanup is there: remove what a daemon that was killed left, and exit
 *
 * A daemon stays in the foreground. SIGTERM and SIGINT end it, SIGHUP reloads.
 */
#ifndef CLUA_COMMON_DAEMON_H
#define CLUA_COMMON_DAEMON_H

#include <stdbool.h>
#include <stdio.h>

struct conf_errors;
struct ev_loop;

struct clud_ops {
	const char *name;
	const char *conf_path; /* default of -f */
	/* Parses and checks all files; NULL when errors were added. Must not touch the running state. */
	void *(*load)(const char *path, struct conf_errors *);
	void (*print)(FILE *, const void *conf);
	void (*free)(void *conf);
	/*
	 * Starts with this configuration, which it owns from then on, also on failure. 0: running, or
	 * on its way, see clud_ready(). -1: cannot start; it has logged why; the process exits 1.
	 */
	int (*init)(struct ev_loop *, void *conf);
	/*
	 * Switches to this configuration (then owns it) and returns 0, or adds the reasons, returns -1,
	 * and goes on with the old one as if nothing had happened (the caller frees the new one).
	 */
	int (*reload)(void *conf, struct conf_errors *);
	/*
	 * SIGTERM or SIGINT came. True: it has things to do first and calls clud_exit() itself; another
	 * signal ends it at once. May be NULL.
	 */
	bool (*stop)(void);
	/* Undoes init. Called once after a successful init. */
	void (*fini)(void);
	/*
	 * NULL if the daemon leaves nothing behind, however it ends. Otherwise removes all of it, says
	 * what it was, and returns the exit status; the caller frees the configuration.
	 */
	int (*cleanup)(const void *conf);
};

int clud_run(const struct clud_ops *, int argc, char **argv);

/* Tells the service manager READY=1; to be called by the daemon once it serves. text = status line. */
void clud_ready(const char *text);
void clud_status(const char *text);
/* Ends the loop; the process exits with this status after fini. For refusals found out while running. */
void clud_exit(int status);
/* The work behind SIGHUP and IPC_RELOAD: true, or false with the reasons in errors. */
bool clud_reload(struct conf_errors *errors);

#endif
