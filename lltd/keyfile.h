/* SPDX-License-Identifier: ISC */
/* The key of the cluster: 32 bytes in a file of their own, as they are, in hex or in base64. */
#ifndef CLUA_LLTD_KEYFILE_H
#define CLUA_LLTD_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lltd/crypto.h"

struct conf_errors;

/* Also refuses a file that others can read or write. Errors name the file. */
bool keyfile_load(const char *path, uint8_t key[CRYPTO_KEY_LEN], struct conf_errors *);
/* The text forms and the raw one. False: it is none of them. */
bool keyfile_parse(const uint8_t *buf, size_t len, uint8_t key[CRYPTO_KEY_LEN]);

#endif
