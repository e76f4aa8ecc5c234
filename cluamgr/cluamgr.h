/* SPDX-License-Identifier: ISC */
/* cluamgr: one function for each primary flag. Exit statuses of the command. */
#ifndef CLUA_CLUAMGR_CLUAMGR_H
#define CLUA_CLUAMGR_CLUAMGR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CM_OK = 0, CM_FAILED = 1, CM_USAGE = 2, CM_NO_DAEMON = 3 };

struct ipc_msg;

struct cm_args {
	const char *arg; /* of the primary flag; NULL if it takes none */
	bool json;
};

int cluamgr_run(int argc, char **argv);

int cm_alias(const struct cm_args *);
int cm_routing(const struct cm_args *);
int cm_services(const struct cm_args *);
int cm_status(const struct cm_args *);

int cm_watch(const struct cm_args *);

/* ---- what went wrong, one line without a newline: on standard error, or … ---- */
void cm_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cm_warning(const char *text);
void cm_result_json(void); /* … kept from now on, for cm_result_print() */
void cm_result_print(FILE *, int status);

/* Prints an ALIAS_ROW_NOTE as a warning; for cm_call(). */
void cm_note(const struct ipc_msg *, void *arg);

/*
 * One request to aliasd. on_row as in ipc_call(). The exit status; what went wrong is on standard
 * error.
 */
int cm_call(uint16_t type, const void *data, size_t len,
    void (*on_row)(const struct ipc_msg *, void *arg), void *arg);

/* The same for an answer that ends when the daemon does. */
int cm_call_for_ever(uint16_t type, void (*on_row)(const struct ipc_msg *, void *arg), void *arg);

#endif
