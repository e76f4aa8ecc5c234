/* SPDX-License-Identifier: ISC */
/* Whose a segment is: of SYN cookies and sequence numbers the kernel tells a program alone. */
#include <netinet/tcp.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/datapath/datapath_int.h"
#include "common/wire.h"

#define ETH_LEN 14
#define IP_LEN 20
#define TCP_LEN 20
#define FRAME_LEN (ETH_LEN + IP_LEN + TCP_LEN)

/* As much of the packet as decides. */
static void
build(uint8_t f[FRAME_LEN], const struct dp_conn *c, bool acks, uint32_t seq, uint32_t ack)
{
	uint8_t *ip = f + ETH_LEN, *tcp = ip + IP_LEN;

	memset(f, 0, FRAME_LEN);
	f[12] = 0x08;
	ip[0] = 0x45;
	wire_put_u16(ip + 2, IP_LEN + TCP_LEN);
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	memcpy(ip + 12, &c->client, 4);
	memcpy(ip + 16, &c->alias, 4);
	memcpy(tcp, &c->client_port, 2);
	memcpy(tcp + 2, &c->port, 2);
	wire_put_u32(tcp + 4, seq);
	wire_put_u32(tcp + 8, ack);
	tcp[12] = TCP_LEN / 4 << 4;
	tcp[13] = acks ? TH_ACK : TH_RST;
}

bool
datapath_takes_segment(
    struct datapath *dp, const struct dp_conn *c, bool acks, uint32_t seq, uint32_t ack)
{
	uint8_t frame[FRAME_LEN];
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
	    .repeat = 1);

	build(frame, c, acks, seq, ack);
	return bpf_prog_test_run_opts(bpf_program__fd(dp->skel->progs.clua_segment), &opts) == 0 &&
	    opts.retval == 1;
}
