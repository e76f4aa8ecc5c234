/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/ipc.h"
#include "common/ipc_sock.h"
#include "common/wire.h"

const char ipc_other_version[] = "other version of the control protocol";

void
ipc_hdr_encode(uint8_t hdr[IPC_HDR_LEN], uint16_t type, uint32_t reqid, size_t len)
{
	struct wire_wr w;

	wire_wr_init(&w, hdr, IPC_HDR_LEN);
	wire_wr_u16(&w, IPC_MAGIC);
	wire_wr_u8(&w, IPC_VERSION);
	wire_wr_u8(&w, 0); /* flags */
	wire_wr_u16(&w, type);
	wire_wr_u16(&w, 0);
	wire_wr_u32(&w, (uint32_t)len);
	wire_wr_u32(&w, reqid);
}

const char *
ipc_decode(const uint8_t *pkt, size_t len, struct ipc_msg *msg)
{
	struct wire_rd r;
	uint32_t paylen;
	uint16_t magic;
	uint8_t version;

	memset(msg, 0, sizeof(*msg));
	if (len < IPC_HDR_LEN)
		return "shorter than its header";
	wire_rd_init(&r, pkt, len);
	magic = wire_rd_u16(&r);
	version = wire_rd_u8(&r);
	msg->flags = wire_rd_u8(&r);
	msg->type = wire_rd_u16(&r);
	wire_rd_u16(&r); /* to be ignored until it gets a meaning */
	paylen = wire_rd_u32(&r);
	msg->reqid = wire_rd_u32(&r);
	if (magic != IPC_MAGIC)
		return "not a control message";
	/* Magic, version and request id keep their places in every version: it can be answered. */
	if (version != IPC_VERSION)
		return ipc_other_version;
	if (paylen > IPC_MAX_PAYLOAD)
		return "payload too long";
	if (paylen != wire_rd_left(&r))
		return "payload length does not match the packet";
	msg->data = wire_rd_view(&r, paylen);
	msg->len = paylen;
	return NULL;
}

bool
ipc_allowed(const struct ipc_peer *peer, bool have_group, gid_t group, enum ipc_right right)
{
	if (peer->uid == 0)
		return true;
	if (right != IPC_READ || !have_group)
		return false;
	if (peer->gid == group)
		return true;
	for (size_t i = 0; i < peer->ngroups; i++)
		if (peer->groups[i] == group)
			return true;
	return false;
}
