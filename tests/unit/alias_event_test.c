/* SPDX-License-Identifier: ISC */
/* Events: their encoding, their lines, and the queue of scripts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/hookq.h"
#include "cluamgr/watch.h"
#include "tests/unit/unit.h"

static struct alias_event
service(void)
{
	struct alias_event ev = alias_event_new(ALIAS_EV_SERVICE);

	ev.seq = 17;
	ev.on = true;
	ev.node = 2;
	ev.addr.s_addr = htonl(0x0a010064);
	ev.proto = IPPROTO_TCP;
	ev.port_h = 7100;
	ev.nlisteners = 2;
	ev.listener[0] = 2;
	ev.listener[1] = 1;
	return ev;
}

START_TEST(exact)
{
	struct alias_event ev = service(), got;
	uint8_t buf[1024];
	struct wire_wr w;
	size_t len, cut;

	snprintf(ev.name, sizeof(ev.name), "clua");
	snprintf(ev.text, sizeof(ev.text), "x");
	wire_wr_init(&w, buf, sizeof(buf));
	alias_event_encode(&w, &ev);
	len = wire_wr_len(&w);
	ck_assert(alias_event_decode(buf, len, &got));
	ck_assert_mem_eq(&ev, &got, sizeof(ev));
	for (cut = 0; cut < len; cut++)
		ck_assert(!alias_event_decode(buf, cut, &got));
	buf[8] = ALIAS_EV_MAX;
	ck_assert(!alias_event_decode(buf, len, &got));
	buf[8] = 0;
	ck_assert(!alias_event_decode(buf, len, &got));
}
END_TEST

static void
expect_line(void (*print)(FILE *, const struct alias_event *, const struct timespec *),
    const struct alias_event *ev, const char *want)
{
	struct timespec when = { .tv_sec = 86400, .tv_nsec = 7000000 };
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	print(f, ev, &when);
	fclose(f);
	ck_assert_str_eq(text, want);
	free(text);
}

START_TEST(lines)
{
	struct alias_event ev = service(), gone = alias_event_new(ALIAS_EV_MASTER);

	expect_line(cm_watch_text, &ev, "1970-01-02T00:00:00.007Z #17 service listening "
	    "alias=10.1.0.100 port=7100/tcp active=2 listeners=2,1\n");
	expect_line(cm_watch_json, &ev,
	    "{ \"schema\": 1, \"time\": \"1970-01-02T00:00:00.007Z\", \"seq\": 17, \"snapshot\": false, "
	    "\"event\": \"service\", \"state\": \"listening\", \"alias\": \"10.1.0.100\", \"port\": 7100, "
	    "\"proto\": \"tcp\", \"active\": 2, \"listeners\": [ 2, 1 ] }\n");
	gone.addr = ev.addr;
	gone.former = 3;
	gone.snapshot = true;
	expect_line(cm_watch_text, &gone,
	    "1970-01-02T00:00:00.007Z #- master none alias=10.1.0.100 former=3\n");
}
END_TEST

static struct hook_item
item(enum hook_event event, uint32_t addr_h, uint64_t seq)
{
	return (struct hook_item){ .event = event, .addr.s_addr = htonl(addr_h), .seq = seq };
}

static void
put(struct hookq *q, enum hook_event event, uint32_t addr_h, uint64_t seq)
{
	struct hook_item i = item(event, addr_h, seq);

	hookq_put(q, &i);
}

static void
expect(struct hookq *q, enum hook_event event, uint64_t seq)
{
	struct hook_item i;

	ck_assert(hookq_get(q, &i));
	ck_assert_int_eq(i.event, event);
	ck_assert_uint_eq(i.seq, seq);
}

START_TEST(in_order)
{
	struct hookq *q = hookq_new(100000);
	struct hook_item i;
	uint64_t seq;

	ck_assert(!hookq_get(q, &i));
	/* Nothing is left out while there is room, also what was undone meanwhile. */
	for (seq = 1; seq <= 1000; seq++)
		put(q, seq % 2 ? HOOK_MASTER : HOOK_BACKUP, 7, seq);
	for (seq = 1; seq <= 500; seq++)
		expect(q, seq % 2 ? HOOK_MASTER : HOOK_BACKUP, seq);
	for (seq = 1001; seq <= 2000; seq++)
		put(q, HOOK_MEMBER_UP, 8, seq);
	for (seq = 501; seq <= 2000; seq++)
		expect(q, seq > 1000 ? HOOK_MEMBER_UP : seq % 2 ? HOOK_MASTER : HOOK_BACKUP, seq);
	ck_assert(!hookq_get(q, &i));
	ck_assert_uint_eq(hookq_coalesced(q) + hookq_dropped(q), 0);
	hookq_free(q);
}
END_TEST

START_TEST(when_it_is_full)
{
	struct hookq *q = hookq_new(3);
	struct hook_item i;

	put(q, HOOK_MASTER, 1, 1);
	put(q, HOOK_MASTER, 2, 2);
	put(q, HOOK_MEMBER_DOWN, 0, 3);
	/* The newer truth about alias 1 takes the place of the older one; what is about nothing that
	 * waits is dropped. Both are counted. */
	put(q, HOOK_BACKUP, 1, 4);
	put(q, HOOK_MASTER, 3, 5);
	ck_assert_uint_eq(hookq_count(q), 3);
	ck_assert_uint_eq(hookq_coalesced(q), 1);
	ck_assert_uint_eq(hookq_coalesced(q), 0);
	ck_assert_uint_eq(hookq_dropped(q), 1);
	expect(q, HOOK_BACKUP, 4);
	put(q, HOOK_MASTER, 1, 6);
	put(q, HOOK_BACKUP, 1, 7); /* not in the place of one that was taken out */
	expect(q, HOOK_MASTER, 2);
	expect(q, HOOK_MEMBER_DOWN, 3);
	expect(q, HOOK_BACKUP, 7);
	ck_assert(!hookq_get(q, &i));
	put(q, HOOK_MASTER, 1, 8);
	hookq_clear(q);
	ck_assert(!hookq_get(q, &i));
	put(q, HOOK_MASTER, 1, 9);
	expect(q, HOOK_MASTER, 9);
	hookq_free(q);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { exact, lines, in_order, when_it_is_full, NULL };

	return unit_run("alias_event", tests);
}
