/* SPDX-License-Identifier: ISC */
/* Programs of somebody else, for the tests of ours. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Also for the other end of a veth: only one with a program takes what XDP sends. */
SEC("xdp")
int
xdp_pass(struct xdp_md *xdp)
{
	return XDP_PASS;
}

/* Every probe frame gets lost: ARP with one of the operation codes for experiments. */
SEC("tc")
int
no_probes(struct __sk_buff *skb)
{
	__u16 op;

	if (skb->protocol != bpf_htons(ETH_P_ARP) || bpf_skb_load_bytes(skb, ETH_HLEN + 6, &op, sizeof(op)))
		return TC_ACT_UNSPEC;
	return op == bpf_htons(24) || op == bpf_htons(25) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";
