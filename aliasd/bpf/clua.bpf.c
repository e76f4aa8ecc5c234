/* SPDX-License-Identifier: ISC */
/* The data plane: one program on LAN interfaces, one on links, two that watch this host's sockets. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "entry.h"
#include "sock.h"

SEC("tc")
int
clua_lan(struct __sk_buff *skb)
{
	return lan_packet(skb);
}

SEC("tc")
int
clua_link(struct __sk_buff *skb)
{
	return link_packet(skb);
}

char _license[] SEC("license") = "Dual BSD/GPL";
