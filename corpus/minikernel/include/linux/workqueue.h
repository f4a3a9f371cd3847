/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_WORKQUEUE_H
#define _LINUX_WORKQUEUE_H

#include <linux/list.h>

struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);

struct work_struct {
	struct list_head	entry;
	work_func_t		func;
	bool			running;
};

struct workqueue_struct {
	const char		*name;
	struct list_head	pending;
};

#define INIT_WORK(_work, _func) \
	do { \
		INIT_LIST_HEAD(&(_work)->entry); \
		(_work)->func = (_func); \
		(_work)->running = false; \
	} while (0)

#define WQ_MEM_RECLAIM	0x8

struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags,
		int max_active);
void destroy_workqueue(struct workqueue_struct *wq);
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
void flush_work(struct work_struct *work);

#endif /* _LINUX_WORKQUEUE_H */
