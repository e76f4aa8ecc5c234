/* SPDX-License-Identifier: ISC */
/*
 * Sealing of frames. Two kinds of keys: the cluster's, from the key file, for the frames that find
 * and greet peers (XChaCha20-Poly1305, the nonce holds the sender's incarnation and counter), and a
 * session's, one per direction, for all others (ChaCha20-Poly1305, the nonce is the counter).
 * A NULL key means authentication = "none": plain body, tag of zeros.
 */
#ifndef CLUA_LLTD_CRYPTO_H
#define CLUA_LLTD_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/llt_frame.h"

#define CRYPTO_KEY_LEN 32

struct crypto_cluster {
	uint8_t hello[CRYPTO_KEY_LEN];  /* seals frames under the cluster's key */
	uint8_t derive[CRYPTO_KEY_LEN]; /* makes session keys */
};

struct crypto_session {
	uint8_t tx[CRYPTO_KEY_LEN];
	uint8_t rx[CRYPTO_KEY_LEN];
	uint16_t tag; /* names the session in the frames' header; not 0 */
};

/* One end of a session, as it goes into the keys. */
struct crypto_end {
	uint16_t node;
	uint64_t incarnation;
	const uint8_t *challenge;
};

bool crypto_init(void); /* once per process */
void crypto_cluster_init(
    struct crypto_cluster *, const uint8_t key[CRYPTO_KEY_LEN], uint16_t cluster);
void crypto_session_init(struct crypto_session *, const struct crypto_cluster *,
    const struct crypto_end *self, const struct crypto_end *peer);
void crypto_wipe(void *, size_t);
void crypto_random(void *, size_t);

/* Seals the body that stands in frame after the head, in place; returns the whole frame's length. */
size_t crypto_seal(const uint8_t *key, uint8_t *frame, const struct llt_frame *, size_t bodylen);
/* Opens a decoded frame into out (f->bodylen bytes). False: not made with this key. */
bool crypto_open(const uint8_t *key, const uint8_t *frame, const struct llt_frame *, uint8_t *out);

#endif
