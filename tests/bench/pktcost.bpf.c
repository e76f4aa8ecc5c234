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
put_client(struct packet *p, __u32 saddr, __u16 sport, __u32 seq)
{
	struct iphdr *ip = packet_data(p) + ETH_HLEN;
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > packet_end(p))
		return 0;
	ip->saddr = saddr;
	tcp->source = sport;
	if (seq)
		tcp->seq = seq;
	return 1;
}

INLINE int
take_flow(struct packet *p)
{
	__u32 i = next_position() % list_length;
	__u64 *flow = bpf_map_lookup_elem(&flow_list, &i);

	return flow && put_client(p, *flow >> 32, *flow, 0);
}

INLINE int
make_flow(struct packet *p)
{
	__u64 n = (next_position() + 1) * 0x9e3779b97f4a7c15ull;

	return put_client(p, n >> 32, n >> 16, n);
}

INLINE int
floor_send(struct packet *p, struct dp_path_slot *path)
{
	__u32 *frame = packet_data(p), *mac = (__u32 *)path;

	if ((void *)frame + ETH_HLEN > packet_end(p))
		return DROP;
	frame[0] = mac[0];
	frame[1] = mac[1];
	frame[2] = mac[2];
	return bpf_redirect(path->ifindex, 0);
}

/* The key of a TCP packet, or nothing. */
INLINE int
floor_parse(struct packet *p, struct floor_key *key)
{
	struct iphdr *ip = packet_data(p) + ETH_HLEN;
	struct tcphdr *tcp;

	if (packet_protocol(p) != bpf_htons(ETH_P_IP) || (void *)(ip + 1) > packet_end(p))
		return 0;
	if (ip->protocol != IPPROTO_TCP || ip->ihl < 5 || ip->frag_off & bpf_htons(0x3fff))
		return 0;
	tcp = (void *)ip + ip->ihl * 4;
	if ((void *)(tcp + 1) > packet_end(p))
		return 0;
	key->saddr = ip->saddr;
	key->daddr = ip->daddr;
	key->sport = tcp->source;
	key->dport = tcp->dest;
	return 1;
}

INLINE int
floor_known(struct packet *p)
{
	struct dp_path_slot *path;
	struct floor_key key;

	if (!floor_parse(p, &key))
		return PASS;
	path = bpf_map_lookup_elem(&floor_flows, &key);
	return path ? floor_send(p, path) : PASS;
}

struct dp_path_slot floor_path;

INLINE int
floor_insert(struct packet *p)
{
	struct dp_path_slot *path;
	struct floor_key key;
	__u64 value = 1;

	if (!floor_parse(p, &key))
		return PASS;
	path = bpf_map_lookup_elem(&floor_flows, &key);
	if (path)
		return floor_send(p, path);
	bpf_map_update_elem(&floor_lru, &key, &value, BPF_ANY);
	return floor_send(p, &floor_path);
}

/* Each with an entry for both hooks: bench_NAME and bench_NAME_xdp. */
#define BENCH(name, expression)                                                                    \
	SEC("tc")                                                                                  \
	int bench_##name(struct __sk_buff *skb)                                                    \
	{                                                                                          \
		struct packet packet = { .ctx = skb, .hook = HOOK_TC }, *p = &packet;              \
                                                                                                   \
		return expression;                                                                 \
	}                                                                                          \
	SEC("xdp")                                                                                 \
	int bench_##name##_xdp(struct xdp_md *xdp)                                                 \
	{                                                                                          \
		struct packet packet = { .ctx = xdp, .hook = HOOK_XDP }, *p = &packet;             \
                                                                                                   \
		return xdp_verdict(expression);                                                    \
	}

BENCH(empty, ((void)p, PASS))
BENCH(rewrite, floor_send(p, &floor_path))
BENCH(hash, floor_known(p))
BENCH(flow_list, take_flow(p) ? PASS : DROP)
BENCH(flow_hash, take_flow(p) ? floor_known(p) : DROP)
BENCH(flow_clua, take_flow(p) ? lan_packet(p) : DROP)
BENCH(new_lru, make_flow(p) ? floor_insert(p) : DROP)
BENCH(new_clua, make_flow(p) ? lan_packet(p) : DROP)
