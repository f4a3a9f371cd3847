/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_SCHED_H
#define _LINUX_SCHED_H

#include <linux/types.h>

#define TASK_COMM_LEN	16

struct task_struct {
	unsigned int	flags;		/* PF_* */
	pid_t		pid;
	char		comm[TASK_COMM_LEN];
	void		*journal_info;	/* the open transaction */
};

#define PF_KSWAPD		0x00000002	/* kswapd itself */
#define PF_WQ_WORKER		0x00000020	/* runs work items */
#define PF_MEMALLOC		0x00000800	/* allocates to free memory */
#define PF_MEMALLOC_NOFS	0x00040000	/* every request loses __GFP_FS */
#define PF_MEMALLOC_NOIO	0x00080000	/* ... and __GFP_IO */
#define PF_KTHREAD		0x00200000	/* a kernel thread */
#define PF_MEMALLOC_PIN		0x10000000	/* only pages that can be pinned */

extern struct task_struct *current_task;
#define current		(current_task)

void schedule_timeout(long ticks);

#define HZ		250

#endif /* _LINUX_SCHED_H */
