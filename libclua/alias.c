/* SPDX-License-Identifier: ISC */
/* Which aliases there are, and what is known of them. */
#include <errno.h>
#include <string.h>

#include "libclua/call.h"
#include "libclua/clua/clua.h"
#include "proto/alias_api.h"
#include "proto/alias_ctl.h"

struct found {
	struct clua_info *info; /* may be NULL */
	struct in_addr addr;
	uint32_t id;
	bool have, bad;
};

static void
put_counters(struct clua_info *info, const uint64_t *c)
{
	info->count_cnx_rcv_net = c[0];
	info->count_cnx_fwd_clu = c[1];
	info->count_cnx_rcv_clu = c[2];
	info->count_data_rcv_net = c[3];
	info->count_data_fwd_clu = c[4];
	info->count_dgm_rcv_net = c[5];
	info->count_dgm_fwd_clu = c[6];
	info->count_dgm_rcv_clu = c[7];
	info->count_frag_rcv_net = c[8];
	info->count_frag_fwd_clu = c[9];
	info->count_frag_rcv_clu = c[10];
}

static bool
take_alias(struct found *f, const struct ipc_msg *m)
{
	struct alias_ctl_alias a;

	if (!alias_ctl_alias_decode(m->data, m->len, &a) || a.id > INT32_MAX)
		return false;
	f->have = true;
	f->addr = a.addr;
	f->id = a.id;
	if (f->info == NULL)
		return true;
	f->info->addr = a.addr;
	f->info->netmask = a.netmask;
	f->info->aliasid = (int)a.id;
	f->info->flags = a.flags;
	put_counters(f->info, a.counter);
	return true;
}

static bool
take_member(struct found *f, const struct ipc_msg *m)
{
	struct alias_ctl_member r;
	struct clua_member_info *out;

	if (!alias_ctl_member_decode(m->data, m->len, &r))
		return false;
	if (f->info == NULL || r.id >= CLUA_MAX_MEMBERS)
		return true;
	out = &f->info->members[r.id];
	out->flags = r.flags;
	out->selw = r.selw;
	out->selp = r.selp;
	out->rpri = r.rpri;
	if (r.id > f->info->maxmember)
		f->info->maxmember = r.id;
	return true;
}

static void
on_row(const struct ipc_msg *m, void *arg)
{
	struct found *f = arg;

	if (m->type == ALIAS_ROW_ALIAS)
		f->bad |= !take_alias(f, m);
	else if (m->type == ALIAS_ROW_MEMBER)
		f->bad |= !take_member(f, m);
}

static clua_status_t
ask(uint16_t type, const struct wire_wr *w, struct found *f)
{
	clua_status_t status = clua_call(type, w->start, wire_wr_len(w), on_row, f);

	if (status == CLUA_SUCCESS && (f->bad || !f->have))
		return CLUA_EBADVERSION;
	return status;
}

static clua_status_t
ask_about(const struct alias_ctl_query *q, struct found *f)
{
	struct wire_wr w;
	uint8_t buf[16];

	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_query_encode(&w, q);
	return ask(ALIAS_API_ALIAS, &w, f);
}

static void
put_address(struct sockaddr *sa, struct in_addr addr)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = addr };

	memcpy(sa, &sin, sizeof(sin));
}

clua_status_t
clua_getdefaultalias(struct sockaddr *sa)
{
	const struct alias_ctl_query q = { .is_default = true };
	struct found f = { 0 };
	clua_status_t status;

	if (sa == NULL) {
		errno = EFAULT;
		return CLUA_ERRNO;
	}
	status = ask_about(&q, &f);
	if (status == CLUA_ENOTALIAS)
		return CLUA_ENODEFAULT;
	if (status == CLUA_SUCCESS)
		put_address(sa, f.addr);
	return status;
}

clua_status_t
clua_getaliasaddress(struct sockaddr *sa, int *context)
{
	struct found f = { 0 };
	clua_status_t status;
	struct wire_wr w;
	uint8_t buf[4];

	if (sa == NULL || context == NULL || *context < 0) {
		errno = sa == NULL || context == NULL ? EFAULT : EINVAL;
		return CLUA_ERRNO;
	}
	wire_wr_init(&w, buf, sizeof(buf));
	wire_wr_u32(&w, (uint32_t)*context);
	status = ask(ALIAS_API_NEXT, &w, &f);
	if (status == CLUA_ENOTALIAS)
		return CLUA_NOMOREALIASES;
	if (status == CLUA_SUCCESS) {
		put_address(sa, f.addr);
		*context = (int)f.id;
	}
	return status;
}

clua_status_t
clua_getaliasinfo(struct sockaddr *sa, struct clua_info *info)
{
	struct alias_ctl_query q = { 0 };
	struct found f = { .info = info };
	struct sockaddr_in sin;

	if (sa == NULL || info == NULL) {
		errno = EFAULT;
		return CLUA_ERRNO;
	}
	memset(info, 0, sizeof(*info));
	info->maxmember = -1;
	memcpy(&sin, sa, sizeof(sin));
	if (sin.sin_family != AF_INET) {
		errno = EAFNOSUPPORT;
		return CLUA_ERRNO;
	}
	q.addr = sin.sin_addr;
	return ask_about(&q, &f);
}

int
clua_isalias(struct in_addr *addr)
{
	struct alias_ctl_query q = { 0 };
	struct found f = { 0 };
	int saved = errno;
	clua_status_t status;

	if (addr == NULL)
		return 0;
	q.addr = *addr;
	status = ask_about(&q, &f);
	if (status != CLUA_ERRNO)
		errno = saved;
	return status == CLUA_SUCCESS;
}
