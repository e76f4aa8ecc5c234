/* SPDX-License-Identifier: ISC */
#include "common/rt.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Bytes, far more than any daemon here needs. */
#define ENOUGH (1ull << 30)

static bool
may_lock_all(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct cap[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return syscall(SYS_capget, &head, cap) == 0 &&
	    (cap[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK)) != 0;
}

static bool
limit_is_enough(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_MEMLOCK, &lim) == -1)
		return false;
	if (lim.rlim_cur != lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		if (setrlimit(RLIMIT_MEMLOCK, &lim) == -1)
			return false;
	}
	return lim.rlim_cur == RLIM_INFINITY || lim.rlim_cur >= ENOUGH;
}

int
rt_lock_memory(void)
{
	/* Under a low limit this call would succeed, and a later malloc() fail. */
	if (!may_lock_all() && !limit_is_enough()) {
		errno = EPERM;
		return -1;
	}
	return mlockall(MCL_CURRENT | MCL_FUTURE);
}

bool
rt_is_realtime(void)
{
	int policy = sched_getscheduler(0);

	if (policy == -1)
		return false;
	policy &= ~SCHED_RESET_ON_FORK;
	return policy == SCHED_FIFO || policy == SCHED_RR || policy == SCHED_DEADLINE;
}
