/* SPDX-License-Identifier: ISC */
/* How members are reached, and how what they send us is known. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/datapath/datapath_int.h"
#include "common/log.h"

static bool
same_paths(const struct dp_path_slot *slot, const struct dp_path *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (slot[i].ifindex != p[i].ifindex || slot[i].limit != p[i].limit ||
		    slot[i].remote != p[i].remote.s_addr || slot[i].local != p[i].local.s_addr ||
		    memcmp(slot[i].dst, p[i].dst, 6) != 0 || memcmp(slot[i].src, p[i].src, 6) != 0)
			return false;
	return true;
}

/* Into the bank after the one in use, then one word makes it the one in use. */
int
datapath_set_paths(struct datapath *dp, uint16_t node, const struct dp_path *p, size_t n)
{
	struct dp_node_slot *slot;
	uint32_t bank;
	size_t i;

	if (node >= DP_NODES || n > DP_PATHS) {
		errno = EINVAL;
		return -1;
	}
	slot = &dp->state.nodes[node];
	bank = slot->current >> 8 & (DP_PATH_BANKS - 1);
	if ((slot->current & 0xff) == n && same_paths(slot->path[bank], p, n))
		return 0;
	bank = (bank + 1) % DP_PATH_BANKS;
	for (i = 0; i < n; i++) {
		memcpy(slot->path[bank][i].dst, p[i].dst, 6);
		memcpy(slot->path[bank][i].src, p[i].src, 6);
		slot->path[bank][i].ifindex = p[i].ifindex;
		slot->path[bank][i].limit = p[i].limit;
		slot->path[bank][i].remote = p[i].remote.s_addr;
		slot->path[bank][i].local = p[i].local.s_addr;
	}
	__atomic_store_n(&slot->current, bank << 8 | n, __ATOMIC_RELEASE);
	return 0;
}

static uint64_t
mac_number(const uint8_t mac[6])
{
	uint16_t first;
	uint32_t rest;

	memcpy(&first, mac, sizeof(first));
	memcpy(&rest, mac + sizeof(first), sizeof(rest));
	return dp_mac_number(first, rest);
}

static bool
among(uint64_t number, const uint8_t (*mac)[6], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (mac_number(mac[i]) == number)
			return true;
	return false;
}

/* Removes those of the node that are not in the list; collects the filter of all that stay. */
static void
sweep(int map, uint16_t node, const uint8_t (*mac)[6], size_t n, uint64_t filter[4096 / 64])
{
	uint64_t key, next;
	uint32_t owner;
	int more = bpf_map_get_next_key(map, NULL, &next);

	while (more == 0) {
		key = next;
		more = bpf_map_get_next_key(map, &key, &next);
		if (bpf_map_lookup_elem(map, &key, &owner) < 0)
			continue;
		if (owner == node && !among(key, mac, n))
			bpf_map_delete_elem(map, &key);
		else
			filter[dp_mac_hash(key) / 64] |= 1ull << (dp_mac_hash(key) % 64);
	}
}

int
datapath_set_member_macs(struct datapath *dp, uint16_t node, const uint8_t (*mac)[6], size_t n)
{
	int map = bpf_map__fd(dp->skel->maps.macs);
	uint64_t filter[4096 / 64] = { 0 }, key;
	uint32_t owner = node;
	size_t i;

	for (i = 0; i < n; i++) {
		key = mac_number(mac[i]);
		if (bpf_map_update_elem(map, &key, &owner, BPF_ANY) < 0) {
			log_err("datapath", "too many addresses of members");
			return -1;
		}
	}
	sweep(map, node, mac, n, filter);
	for (i = 0; i < 4096 / 64; i++)
		__atomic_store_n(&dp->state.mac_filter[i], filter[i], __ATOMIC_RELAXED);
	return 0;
}

static bool
is_one_of(uint32_t addr, const struct in_addr *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i].s_addr == addr)
			return true;
	return false;
}

int
datapath_set_member_addrs(struct datapath *dp, uint16_t node, const struct in_addr *list, size_t n)
{
	int map = bpf_map__fd(dp->skel->maps.tunnel_peers), more, err = 0;
	uint32_t key, next, owner = node;
	size_t i;

	for (i = 0; i < n && err == 0; i++)
		err = bpf_map_update_elem(map, &list[i].s_addr, &owner, BPF_ANY);
	more = bpf_map_get_next_key(map, NULL, &next);
	while (more == 0) {
		key = next;
		more = bpf_map_get_next_key(map, &key, &next);
		if (bpf_map_lookup_elem(map, &key, &owner) == 0 && owner == node && !is_one_of(key, list, n))
			bpf_map_delete_elem(map, &key);
	}
	if (err)
		log_err("datapath", "addresses of node %u", node);
	return err ? -1 : 0;
}
