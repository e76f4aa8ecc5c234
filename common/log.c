/* SPDX-License-Identifier: ISC */
#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 2048
#define LOG_TOKENS_MAX 256

/* The one state of the process's log: a logger cannot be handed down into every function. */
static struct {
	char program[32];
	bool journal;
	enum log_level level;
	char tokens[LOG_TOKENS_MAX]; /* ",a,b," so that one strstr() finds a whole token */
	void (*sink)(enum log_level, const char *, void *);
	void *sink_arg;
} state = { .program = "clua", .level = LOG_LVL_INFO };

static const char *const level_names[] = { "error", "warning", "info", "debug" };

void
log_init(const char *program)
{
	snprintf(state.program, sizeof(state.program), "%s", program);
	state.journal = getenv("JOURNAL_STREAM") != NULL;
}

void
log_set_level(enum log_level level)
{
	state.level = level;
}

enum log_level
log_get_level(void)
{
	return state.level;
}

void
log_set_debug_tokens(const char *tokens)
{
	if (tokens == NULL || *tokens == '\0')
		state.tokens[0] = '\0';
	else
		snprintf(state.tokens, sizeof(state.tokens), ",%s,", tokens);
}

void
log_set_sink(void (*sink)(enum log_level, const char *line, void *arg), void *arg)
{
	state.sink = sink;
	state.sink_arg = arg;
}

static bool
shown(enum log_level level, const char *token)
{
	char key[64];

	if (level > state.level)
		return false;
	if (level != LOG_LVL_DEBUG || state.tokens[0] == '\0')
		return true;
	snprintf(key, sizeof(key), ",%s,", token);
	return strstr(state.tokens, key) != NULL;
}

/* Text from peers and clients may end up in a message: it must not forge lines or drive a terminal. */
static void
defuse(char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

static size_t
write_prefix(char *buf, size_t size, enum log_level level)
{
	static const int syslog_prio[] = { 3, 4, 6, 7 };
	struct timespec ts;
	struct tm tm;
	size_t n;

	if (state.journal)
		return (size_t)snprintf(buf, size, "<%d>", syslog_prio[level]);
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	n = strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm);
	n += (size_t)snprintf(buf + n, size - n, ".%03ld %s[%d] ", ts.tv_nsec / 1000000,
	    state.program, (int)getpid());
	if (level != LOG_LVL_INFO)
		n += (size_t)snprintf(buf + n, size - n, "%s: ", level_names[level]);
	return n;
}

static void
emit(enum log_level level, const char *line)
{
	char buf[LOG_LINE_MAX + 128];
	size_t n;

	if (state.sink != NULL) {
		state.sink(level, line, state.sink_arg);
		return;
	}
	/* One write a line, so that lines of several processes on one terminal stay whole. */
	n = write_prefix(buf, sizeof(buf), level);
	n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%s\n", line);
	if (write(STDERR_FILENO, buf, n) < 0)
		return; /* nobody is left to be told */
}

static void __attribute__((format(printf, 4, 0)))
vlog(enum log_level level, int err, const char *token, const char *fmt, va_list ap)
{
	char line[LOG_LINE_MAX];
	int saved = errno;
	size_t n;
	int m;

	if (!shown(level, token))
		return;
	n = (size_t)snprintf(line, sizeof(line), "%.60s: ", token);
	m = vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	if (m > 0)
		n += (size_t)m;
	if (n >= sizeof(line))
		n = sizeof(line) - 1;
	if (err != 0)
		snprintf(line + n, sizeof(line) - n, ": %s", strerror(err));
	defuse(line);
	emit(level, line);
	errno = saved;
}

void
log_err(const char *token, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LVL_ERR, errno, token, fmt, ap);
	va_end(ap);
}

void
log_errx(const char *token, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LVL_ERR, 0, token, fmt, ap);
	va_end(ap);
}

void
log_warn(const char *token, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LVL_WARN, errno, token, fmt, ap);
	va_end(ap);
}

void
log_warnx(const char *token, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LVL_WARN, 0, token, fmt, ap);
	va_end(ap);
}

void
log_info(const char *token, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LVL_INFO, 0, token, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *token, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LVL_DEBUG, 0, token, fmt, ap);
	va_end(ap);
}

bool
log_limit_ok(struct log_limit *l, uint64_t now)
{
	/* window_start 0 = never used: the clock starts long before any message. */
	if (l->window_start == 0 || now - l->window_start >= l->interval_ns) {
		l->window_start = now;
		l->used = 0;
	}
	if (l->used >= l->burst) {
		l->suppressed++;
		return false;
	}
	l->used++;
	l->suppressed = 0;
	return true;
}
