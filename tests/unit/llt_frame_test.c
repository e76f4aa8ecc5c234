/* SPDX-License-Identifier: ISC */
/* Frames: every bit that is flipped and every byte that is cut is noticed, for every kind of frame. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lltd/crypto.h"
#include "proto/llt_frame.h"
#include "tests/unit/unit.h"

static const uint8_t key[CRYPTO_KEY_LEN] = { 1, 2, 3 };
static uint8_t frame[LLT_FRAME_MAX];

static size_t
body_encode(uint8_t type, uint8_t *buf, size_t size)
{
	struct llt_probe probe = { .name = "n1", .addr = { 2, 0, 0, 0, 0, 1 } };
	struct llt_answer answer = { .echo = 5, .verdict = LLT_V_DUPLICATE_ID, .name = "n2" };
	struct llt_hello hello = { .flags = LLT_H_NEED, .mtu = 1500, .name = "n1" };
	struct llt_heartbeat hb = { .seq = 3, .period_ms = 10 };
	struct llt_data data = { .port = 1, .flags = 3, .seq = 9, .data = key, .len = 20 };
	struct llt_ack ack = { .port = 1, .nwords = 2, .next = 4, .words = { 1, 2 } };
	struct wire_wr w;

	wire_wr_init(&w, buf, size);
	switch (type) {
	case LLT_F_PROBE:
		llt_probe_encode(&w, &probe);
		break;
	case LLT_F_ANSWER:
		llt_answer_encode(&w, &answer);
		break;
	case LLT_F_HELLO:
		llt_hello_encode(&w, &hello);
		break;
	case LLT_F_HEARTBEAT:
		llt_heartbeat_encode(&w, &hb);
		break;
	case LLT_F_DATA:
		llt_data_encode(&w, &data);
		break;
	case LLT_F_ACK:
		llt_ack_encode(&w, &ack);
		break;
	default:
		llt_dgram_encode(&w, &data);
	}
	ck_assert(wire_wr_ok(&w));
	return wire_wr_len(&w);
}

static bool
body_decode(uint8_t type, const uint8_t *buf, size_t len)
{
	struct llt_probe probe;
	struct llt_answer answer;
	struct llt_hello hello;
	struct llt_heartbeat hb;
	struct llt_data data;
	struct llt_ack ack;

	switch (type) {
	case LLT_F_PROBE:
		return llt_probe_decode(buf, len, &probe);
	case LLT_F_ANSWER:
		return llt_answer_decode(buf, len, &answer);
	case LLT_F_HELLO:
		return llt_hello_decode(buf, len, &hello);
	case LLT_F_HEARTBEAT:
		return llt_heartbeat_decode(buf, len, &hb);
	case LLT_F_DATA:
		return llt_data_decode(buf, len, &data);
	case LLT_F_ACK:
		return llt_ack_decode(buf, len, &ack);
	default:
		return llt_dgram_decode(buf, len, &data);
	}
}

static size_t
make(uint8_t type, const uint8_t *k)
{
	struct llt_frame f = { .type = type, .flags = k != NULL ? LLT_FF_SEALED : 0, .cluster = 42,
		.src = 1, .dst = 2, .link = 1, .seq = 77,
		.session = llt_frame_is_cluster(type) ? 0 : 0x1234, .incarnation = 99 };
	size_t head = llt_frame_headlen(type);
	size_t body = body_encode(type, frame + head, sizeof(frame) - head);

	ck_assert_uint_eq(llt_frame_head_encode(frame, &f, body), head);
	return crypto_seal(k, frame, &f, body);
}

/* Decodes and opens an exact copy, so that reading past its end is found out. */
static bool
accept_frame(const uint8_t *bytes, size_t len, const uint8_t *k)
{
	uint8_t *copy = malloc(len + 1), out[LLT_FRAME_MAX];
	struct llt_frame f;
	bool ok;

	memcpy(copy, bytes, len);
	ok = llt_frame_decode(copy, len, &f) == LLT_FRAME_OK && crypto_open(k, copy, &f, out) &&
	    body_decode(f.type, out, f.bodylen);
	free(copy);
	return ok;
}

START_TEST(roundtrip)
{
	size_t len = make((uint8_t)_i, key);
	struct llt_frame f;

	ck_assert_uint_ge(len, 46);
	ck_assert(accept_frame(frame, len, key));
	ck_assert_int_eq(llt_frame_decode(frame, len, &f), LLT_FRAME_OK);
	ck_assert_uint_eq(f.cluster, 42);
	ck_assert_uint_eq(f.src, 1);
	ck_assert_uint_eq(f.dst, 2);
	ck_assert_uint_eq(f.seq, 77);
	ck_assert_uint_eq(f.incarnation, llt_frame_is_cluster(f.type) ? 99 : 0);
	ck_assert(!accept_frame(frame, len, NULL));
	len = make((uint8_t)_i, NULL);
	ck_assert(accept_frame(frame, len, NULL));
	ck_assert(!accept_frame(frame, len, key));
}
END_TEST

START_TEST(bit_flips)
{
	size_t len = make((uint8_t)_i, key);

	for (size_t bit = 0; bit < len * 8; bit++) {
		frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_msg(!accept_frame(frame, len, key), "type %d bit %zu", _i, bit);
		frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ck_assert(accept_frame(frame, len, key));
}
END_TEST

START_TEST(truncations)
{
	size_t len = make((uint8_t)_i, key);
	struct llt_frame f;

	for (size_t n = 0; n < len; n++) {
		ck_assert_msg(!accept_frame(frame, n, key), "type %d cut to %zu", _i, n);
		ck_assert_int_eq(llt_frame_decode(frame, n, &f), LLT_FRAME_TRUNCATED);
	}
	frame[len] = 0;
	ck_assert_int_eq(llt_frame_decode(frame, len + 1, &f), LLT_FRAME_MALFORMED);
}
END_TEST

/* Without a seal the bodies' decoders are alone: cut and lengthened bodies under a right head. */
START_TEST(bodies)
{
	uint8_t body[512];
	size_t len = body_encode((uint8_t)_i, body, sizeof(body));

	ck_assert(body_decode((uint8_t)_i, body, len));
	for (size_t n = 0; n < len; n++) {
		uint8_t *copy = malloc(n + 1);
		bool data = _i == LLT_F_DATA || _i == LLT_F_DGRAM;
		size_t head = _i == LLT_F_DATA ? LLT_DATA_HEAD : LLT_DGRAM_HEAD;

		memcpy(copy, body, n);
		/* A payload has no length of its own: the seal keeps it whole. */
		ck_assert_msg(body_decode((uint8_t)_i, copy, n) == (data && n > head), "%d: %zu", _i, n);
		free(copy);
	}
}
END_TEST

START_TEST(versions)
{
	size_t len = make(LLT_F_HELLO, key);
	struct llt_frame f;

	frame[0] = 2; /* a later version that we may still read, as far as the frame tells */
	ck_assert_int_eq(llt_frame_decode(frame, len, &f), LLT_FRAME_OK);
	frame[1] = 2;
	ck_assert_int_eq(llt_frame_decode(frame, len, &f), LLT_FRAME_VERSION_UNKNOWN);
	frame[0] = 0;
	frame[1] = 0;
	ck_assert_int_eq(llt_frame_decode(frame, len, &f), LLT_FRAME_VERSION_UNKNOWN);
}
END_TEST

START_TEST(session_keys)
{
	uint8_t ch1[LLT_CHALLENGE] = { 1 }, ch2[LLT_CHALLENGE] = { 2 };
	struct crypto_end a = { 1, 100, ch1 }, b = { 2, 200, ch2 };
	struct crypto_cluster c, d;
	struct crypto_session sa, sb, other;

	crypto_cluster_init(&c, key, 42);
	crypto_cluster_init(&d, key, 43);
	ck_assert_mem_ne(c.hello, c.derive, CRYPTO_KEY_LEN);
	ck_assert_mem_ne(c.hello, d.hello, CRYPTO_KEY_LEN);
	crypto_session_init(&sa, &c, &a, &b);
	crypto_session_init(&sb, &c, &b, &a);
	ck_assert_mem_eq(sa.tx, sb.rx, CRYPTO_KEY_LEN);
	ck_assert_mem_eq(sa.rx, sb.tx, CRYPTO_KEY_LEN);
	ck_assert_mem_ne(sa.rx, sa.tx, CRYPTO_KEY_LEN);
	ck_assert_uint_eq(sa.tag, sb.tag);
	ck_assert_uint_ne(sa.tag, 0);
	for (unsigned i = 0; i < 4; i++) {
		uint8_t ch3[LLT_CHALLENGE] = { 3 };
		struct crypto_end e = a;

		if (i == 0)
			e.node = 3;
		else if (i == 1)
			e.incarnation++;
		else if (i == 2)
			e.challenge = ch3;
		crypto_session_init(&other, i == 3 ? &d : &c, &e, &b);
		ck_assert_mem_ne(other.tx, sa.tx, CRYPTO_KEY_LEN);
		ck_assert_mem_ne(other.rx, sa.rx, CRYPTO_KEY_LEN);
	}
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_loop_test(t, roundtrip, 1, LLT_F_LAST + 1);
	tcase_add_loop_test(t, bit_flips, 1, LLT_F_LAST + 1);
	tcase_add_loop_test(t, truncations, 1, LLT_F_LAST + 1);
	tcase_add_loop_test(t, bodies, 1, LLT_F_LAST + 1);
	tcase_add_test(t, versions);
	tcase_add_test(t, session_keys);
}

int
main(void)
{
	return crypto_init() ? unit_run_cases("llt_frame", add_tests, 60) : 1;
}
