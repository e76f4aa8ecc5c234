/* SPDX-License-Identifier: ISC */
#include "common/daemon_ipc.h"

#include <stdio.h>

#include "common/conf.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/wire.h"

static void
set_log_level(struct ipc_conn *c, const struct ipc_msg *msg, void *arg)
{
	struct wire_rd r;
	uint8_t level;

	wire_rd_init(&r, msg->data, msg->len);
	level = wire_rd_u8(&r);
	if (!wire_rd_done(&r)) {
		ipc_conn_reply(c, msg, IPC_EPROTO, "malformed request");
		return;
	}
	if (level > LOG_LVL_DEBUG) {
		ipc_conn_reply(c, msg, IPC_EINVAL, "log level is %u, expected 0..%d", level,
		    LOG_LVL_DEBUG);
		return;
	}
	log_set_level(level);
	ipc_conn_reply(c, msg, IPC_OK, "log level is %u", level);
}

/* As many of the reasons as fit, one a line; the rest is in the log. */
static void
join(const struct conf_errors *errs, char *buf, size_t size)
{
	size_t count = conf_errors_count(errs), n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		const char *text = conf_errors_get(errs, i);
		int m = snprintf(buf + n, size - n, "%s%s", i != 0 ? "\n" : "", text);

		if (m < 0 || (size_t)m >= size - n) {
			snprintf(buf + n, size - n, "\n(%zu more, see the log)", count - i);
			return;
		}
		n += (size_t)m;
	}
}

static void
reload(struct ipc_conn *c, const struct ipc_msg *msg, void *arg)
{
	struct conf_errors *errs = conf_errors_new();
	char text[1000];

	if (errs == NULL) {
		ipc_conn_reply(c, msg, IPC_EFAILED, "out of memory");
		return;
	}
	if (clud_reload(errs)) {
		ipc_conn_reply(c, msg, IPC_OK, "configuration reloaded");
	} else {
		join(errs, text, sizeof(text));
		ipc_conn_reply(c, msg, IPC_EINVAL, "%s", text);
	}
	conf_errors_free(errs);
}

const struct ipc_cmd daemon_ipc_cmds[] = {
	{ IPC_LOG_LEVEL, IPC_CHANGE, set_log_level },
	{ IPC_RELOAD, IPC_CHANGE, reload },
	{ 0 },
};
