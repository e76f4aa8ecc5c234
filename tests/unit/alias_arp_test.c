/* SPDX-License-Identifier: ISC */
/* What decides about ARP: questions, conflicts, handing over, watching masters. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/acd.h"
#include "aliasd/core/ask.h"
#include "aliasd/core/frame.h"
#include "aliasd/core/garp.h"
#include "aliasd/core/formers.h"
#include "aliasd/core/handover.h"
#include "aliasd/core/heap.h"
#include "aliasd/core/peers.h"
#include "aliasd/core/vigil.h"
#include "common/clock.h"
#include "proto/alias_msg_list.h"
#include "tests/unit/unit.h"

#define MS NSEC_PER_MSEC

static const uint8_t stranger[6] = { 2, 0, 0, 0, 0, 9 };
static char said[512]; /* what the callbacks did, one letter each */

static struct in_addr
ip(const char *text)
{
	struct in_addr a;

	ck_assert_int_eq(inet_pton(AF_INET, text, &a), 1);
	return a;
}

static void
say(const char *word)
{
	ck_assert_uint_lt(strlen(said) + strlen(word), sizeof(said) - 1);
	strcat(said, word);
}

static void
expect(const char *words)
{
	ck_assert_str_eq(said, words);
	said[0] = '\0';
}

START_TEST(heaps)
{
	struct heap h = { 0 };
	struct heap_item it[200] = { 0 };
	uint64_t last = 0;
	size_t i;

	ck_assert_ptr_null(heap_first(&h));
	ck_assert_uint_eq(heap_due(&h), HEAP_NEVER);
	for (i = 0; i < 200; i++)
		heap_set(&h, &it[i], i * 7919 % 200);
	for (i = 0; i < 200; i += 3)
		heap_del(&h, &it[i]);
	heap_del(&h, &it[0]);
	heap_set(&h, &it[1], 1000);
	for (i = 0; heap_first(&h) != NULL; i++) {
		ck_assert_uint_ge(heap_due(&h), last);
		last = heap_due(&h);
		heap_del(&h, heap_first(&h));
	}
	ck_assert_uint_eq(i, 133);
	ck_assert_uint_eq(last, 1000);
	heap_clear(&h);
}
END_TEST

static bool listening; /* whether the next answer is the one that was waited for */

static void
on_send(const struct ask_question *q, void *arg)
{
	say(q->what == ASK_NEW ? "n" : "s");
}

static bool
on_answer(const struct ask_question *q, const uint8_t mac[6], bool direct, void *arg)
{
	say(q->what == ASK_NEW ? "N" : "S");
	return listening;
}

static void
on_silence(const struct ask_question *q, void *arg)
{
	say(q->what == ASK_NEW ? "-" : "_");
}

static const struct ask_ops ask_ops = { on_send, on_answer, on_silence };

START_TEST(questions)
{
	struct ask *a = ask_new(&ask_ops, NULL);
	struct ask_question q = { .what = ASK_NEW, .addr = ip("10.1.0.1") };
	struct ask_question set = { .what = ASK_SET, .addr = q.addr, .ref = 5 };
	uint64_t t = NSEC_PER_SEC;

	ck_assert_uint_eq(ask_run(a, t), ASK_NEVER);
	ask_start(a, &q, 3, 10 * MS, t);
	ask_start(a, &q, 3, 10 * MS, t); /* is being asked already */
	ck_assert_uint_eq(ask_run(a, t), t + 10 * MS);
	ck_assert_uint_eq(ask_run(a, t + 9 * MS), t + 10 * MS);
	ask_run(a, t + 10 * MS);
	ask_run(a, t + 20 * MS);
	expect("nnn");
	ck_assert_uint_eq(ask_run(a, t + 30 * MS), ASK_NEVER);
	expect("-");
	/* Two reasons to ask for the same address. */
	ask_start(a, &q, 3, 10 * MS, t);
	ask_start(a, &set, 3, 10 * MS, t);
	listening = false;
	ask_heard(a, ip("10.1.0.2"), stranger, true);
	expect("");
	ask_heard(a, q.addr, stranger, true);
	expect("SN");
	listening = true;
	ask_stop(a, ASK_NEW, q.addr);
	ask_heard(a, q.addr, stranger, true);
	expect("S");
	ck_assert(!ask_pending(a, ASK_SET, q.addr));
	ck_assert_uint_eq(ask_due(a), ASK_NEVER);
	ask_start(a, &q, 1, MS, t); /* and freed while it is asked */
	ask_free(a);
}
END_TEST

START_TEST(questions_are_paced)
{
	struct ask *a = ask_new(&ask_ops, NULL);
	struct ask_question q = { .what = ASK_NEW };
	uint64_t t = NSEC_PER_SEC;
	uint32_t i;

	for (i = 1; i <= 300; i++) {
		q.addr.s_addr = i;
		ask_start(a, &q, 1, NSEC_PER_SEC, t);
	}
	ck_assert_uint_gt(ask_run(a, t), t);
	ck_assert_uint_eq(strlen(said), 256);
	ck_assert_uint_lt(ask_run(a, t + 2 * MS), t + NSEC_PER_SEC + MS);
	ck_assert_uint_eq(strlen(said), 300);
	said[0] = '\0';
	ask_free(a);
}
END_TEST

static void
on_look(const struct acd_conflict *c, void *arg)
{
	say(c->used ? "U" : "u");
}

START_TEST(conflicts)
{
	struct acd *a = acd_new();
	struct acd_conflict c = { .addr = ip("10.1.0.1") };
	uint64_t t = NSEC_PER_SEC, next;

	memcpy(c.mac, stranger, 6);
	ck_assert(!acd_clear(a, c.addr));
	ck_assert(acd_note(a, &c, t));
	ck_assert(!acd_note(a, &c, t)); /* no news */
	c.used = true;
	ck_assert(acd_note(a, &c, t));
	c.mac[5]++;
	ck_assert(acd_note(a, &c, t));
	ck_assert_uint_eq(acd_get(a, c.addr)->mac[5], 10);
	next = acd_run(a, t, on_look, NULL);
	expect("");
	ck_assert_uint_gt(acd_run(a, next, on_look, NULL), next);
	expect("U");
	ck_assert(acd_clear(a, c.addr));
	ck_assert_ptr_null(acd_get(a, c.addr));
	ck_assert_uint_eq(acd_run(a, next * 2, on_look, NULL), ACD_NEVER);
	acd_free(a);
}
END_TEST

static void
on_garp(struct in_addr a, bool both, void *arg)
{
	say("g");
}

/* RFC 5227, 2.4 (c): at once, and then no sooner than ten seconds later; but then in any case. */
START_TEST(defence)
{
	struct garp *g = garp_new();
	struct in_addr a = ip("10.1.0.1");
	uint64_t t = NSEC_PER_SEC, c = 100 * NSEC_PER_SEC, next;

	garp_start(g, a, t);
	while (t < 2 * NSEC_PER_SEC)
		t = garp_run(g, t, on_garp, NULL);
	while (t < c)
		t = garp_run(g, t, on_garp, NULL);
	said[0] = '\0';
	ck_assert(garp_claim(g, a, GARP_FOREIGN, c));
	garp_run(g, c, on_garp, NULL);
	expect("g");
	ck_assert(!garp_claim(g, a, GARP_FOREIGN, c + 1));
	next = garp_run(g, c + 1, on_garp, NULL);
	expect("");
	ck_assert_uint_le(next, c + 10 * NSEC_PER_SEC);
	garp_run(g, next, on_garp, NULL);
	expect("g");
	ck_assert(garp_claim(g, a, GARP_FOREIGN, c + 10 * NSEC_PER_SEC));
	garp_free(g);
}
END_TEST

static void
on_ask(struct in_addr a, uint16_t node, void *arg)
{
	say("?");
}

static void
on_take(struct in_addr a, void *arg)
{
	say("t");
}

START_TEST(handing_over)
{
	static const struct handover_ops ops = { on_ask, on_take };
	struct handover *h = handover_new(&ops, NULL);
	struct in_addr a = ip("10.1.0.1"), b = ip("10.1.0.2");
	uint64_t t = NSEC_PER_SEC, next;

	handover_wait(h, a, 3, NSEC_PER_SEC, t);
	handover_wait(h, b, 3, NSEC_PER_SEC, t);
	next = handover_run(h, t);
	expect("??");
	handover_released(h, a, 2); /* another node's word is nothing */
	handover_gone(h, 2);
	expect("");
	handover_released(h, a, 3);
	handover_released(h, a, 3);
	expect("t");
	handover_run(h, next);
	expect("?");
	handover_gone(h, 3);
	expect("t");
	/* One that hangs: it must have ended by then. */
	handover_wait(h, a, 3, NSEC_PER_SEC, t);
	handover_wait(h, b, 3, NSEC_PER_SEC, t);
	handover_drop(h, b);
	handover_run(h, t + NSEC_PER_SEC - 1);
	expect("?");
	ck_assert_uint_eq(handover_run(h, t + NSEC_PER_SEC), HANDOVER_NEVER);
	expect("t");
	handover_wait(h, a, 3, NSEC_PER_SEC, t);
	handover_clear(h);
	ck_assert_uint_eq(handover_run(h, t + NSEC_PER_SEC), HANDOVER_NEVER);
	expect("");
	handover_free(h);
}
END_TEST

START_TEST(who_were_masters)
{
	struct formers f = { 0 };
	uint16_t node;

	ck_assert_uint_eq(formers_last(&f, 0), FORMERS_NONE);
	formers_add(&f, 5, 100);
	formers_add(&f, 4, 101);
	formers_add(&f, 5, 90); /* it goes on for as long as was said */
	ck_assert_uint_eq(formers_last(&f, 99), 4);
	formers_del(&f, 4);
	formers_del(&f, 7);
	ck_assert_uint_eq(formers_last(&f, 99), 5);
	ck_assert_uint_eq(formers_last(&f, 100), FORMERS_NONE);
	formers_add(&f, 5, 110);
	ck_assert_uint_eq(formers_last(&f, 100), 5);
	formers_clear(&f);
	ck_assert_uint_eq(formers_last(&f, 0), FORMERS_NONE);

	for (node = 0; node <= FORMERS_MAX; node++)
		formers_add(&f, node, 200 + node);
	formers_add(&f, 9, 10); /* ends before all of those */
	for (node = FORMERS_MAX; node > 0; node--) {
		ck_assert_uint_eq(formers_last(&f, 0), node);
		formers_del(&f, node);
	}
	ck_assert_uint_eq(formers_last(&f, 0), FORMERS_NONE);
}
END_TEST

static size_t others;
static bool hearing;

static void
p_check(struct in_addr a, uint16_t m, void *arg)
{
	say("c");
}

static void
p_announce(struct in_addr a, uint16_t m, void *arg)
{
	say("a");
}

static size_t
p_opinions(struct in_addr a, uint16_t m, void *arg)
{
	say("o");
	return others;
}

static bool
p_hears(void *arg)
{
	return hearing;
}

static void
p_mark(struct in_addr a, uint16_t m, void *arg)
{
	say("M");
}

static void
p_unsure(struct in_addr a, uint16_t m, void *arg)
{
	say("u");
}

static const struct vigil_ops vigil_ops = { p_check, p_announce, p_opinions, p_hears, p_mark, p_unsure };

/* Until the vote: silence, announcement, silence again. */
static uint64_t
to_vote(struct vigil *p, struct in_addr a, uint64_t t)
{
	vigil_silence(p, a, 1, t);
	expect("a");
	t = vigil_run(p, t);
	vigil_run(p, t);
	expect("c");
	vigil_silence(p, a, 1, t);
	expect("o");
	return t;
}

START_TEST(watching_masters)
{
	struct vigil *p = vigil_new(&vigil_ops, NULL);
	struct in_addr a = ip("10.1.0.1");
	uint64_t t = NSEC_PER_SEC;

	/* All hear nothing. */
	others = 2;
	t = to_vote(p, a, t);
	vigil_opinion(p, a, 1, false, t);
	vigil_run(p, t);
	expect("");
	vigil_opinion(p, a, 1, false, t);
	vigil_run(p, t);
	expect("M");
	/* One hears it. */
	t = to_vote(p, a, t);
	vigil_opinion(p, a, 1, false, t);
	vigil_opinion(p, a, 2, true, t); /* of another master */
	vigil_opinion(p, a, 1, true, t);
	expect("u");
	ck_assert_uint_eq(vigil_run(p, t * 9), VIGIL_NEVER);
	/* Half of them do not say. */
	t = to_vote(p, a, t);
	vigil_opinion(p, a, 1, false, t);
	vigil_run(p, vigil_run(p, t));
	expect("u");
	/* Nobody else: what we hear of others counts. */
	others = 0;
	hearing = false;
	t = to_vote(p, a, t);
	vigil_run(p, t);
	expect("u");
	hearing = true;
	t = to_vote(p, a, t);
	vigil_run(p, t);
	expect("M");
	/* It answers before that. */
	vigil_silence(p, a, 1, t);
	vigil_heard(p, a);
	expect("a");
	ck_assert_uint_eq(vigil_run(p, t * 9), VIGIL_NEVER);
	/* It is another: from the beginning. */
	vigil_silence(p, a, 1, t);
	vigil_silence(p, a, 2, t);
	expect("aa");
	vigil_free(p);
}
END_TEST

START_TEST(who_watches)
{
	static const uint16_t ids[] = { 2, 5, 9 };

	ck_assert_uint_eq(vigil_choose(2, ids, 3), 5);
	ck_assert_uint_eq(vigil_choose(5, ids, 3), 9);
	ck_assert_uint_eq(vigil_choose(9, ids, 3), 2);
	ck_assert_uint_eq(vigil_choose(2, ids, 1), 2);
	ck_assert_uint_eq(vigil_choose(7, ids, 0), 7);
}
END_TEST

/* As a message that came in, and as the sender wrote it. */
static void
tell_step(struct peers *p, uint16_t node, bool vmac, uint8_t step, const struct alias_lan *lan, size_t n,
    bool news)
{
	static const uint8_t prefix[2] = { 0xaa, 1 };
	struct alias_list list;
	struct alias_msg m;
	struct wire_wr w;
	uint8_t buf[512];
	size_t i, len;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_list_begin_lan(&list, &w, vmac, step, prefix);
	for (i = 0; i < n; i++)
		alias_list_lan(&list, &lan[i]);
	alias_list_end(&list);
	len = wire_wr_len(&w);
	for (i = 0; i < len; i++)
		ck_assert(!alias_msg_decode(buf, i, &m));
	ck_assert(alias_msg_decode(buf, len, &m));
	ck_assert_int_eq(peers_set(p, node, &m), news);
}

static void
tell(struct peers *p, uint16_t node, bool vmac, const struct alias_lan *lan, size_t n, bool news)
{
	tell_step(p, node, vmac, 0, lan, n, news);
}

START_TEST(members_are_no_strangers)
{
	struct alias_lan lan[2] = { { .mac = { 2, 0, 0, 0, 0, 1 }, .prefixlen = 24, .carrier = 1 },
		{ .mac = { 2, 0, 0, 0, 0, 2 }, .prefixlen = 24 } };
	static const uint8_t vmac[6] = { 0xaa, 1, 10, 1, 0, 100 };
	struct peers *p = peers_new();
	struct in_addr a = ip("10.1.0.100");
	struct peer_lan got;

	ck_assert(!peers_get(p, 3, &got));
	tell(p, 3, false, lan, 2, true);
	tell(p, 3, false, lan, 2, false);
	ck_assert(peers_has_mac(p, lan[1].mac));
	ck_assert(!peers_has_mac(p, stranger));
	ck_assert(!peers_has_vmac(p, a, vmac));
	tell(p, 3, true, lan, 1, true);
	ck_assert(!peers_has_mac(p, lan[1].mac));
	ck_assert(peers_has_vmac(p, a, vmac));
	ck_assert(!peers_has_vmac(p, ip("10.1.0.101"), vmac));
	ck_assert(peers_get(p, 3, &got));
	ck_assert_uint_eq(got.n, 1);
	ck_assert(got.vmac);
	ck_assert_uint_eq(got.step, 0);
	tell_step(p, 3, true, 3, lan, 1, true);
	tell_step(p, 3, true, 3, lan, 1, false);
	ck_assert(peers_get(p, 3, &got) && got.vmac);
	ck_assert_uint_eq(got.step, 3);
	peers_clear(p);
	ck_assert(!peers_has_mac(p, lan[0].mac));
	peers_free(p);
}
END_TEST

START_TEST(words_between_members)
{
	struct alias_arp item = { .op = ALIAS_ARP_CONFLICT, .alias.s_addr = 7, .node = 1 }, got;
	struct alias_list list;
	struct alias_msg m;
	struct wire_wr w;
	uint8_t buf[128];

	memcpy(item.mac, stranger, 6);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_list_begin(&list, &w, ALIAS_MSG_ARP);
	alias_list_arp(&list, &item);
	alias_list_end(&list);
	ck_assert(alias_msg_decode(buf, wire_wr_len(&w), &m));
	ck_assert(alias_msg_next_arp(&m, &got));
	ck_assert_uint_eq(got.alias.s_addr, 7);
	ck_assert_mem_eq(got.mac, stranger, 6);
	ck_assert(!alias_msg_next_arp(&m, &got));
	buf[6] = ALIAS_ARP_OPS; /* the first item's */
	ck_assert(!alias_msg_decode(buf, wire_wr_len(&w), &m));
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_silent(&w, item.alias, 4);
	ck_assert(alias_msg_decode(buf, wire_wr_len(&w), &m));
	ck_assert_uint_eq(m.owner, 4);
	ck_assert_uint_eq(m.alias.s_addr, 7);
	ck_assert(!alias_msg_decode(buf, wire_wr_len(&w) - 1, &m));
}
END_TEST

START_TEST(requests)
{
	uint8_t f[FRAME_ARP_LEN];
	struct frame_arp a;

	frame_arp_request(f, stranger, ip("10.1.0.7"), ip("10.1.0.100"));
	ck_assert(frame_arp(f, sizeof(f), &a));
	ck_assert_uint_eq(a.sender.s_addr, ip("10.1.0.7").s_addr);
	ck_assert_mem_eq(a.sender_mac, stranger, 6);
	ck_assert_mem_eq(f, "\xff\xff\xff\xff\xff\xff", 6);
	ck_assert_mem_eq(f + 6, stranger, 6);
	ck_assert_uint_eq(f[21], 1);
	ck_assert(!frame_arp_is_answer(f, sizeof(f)));
	f[21] = 2;
	ck_assert(!frame_arp_is_answer(f, sizeof(f))); /* to everybody */
	memcpy(f, stranger, 6);
	ck_assert(frame_arp_is_answer(f, sizeof(f)));
	ck_assert(!frame_arp_is_answer(f, sizeof(f) - 1));
	f[21] = 1;
	ck_assert_mem_eq(f + 32, "\0\0\0\0\0\0\x0a\x01\0\x64", 10);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { heaps, questions, questions_are_paced, conflicts, defence,
		handing_over, who_were_masters, watching_masters, who_watches, members_are_no_strangers,
		words_between_members, requests, NULL };

	return unit_run("alias_arp", tests);
}
