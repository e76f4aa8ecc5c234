/* SPDX-License-Identifier: ISC */
/* What the bench tells its program: connections by number, each with a client address and port of its own. */
#ifndef CLUA_TESTS_BENCH_OWNERS_H
#define CLUA_TESTS_BENCH_OWNERS_H

#define OWNERS_CLIENTS 0x0b000000 /* 11.0.0.0 and on, host order */
#define OWNERS_PORTS 60000

struct owners_feed {
	__u64 first;
	__u32 count;
	__u32 alias; /* network order */
	__u16 port;  /* network order */
	__u16 closed;
	__u32 told;
};

#endif
