/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/rt.h"
#include "tests/unit/unit.h"

/* No test here can raise what it lowered, and none has to: each is a process of its own. */
static void
lower(rlim_t limit)
{
	struct rlimit lim = { .rlim_cur = limit, .rlim_max = limit };

	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &lim), 0);
}

/* Whether we had it. */
static bool
drop_capability(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct cap[_LINUX_CAPABILITY_U32S_3];
	bool had;

	ck_assert_int_eq(syscall(SYS_capget, &head, cap), 0);
	had = cap[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK);
	cap[CAP_TO_INDEX(CAP_IPC_LOCK)].effective &= ~CAP_TO_MASK(CAP_IPC_LOCK);
	ck_assert_int_eq(syscall(SYS_capset, &head, cap), 0);
	return had;
}

/* Bytes that the kernel has locked for us. */
static long
locked(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmLck: %ld", &kb) == 1)
			break;
	fclose(f);
	return kb;
}

START_TEST(refused_under_a_low_limit)
{
	lower(8 << 20);
	drop_capability();
	errno = 0;
	ck_assert_int_eq(rt_lock_memory(), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(locked(), 0);
}
END_TEST

/* With sanitizers mlockall() does nothing: that it is reached is all there is to see then. */
START_TEST(locked_with_the_capability)
{
	int rc;

	lower(8 << 20);
	rc = rt_lock_memory();
	ck_assert_int_eq(rc, drop_capability() ? 0 : -1);
}
END_TEST

START_TEST(policy)
{
	struct sched_param p = { 0 };

	ck_assert_int_eq(sched_setscheduler(0, SCHED_OTHER, &p), 0);
	ck_assert(!rt_is_realtime());
	p.sched_priority = 1;
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &p) == 0)
		ck_assert(rt_is_realtime());
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { refused_under_a_low_limit, locked_with_the_capability, policy,
		NULL };

	return unit_run("rt", tests);
}
