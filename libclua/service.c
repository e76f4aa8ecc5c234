/* SPDX-License-Identifier: ISC */
/* Registration of ports. */
#include "libclua/service.h"

#include <errno.h>

#include "libclua/call.h"
#include "libclua/clua/clua.h"

struct outcome {
	struct alias_api_result res;
	bool have, bad;
};

static void
on_row(const struct ipc_msg *m, void *arg)
{
	struct outcome *o = arg;

	if (m->type != ALIAS_ROW_RESULT)
		return;
	o->have = true;
	o->bad |= !alias_api_result_decode(m->data, m->len, &o->res);
}

static clua_status_t
status_of(uint16_t judged)
{
	switch (judged) {
	case ALIAS_API_OK:
		return CLUA_SUCCESS;
	case ALIAS_API_EBADOPTION:
		return CLUA_EBADOPTION;
	case ALIAS_API_EPORTCONFLICT:
		return CLUA_EPORTCONFLICT;
	case ALIAS_API_ENOTRESERVED:
		return CLUA_ENOTRESERVED;
	case ALIAS_API_EFULL:
		errno = ENOSPC;
		return CLUA_ERRNO;
	case ALIAS_API_EBUSY:
		errno = EADDRINUSE;
		return CLUA_ERRNO;
	default:
		return CLUA_EBADVERSION;
	}
}

int
clua_ask_service(enum alias_api_type type, const struct alias_api *a, uint16_t *port_h)
{
	struct outcome o = { 0 };
	clua_status_t status;
	struct wire_wr w;
	uint8_t buf[32];

	wire_wr_init(&w, buf, sizeof(buf));
	alias_api_encode(&w, a);
	status = clua_call(type, buf, wire_wr_len(&w), on_row, &o);
	if (!o.have)
		return status == CLUA_SUCCESS ? CLUA_EBADVERSION : status;
	if (port_h != NULL)
		*port_h = o.res.port_h;
	return o.bad ? CLUA_EBADVERSION : status_of(o.res.status);
}

/* False for a type that is none. */
static bool
about(struct alias_api *a, unsigned short portno, int type)
{
	a->port_h = portno;
	a->proto = type == SOCK_STREAM ? IPPROTO_TCP : type == SOCK_DGRAM ? IPPROTO_UDP : 0;
	return a->proto != 0;
}

clua_status_t
clua_registerservice(unsigned short portno, int type, int options)
{
	struct alias_api a = { 0 };

	if (!about(&a, portno, type))
		return CLUA_EBADTYPE;
	if ((options & ~CLUASRV_VALID) != 0)
		return CLUA_EBADOPTION;
	if (portno == 0) {
		errno = EINVAL;
		return CLUA_ERRNO;
	}
	a.options = (uint16_t)options;
	return clua_ask_service(ALIAS_API_REGISTER, &a, NULL);
}

clua_status_t
clua_unregisterservice(unsigned short portno, int type)
{
	struct alias_api a = { 0 };

	if (!about(&a, portno, type))
		return CLUA_EBADTYPE;
	return portno == 0 ? CLUA_ENOTRESERVED : clua_ask_service(ALIAS_API_UNREGISTER, &a, NULL);
}
