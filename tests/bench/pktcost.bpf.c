/* SPDX-License-Identifier: ISC */
/*
 * What a packet costs: our program, and beside it the least that others would have to do. The programs
 * that begin with flow_ take the flow of each packet from a list in random order, the ones with new_
 * make a flow that was never there; both cost the same wherever they are used.
 */
#include "aliasd/bpf/clua.bpf.c"

#define FLOOR_FLOWS 1000000

struct floor_key {
	__u32 saddr, daddr;
	__u16 sport, dport;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct floor_key);
	__type(value, struct dp_path_slot);
	__uint(max_entries, FLOOR_FLOWS);
} floor_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct floor_key);
	__type(value, __u64);
	__uint(max_entries, 65536);
} floor_lru SEC(".maps");

#define LIST 131072
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64); /* client address << 32 | port */
	__uint(max_entries, LIST);
} flow_list SEC(".maps");

const volatile __u32 list_length = 1;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} position SEC(".maps");

INLINE __u64
next_position(void)
{
	__u32 zero = 0;
	__u64 *p = bpf_map_lookup_elem(&position, &zero);

	return p ? (*p)++ : 0;
}

INLINE int
put_client(struct __sk_buff *skb, __u32 saddr, __u16 sport, __u32 seq)
{
	struct iphdr *ip = packet_data(skb) + ETH_HLEN;
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > packet_end(skb))
		return 0;
	ip->saddr = saddr;
	tcp->source = sport;
	if (seq)
		tcp->seq = seq;
	return 1;
}

INLINE int
take_flow(struct __sk_buff *skb)
{
	__u32 i = next_position() % list_length;
	__u64 *flow = bpf_map_lookup_elem(&flow_list, &i);

	return flow && put_client(skb, *flow >> 32, *flow, 0);
}

INLINE int
make_flow(struct __sk_buff *skb)
{
	__u64 n = (next_position() + 1) * 0x9e3779b97f4a7c15ull;

	return put_client(skb, n >> 32, n >> 16, n);
}

INLINE int
floor_send(struct __sk_buff *skb, struct dp_path_slot *path)
{
	__u32 *frame = packet_data(skb), *mac = (__u32 *)path;

	if ((void *)frame + ETH_HLEN > packet_end(skb))
		return DROP;
	frame[0] = mac[0];
	frame[1] = mac[1];
	frame[2] = mac[2];
	return bpf_redirect(path->ifindex, 0);
}

/* The key of a TCP packet, or nothing. */
INLINE int
floor_parse(struct __sk_buff *skb, struct floor_key *key)
{
	struct iphdr *ip = packet_data(skb) + ETH_HLEN;
	struct tcphdr *tcp;

	if (skb->protocol != bpf_htons(ETH_P_IP) || (void *)(ip + 1) > packet_end(skb))
		return 0;
	if (ip->protocol != IPPROTO_TCP || ip->ihl < 5 || ip->frag_off & bpf_htons(0x3fff))
		return 0;
	tcp = (void *)ip + ip->ihl * 4;
	if ((void *)(tcp + 1) > packet_end(skb))
		return 0;
	key->saddr = ip->saddr;
	key->daddr = ip->daddr;
	key->sport = tcp->source;
	key->dport = tcp->dest;
	return 1;
}

INLINE int
floor_known(struct __sk_buff *skb)
{
	struct dp_path_slot *path;
	struct floor_key key;

	if (!floor_parse(skb, &key))
		return PASS;
	path = bpf_map_lookup_elem(&floor_flows, &key);
	return path ? floor_send(skb, path) : PASS;
}

struct dp_path_slot floor_path;

INLINE int
floor_insert(struct __sk_buff *skb)
{
	struct dp_path_slot *path;
	struct floor_key key;
	__u64 value = 1;

	if (!floor_parse(skb, &key))
		return PASS;
	path = bpf_map_lookup_elem(&floor_flows, &key);
	if (path)
		return floor_send(skb, path);
	bpf_map_update_elem(&floor_lru, &key, &value, BPF_ANY);
	return floor_send(skb, &floor_path);
}

SEC("tc")
int
bench_empty(struct __sk_buff *skb)
{
	return PASS;
}

SEC("tc")
int
bench_rewrite(struct __sk_buff *skb)
{
	return floor_send(skb, &floor_path);
}

SEC("tc")
int
bench_hash(struct __sk_buff *skb)
{
	return floor_known(skb);
}

SEC("tc")
int
bench_flow_list(struct __sk_buff *skb)
{
	return take_flow(skb) ? PASS : DROP;
}

SEC("tc")
int
bench_flow_hash(struct __sk_buff *skb)
{
	return take_flow(skb) ? floor_known(skb) : DROP;
}

SEC("tc")
int
bench_flow_clua(struct __sk_buff *skb)
{
	return take_flow(skb) ? lan_packet(skb) : DROP;
}

SEC("tc")
int
bench_new_lru(struct __sk_buff *skb)
{
	return make_flow(skb) ? floor_insert(skb) : DROP;
}

SEC("tc")
int
bench_new_clua(struct __sk_buff *skb)
{
	return make_flow(skb) ? lan_packet(skb) : DROP;
}
