/* SPDX-License-Identifier: ISC */
/*
 * Logging to standard error, one line a message. Under systemd (JOURNAL_STREAM set) each line
 * carries its priority as "<N>"; elsewhere it carries the time and the program's name.
 * The first argument of every call is a subsystem token ("link", "view", "arp"): greppable, and
 * debug output can be limited to some of them.
 */
#ifndef CLUA_COMMON_LOG_H
#define CLUA_COMMON_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LVL_ERR, LOG_LVL_WARN, LOG_LVL_INFO, LOG_LVL_DEBUG };

void log_init(const char *program);
void log_set_level(enum log_level);
enum log_level log_get_level(void);
/* Comma-separated tokens whose debug messages are shown; NULL or "" = all. Copied. */
void log_set_debug_tokens(const char *tokens);
/* Replaces the output: for tests and fuzzers. NULL = standard error again. */
void log_set_sink(void (*sink)(enum log_level, const char *line, void *arg), void *arg);

/* log_warn and log_err append ": " and strerror(errno); the x forms do not. errno is preserved. */
void log_err(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_errx(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warnx(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Rate limit for messages that a peer or a client can provoke: true at most `burst` times per
 * `interval_ns`. now in CLOCK_MONOTONIC ns. suppressed counts what was held back since the last true;
 * who wants to print it reads it before the call.
 */
struct log_limit {
	uint64_t interval_ns;
	unsigned burst;
	uint64_t window_start;
	unsigned used;
	unsigned suppressed;
};
bool log_limit_ok(struct log_limit *, uint64_t now);

#endif
