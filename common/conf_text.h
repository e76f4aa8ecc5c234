/* SPDX-License-Identifier: ISC */
/* The text of a configuration file, before and beside libconfig's idea of it. */
#ifndef CLUA_COMMON_CONF_TEXT_H
#define CLUA_COMMON_CONF_TEXT_H

#include <stdbool.h>
#include <stdint.h>

struct conf_errors;

/* The whole file, for the caller to free; NULL when it cannot be used (an error is added). */
char *conf_text_read(const char *file, struct conf_errors *);
/*
 * libconfig cuts integers without an L to 32 bits. Finds the literal that stands for key on that line
 * and was cut to parsed; false: none, parsed is the truth.
 */
bool conf_text_literal(
    const char *text, int line, const char *key, int32_t parsed, uint64_t *value);

#endif
