/* SPDX-License-Identifier: ISC */
/*
 * The least that a redirecting program can do, to measure ours against: every IPv4 packet for one address
 * gets two MAC addresses and goes out of one interface. Compile-time constants:
 *   ADDRESS  in network byte order, as a number    IFINDEX  where to
 *   DST, SRC the six bytes of each, with commas
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>

#define SEC(name) __attribute__((section(name), used))

static long (*const redirect)(__u32 ifindex, __u64 flags) = (void *)BPF_FUNC_redirect;

SEC("classifier")
int
redirect_all(struct __sk_buff *skb)
{
	static const __u8 macs[12] = {DST, SRC};
	__u8 *p = (void *)(long)skb->data;

	if (p + 34 > (__u8 *)(long)skb->data_end || p[12] != 8 || p[13] != 0)
		return TC_ACT_UNSPEC; /* the next program, if there is one */
	if (*(__u32 *)(p + 30) != ADDRESS)
		return TC_ACT_UNSPEC; /* the next program, if there is one */
	for (int i = 0; i < 12; i++)
		p[i] = macs[i];
	return (int)redirect(IFINDEX, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
