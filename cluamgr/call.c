/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cluamgr/cluamgr.h"
#include "common/ipc.h"
#include "proto/alias_ctl.h"

#define TIMEOUT_MS 20000

static int
not_running(void)
{
	if (errno == EACCES)
		fprintf(stderr, "cluamgr: %s: %s (root and the group clua may ask)\n", ALIAS_SOCK,
		    strerror(errno));
	else
		fprintf(stderr, "cluamgr: aliasd is not running: %s: %s\n", ALIAS_SOCK, strerror(errno));
	return errno == EACCES ? CM_FAILED : CM_NO_DAEMON;
}

static int
broke_off(void)
{
	if (errno == ETIMEDOUT)
		fprintf(stderr, "cluamgr: no answer from aliasd within %d s\n", TIMEOUT_MS / 1000);
	else
		fprintf(stderr, "cluamgr: aliasd broke off: %s\n", strerror(errno));
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
		fprintf(stderr, "cluamgr: warning: %s\n", text);
}

int
cm_call(uint16_t type, const void *data, size_t len,
    void (*on_row)(const struct ipc_msg *, void *arg), void *arg)
{
	struct ipc_result res;
	int fd = ipc_connect(ALIAS_SOCK), rc;

	if (fd < 0)
		return not_running();
	rc = ipc_call(fd, type, data, len, TIMEOUT_MS, on_row, arg, &res);
	if (rc < 0)
		rc = broke_off();
	else if (res.code != IPC_OK)
		fprintf(stderr, "cluamgr: %s\n", res.text), rc = CM_FAILED;
	close(fd);
	return rc;
}
