/* SPDX-License-Identifier: ISC */
/*
 * Mutated frames through the packet programs: a frame may be redirected only if it is an IPv4 packet,
 * untagged, for an alias, to a path of a member, unchanged but for its addresses; or an ARP request for
 * an alias, answered. The argument is the number of frames, the second one the seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/bpf/rig.h"

#define CLIENT "10.1.0.101"

static struct rig rig;
static uint64_t state;
static unsigned long verdicts[3]; /* passed, dropped, redirected */

static uint32_t
number(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 20) % below;
}

static const char *const addresses[] = { RIG_ALIAS, RIG_ALIAS, RIG_ALIAS, "10.1.0.99", "10.1.0.11",
	"10.77.0.1" };

static void
build(struct frame *f)
{
	static const uint8_t zero[6];
	const char *dst = addresses[number(6)];
	uint16_t ports[] = { 80, 53, 81, 443 }, port = ports[number(4)];

	if (number(8) == 0) {
		frame_ether(f, number(2) ? rig_broadcast : rig.lan_mac, rig_client_mac, 0x0806);
		frame_arp(f, 1 + number(2), rig_client_mac, CLIENT, zero, dst);
		frame_data(f, number(30));
		return;
	}
	frame_ether(f, rig.lan_mac, rig_client_mac, 0x0800);
	switch (number(4)) {
	case 0:
		frame_ip(f, CLIENT, dst, IPPROTO_UDP, number(11) * 4);
		frame_udp(f, 1000 + number(100), port);
		break;
	case 1:
		frame_ip(f, CLIENT, dst, IPPROTO_ICMP, number(11) * 4);
		frame_icmp(f, number(20), number(8));
		memcpy(f->b + f->len, f->b + 14, 28); /* something to quote */
		f->len += 28;
		break;
	default:
		frame_ip(f, CLIENT, dst, IPPROTO_TCP, number(11) * 4);
		frame_tcp(f, 1000 + number(100), port, number(32), number(10));
	}
	frame_data(f, number(100));
	if (number(4) == 0)
		frame_fragment(f, number(50), number(4) * 8, number(2));
	frame_finish(f);
	if (number(16) == 0)
		frame_vlan(f, number(4096));
}

static void
mutate(struct frame *f)
{
	uint32_t n = number(5), at;

	while (n--) {
		/* Mostly where the headers are. */
		at = number(number(3) ? (f->len < 60 ? f->len : 60) : f->len);
		switch (number(4)) {
		case 0:
			f->b[at] ^= 1u << number(8);
			break;
		case 1:
			f->b[at] = number(256);
			break;
		case 2:
			f->b[at] = number(2) ? 0xff : 0;
			break;
		default:
			f->len = 15 + number(f->len - 14);
		}
		if (f->len < 20)
			f->len = 20;
	}
}

static bool
is_alias(const uint8_t *p)
{
	uint32_t a;

	memcpy(&a, p, sizeof(a));
	return a == addr(RIG_ALIAS) || a == addr("10.1.0.99");
}

static bool
is_probe(const struct frame *in)
{
	return in->len >= 42 && in->b[12] == 0x08 && in->b[13] == 0x06 && in->b[20] == 0 &&
	    (in->b[21] == DP_PROBE_ASK || in->b[21] == DP_PROBE_ANSWER) &&
	    (memcmp(in->b, rig.lan_mac, 6) == 0 || memcmp(in->b, rig_broadcast, 6) == 0);
}

static bool
may_redirect(const struct frame *in, const struct frame *out)
{
	if (out->len != in->len)
		return false;
	if (in->b[12] == 0x08 && in->b[13] == 0x00)
		return in->len >= 34 && is_alias(in->b + 30) && in->b[14] >> 4 == 4 &&
		    memcmp(in->b, rig.lan_mac, 6) == 0 && out->b[0] == 0x02 && out->b[1] == 0xaa &&
		    memcmp(out->b + 6, rig.link_mac, 6) == 0 &&
		    memcmp(in->b + 12, out->b + 12, in->len - 12) == 0;
	if (is_probe(in) && in->b[21] == DP_PROBE_ASK)
		return memcmp(out->b, in->b + 6, 6) == 0 && memcmp(out->b + 6, rig.lan_mac, 6) == 0 &&
		    out->b[21] == DP_PROBE_ANSWER;
	return in->b[12] == 0x08 && in->b[13] == 0x06 && in->len >= 42 && is_alias(in->b + 38) &&
	    in->b[20] == 0 && in->b[21] == 1 && memcmp(out->b, in->b + 6, 6) == 0 &&
	    memcmp(out->b + 28, in->b + 38, 4) == 0 && out->b[21] == 2;
}

static bool
dropped_rightly(const struct frame *in)
{
	if (in->b[12] == 0x08 && in->b[13] == 0x00)
		return in->len >= 34 && is_alias(in->b + 30);
	return is_probe(in) ||
	    (in->b[12] == 0x08 && in->b[13] == 0x06 && in->len >= 42 && is_alias(in->b + 38));
}

/* As it came; but who announces an alias of ours by a request is not to be answered by the kernel. */
static bool
passed_rightly(const struct frame *in, const struct frame *out)
{
	struct frame same = *in;

	if (in->len >= 42 && in->b[12] == 0x08 && in->b[13] == 0x06 && in->b[21] == 1 &&
	    is_alias(in->b + 38) && memcmp(in->b + 28, in->b + 38, 4) == 0)
		same.b[21] = out->b[21] == 2 ? 2 : 1;
	return out->len == in->len && memcmp(out->b, same.b, in->len) == 0;
}

static void
complain(const struct frame *f, unsigned long n, const char *what)
{
	size_t i;

	fprintf(stderr, "frame %lu: %s\n", n, what);
	for (i = 0; i < f->len; i++)
		fprintf(stderr, "%02x%s", f->b[i], i % 16 == 15 ? "\n" : " ");
	fprintf(stderr, "\n");
	exit(1);
}

static void
check_frame(const struct frame *f, unsigned long n)
{
	static struct run r;

	if (rig_try(&rig, f, &r) < 0) /* the kernel does not run such a frame at all */
		return;
	if (r.verdict == RIG_PASS) {
		verdicts[0]++;
		if (!passed_rightly(f, &r.out))
			complain(f, n, "passed, but changed");
	} else if (r.verdict == RIG_DROP) {
		verdicts[1]++;
		if (!dropped_rightly(f))
			complain(f, n, "dropped, but not for an alias");
	} else if (r.verdict == RIG_REDIRECT) {
		verdicts[2]++;
		if (!may_redirect(f, &r.out))
			complain(f, n, "redirected, but may not be");
	} else
		complain(f, n, "an unknown verdict");
}

static void
prepare(void)
{
	static const struct dp_target t[] = { { 2, 3 }, { 3, 2 } };
	struct dp_conn c;
	unsigned i;

	rig_open(&rig);
	for (i = 0; i < 2; i++) {
		rig_alias(&rig, i ? "10.1.0.99" : RIG_ALIAS, !i);
		rig_service(&rig, i ? "10.1.0.99" : RIG_ALIAS, IPPROTO_TCP, 80, 2, t);
		rig_service(&rig, i ? "10.1.0.99" : RIG_ALIAS, IPPROTO_UDP, 53, 2, t);
	}
	rig_paths(&rig, 2, 2);
	rig_paths(&rig, 3, 1);
	for (i = 0; i < 50; i++) {
		c = rig_conn(CLIENT, 1000 + i, RIG_ALIAS, 80);
		datapath_set_flow(rig.dp, &c, 1 + i % 4);
	}
}

/* Out of clua0, and into it: nothing is sent on that is not for an alias. */
static void
check_own(const struct frame *f, unsigned long n)
{
	static struct run r;

	if (rig_try_own(&rig, f, &r) == 0) {
		if (r.verdict == RIG_PASS)
			complain(f, n, "passed by the program of clua0");
		if (r.verdict == RIG_REDIRECT && !dropped_rightly(f))
			complain(f, n, "redirected by the program of clua0, but not for an alias");
	}
	if (rig_try_again(&rig, f, &r) == 0 && r.verdict != RIG_PASS && !dropped_rightly(f))
		complain(f, n, "redirected on its way into clua0, but not for an alias");
}

int
main(int argc, char **argv)
{
	unsigned long n, count = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
	static struct frame f;
	static struct run r;

	state = argc > 2 ? strtoull(argv[2], NULL, 10) | 1 : 88172645463325252ull;
	rig_isolate();
	prepare();
	for (n = 0; n < count; n++) {
		build(&f);
		mutate(&f);
		rig.xdp = n & 1;
		check_frame(&f, n);
		if (n % 8 == 1)
			check_own(&f, n);
		if (n % 8 == 0)
			rig_try_link(&rig, &f, &r);
		if (n % 256 == 0)
			datapath_poll(rig.dp);
	}
	printf("%lu frames: %lu passed, %lu dropped, %lu redirected\n", count, verdicts[0], verdicts[1],
	    verdicts[2]);
	rig_close(&rig);
	return verdicts[0] && verdicts[1] && verdicts[2] ? 0 : 1;
}
