/* SPDX-License-Identifier: ISC */
/*
 * Lines whose contents both ends can tell in advance, so that every byte of a stream is checked:
 *
 *	data ID NUMBER CONTENTS
 *
 * ID names the connection (no blanks), NUMBER counts from 0, and CONTENTS follows from both and from the
 * direction. The server's answer has its name before it.
 */
#ifndef CLUA_TESTS_NET_NET_DATA_H
#define CLUA_TESTS_NET_NET_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/net/net.h"

#define NET_DATA_ID_MAX 64

enum net_data_from { NET_DATA_CLIENT, NET_DATA_SERVER };

/* The line with its newline; its length, at most NET_LINE_MAX. */
size_t net_data_line(const char *id, uint64_t number, enum net_data_from, char out[NET_LINE_MAX]);
bool net_data_is(const char *line, size_t len);

/* What a server remembers of a connection: zeroed before the first line. */
struct net_data {
	char id[NET_DATA_ID_MAX];
	uint64_t next;
};
/* Checks a line that a client sent, with its newline, and writes the answer's to out. 0 if it is wrong. */
size_t net_data_answer(struct net_data *, const char *line, size_t len, char out[NET_LINE_MAX]);

#endif
