/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cluamgr/cluamgr.h"
#include "common/ipc.h"
#include "common/json.h"
#include "proto/alias_ctl.h"

#define TIMEOUT_MS 20000

/* ---- what went wrong: on standard error, or in one object at the end ---- */

static struct {
	bool json;
	char error[1024];
	size_t nwarnings;
	char **warning;
} result;

void
cm_result_json(void)
{
	result.json = true;
}

void
cm_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(result.error, sizeof(result.error), fmt, ap);
	va_end(ap);
	if (!result.json)
		fprintf(stderr, "cluamgr: %s\n", result.error);
}

void
cm_warning(const char *text)
{
	char **grown;

	if (!result.json) {
		fprintf(stderr, "cluamgr: warning: %s\n", text);
		return;
	}
	grown = reallocarray(result.warning, result.nwarnings + 1, sizeof(*grown));
	if (grown == NULL)
		abort();
	result.warning = grown;
	result.warning[result.nwarnings++] = strdup(text);
}

void
cm_result_print(FILE *out, int status)
{
	struct json j;
	size_t i;

	json_begin(&j, out);
	json_bool(&j, "done", status == CM_OK);
	json_int(&j, "exit_status", status);
	json_str(&j, "error", result.error);
	json_array(&j, "warnings");
	for (i = 0; i < result.nwarnings; i++) {
		json_str(&j, NULL, result.warning[i] == NULL ? "" : result.warning[i]);
		free(result.warning[i]);
	}
	json_array_end(&j);
	json_finish(&j);
	free(result.warning);
	result.warning = NULL;
	result.nwarnings = 0;
}

/* ---- requests ---- */

static int
not_running(void)
{
	if (errno == EACCES)
		cm_error("%s: %s (root and the group clua may ask)", ALIAS_SOCK, strerror(errno));
	else
		cm_error("aliasd is not running: %s: %s; start it, see \"systemctl status aliasd\"",
		    ALIAS_SOCK, strerror(errno));
	return errno == EACCES ? CM_FAILED : CM_NO_DAEMON;
}

static int
broke_off(void)
{
	if (errno == ETIMEDOUT)
		cm_error("no answer from aliasd within %d s", TIMEOUT_MS / 1000);
	else
		cm_error("aliasd broke off: %s", strerror(errno));
	return CM_FAILED;
}

void
cm_note(const struct ipc_msg *m, void *arg)
{
	char text[512];
	struct wire_rd r;

	wire_rd_init(&r, m->data, m->len);
	wire_rd_str(&r, text, sizeof(text));
	if (m->type == ALIAS_ROW_NOTE && wire_rd_done(&r))
		cm_warning(text);
}

static int
call(uint16_t type, const void *data, size_t len, int timeout_ms,
    void (*on_row)(const struct ipc_msg *, void *arg), void *arg)
{
	struct ipc_result res;
	int fd = ipc_connect(ALIAS_SOCK), rc;

	if (fd < 0)
		return not_running();
	rc = ipc_call(fd, type, data, len, timeout_ms, on_row, arg, &res);
	if (rc < 0)
		rc = broke_off();
	else if (res.code != IPC_OK)
		cm_error("%s", res.text), rc = CM_FAILED;
	close(fd);
	return rc;
}

int
cm_call_for_ever(uint16_t type, void (*on_row)(const struct ipc_msg *, void *arg), void *arg)
{
	return call(type, NULL, 0, -1, on_row, arg);
}

int
cm_call(uint16_t type, const void *data, size_t len,
    void (*on_row)(const struct ipc_msg *, void *arg), void *arg)
{
	return call(type, data, len, TIMEOUT_MS, on_row, arg);
}
