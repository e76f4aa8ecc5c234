/* SPDX-License-Identifier: ISC */
#include "common/rt.h"

#include <sched.h>
#include <sys/mman.h>

int
rt_lock_memory(void)
{
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
