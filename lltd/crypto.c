/* SPDX-License-Identifier: ISC */
#include "lltd/crypto.h"

#include <sodium.h>
#include <string.h>

#define IDS_AT 4 /* cluster, nodes and link in the header: what makes nonces of one counter differ */
#define IDS_LEN 8

bool
crypto_init(void)
{
	return sodium_init() >= 0;
}

void
crypto_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

void
crypto_random(void *p, size_t n)
{
	randombytes_buf(p, n);
}

static void
subkey(uint8_t *out, const uint8_t *key, uint16_t cluster, const char *label)
{
	crypto_generichash_state st;
	uint8_t id[2];

	wire_put_u16(id, cluster);
	crypto_generichash_init(&st, key, CRYPTO_KEY_LEN, CRYPTO_KEY_LEN);
	crypto_generichash_update(&st, (const uint8_t *)label, strlen(label));
	crypto_generichash_update(&st, id, sizeof(id));
	crypto_generichash_final(&st, out, CRYPTO_KEY_LEN);
}

void
crypto_cluster_init(
    struct crypto_cluster *c, const uint8_t key[CRYPTO_KEY_LEN], uint16_t cluster)
{
	subkey(c->hello, key, cluster, "clua llt hello");
	subkey(c->derive, key, cluster, "clua llt session");
}

static void
hash_end(crypto_generichash_state *st, const struct crypto_end *e)
{
	uint8_t buf[2 + 8 + LLT_CHALLENGE];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	wire_wr_u16(&w, e->node);
	wire_wr_u64(&w, e->incarnation);
	wire_wr_bytes(&w, e->challenge, LLT_CHALLENGE);
	crypto_generichash_update(st, buf, sizeof(buf));
}

/* Both ends hash the same: the one with the lower id goes first, purpose tells the results apart. */
static void
derive(uint8_t out[CRYPTO_KEY_LEN], const uint8_t *key, const struct crypto_end *lo,
    const struct crypto_end *hi, uint8_t purpose)
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, key, key == NULL ? 0 : CRYPTO_KEY_LEN, CRYPTO_KEY_LEN);
	crypto_generichash_update(&st, &purpose, 1);
	hash_end(&st, lo);
	hash_end(&st, hi);
	crypto_generichash_final(&st, out, CRYPTO_KEY_LEN);
}

void
crypto_session_init(struct crypto_session *s, const struct crypto_cluster *c,
    const struct crypto_end *self, const struct crypto_end *peer)
{
	const struct crypto_end *lo = self->node < peer->node ? self : peer;
	const struct crypto_end *hi = lo == self ? peer : self;
	const uint8_t *key = c == NULL ? NULL : c->derive;
	uint8_t tag[CRYPTO_KEY_LEN];

	derive(lo == self ? s->tx : s->rx, key, lo, hi, 0);
	derive(lo == self ? s->rx : s->tx, key, lo, hi, 1);
	derive(tag, key, lo, hi, 2);
	s->tag = (uint16_t)(tag[0] << 8 | tag[1]);
	if (s->tag == 0)
		s->tag = 1;
}

/* Writes the nonce for either kind; the AEAD takes as much of it as it needs. */
static void
make_nonce(uint8_t nonce[24], const uint8_t *frame, const struct llt_frame *f)
{
	struct wire_wr w;

	wire_wr_init(&w, nonce, 24);
	if (llt_frame_is_cluster(f->type)) {
		wire_wr_u64(&w, f->incarnation);
		wire_wr_u64(&w, f->seq);
		wire_wr_bytes(&w, frame + IDS_AT, IDS_LEN);
	} else {
		wire_wr_u32(&w, 0);
		wire_wr_u64(&w, f->seq);
	}
}

size_t
crypto_seal(const uint8_t *key, uint8_t *frame, const struct llt_frame *f, size_t bodylen)
{
	size_t head = llt_frame_headlen(f->type);
	uint8_t *body = frame + head, *tag = body + bodylen, nonce[24];

	if (key == NULL) {
		memset(tag, 0, LLT_FRAME_TAG);
		return head + bodylen + LLT_FRAME_TAG;
	}
	make_nonce(nonce, frame, f);
	if (llt_frame_is_cluster(f->type))
		crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
		    body, tag, NULL, body, bodylen, frame, head, NULL, nonce, key);
	else
		crypto_aead_chacha20poly1305_ietf_encrypt_detached(
		    body, tag, NULL, body, bodylen, frame, head, NULL, nonce, key);
	return head + bodylen + LLT_FRAME_TAG;
}

static bool
open_plain(const struct llt_frame *f, uint8_t *out)
{
	if ((f->flags & LLT_FF_SEALED) != 0 || !sodium_is_zero(f->tag, LLT_FRAME_TAG))
		return false;
	memcpy(out, f->body, f->bodylen);
	return true;
}

bool
crypto_open(const uint8_t *key, const uint8_t *frame, const struct llt_frame *f, uint8_t *out)
{
	uint8_t nonce[24];

	if (key == NULL)
		return open_plain(f, out);
	if ((f->flags & LLT_FF_SEALED) == 0)
		return false;
	make_nonce(nonce, frame, f);
	if (llt_frame_is_cluster(f->type))
		return crypto_aead_xchacha20poly1305_ietf_decrypt_detached(out, NULL, f->body,
			   f->bodylen, f->tag, frame, f->headlen, nonce, key) == 0;
	return crypto_aead_chacha20poly1305_ietf_decrypt_detached(
		   out, NULL, f->body, f->bodylen, f->tag, frame, f->headlen, nonce, key) == 0;
}
