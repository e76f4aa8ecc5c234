/* SPDX-License-Identifier: ISC */
/* cluamgr -f, -F */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluamgr/cluamgr.h"
#include "common/ipc.h"
#include "common/json.h"
#include "proto/alias_ctl.h"

struct report {
	struct json *json; /* NULL: text */
};

static const char *
remark(const struct alias_ctl_applied *a)
{
	if (!a->member)
		return "not in the group: takes the table when it joins";
	switch (a->file) {
	case ALIAS_FILE_SAME:
		return "applied";
	case ALIAS_FILE_DIFFERS:
		return "applied; its own file differs";
	case ALIAS_FILE_MISSING:
		return "applied; it has no file of its own";
	case ALIAS_FILE_BAD:
		return "applied; its own file has errors";
	}
	return "applied; it did not say how its own file is";
}

static void
put_row(struct json *j, const struct alias_ctl_applied *a)
{
	json_object(j, NULL);
	json_uint(j, "id", a->id);
	json_str(j, "name", a->name);
	json_bool(j, "applied", a->member);
	json_str(j, "services_file", alias_file_word(a->member ? a->file : ALIAS_FILE_UNKNOWN));
	json_object_end(j);
}

static void
row(const struct ipc_msg *m, void *arg)
{
	struct report *r = arg;
	struct alias_ctl_applied a;

	if (m->type != ALIAS_ROW_APPLIED || !alias_ctl_applied_decode(m->data, m->len, &a))
		cm_note(m, NULL);
	else if (r->json != NULL)
		put_row(r->json, &a);
	else
		printf("%s: %s\n", a.name, remark(&a));
}

static int
publish(const void *request, size_t len, bool as_json)
{
	struct report r = { NULL };
	struct json j;
	int rc;

	if (as_json) {
		json_begin(&j, stdout);
		json_array(&j, "nodes");
		r.json = &j;
	}
	rc = cm_call(ALIAS_CTL_SERVICES, request, len, row, &r);
	if (as_json) {
		json_array_end(&j);
		json_finish(&j);
	}
	return rc == CM_OK && fflush(stdout) != 0 ? CM_FAILED : rc;
}

int
cm_services(const struct cm_args *args)
{
	char path[PATH_MAX] = "";
	uint8_t buf[PATH_MAX + 16];
	struct wire_wr w;

	/* aliasd reads the file, and has another working directory. */
	if (args->arg != NULL && realpath(args->arg, path) == NULL) {
		cm_error("%s: %s", args->arg, strerror(errno));
		return CM_FAILED;
	}
	wire_wr_init(&w, buf, sizeof(buf));
	wire_wr_str(&w, path);
	return publish(buf, wire_wr_len(&w), args->json);
}
