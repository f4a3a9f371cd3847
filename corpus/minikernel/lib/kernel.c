// SPDX-License-Identifier: MIT
/*
 * What a kernel does for everybody else, as far as one thread needs it: tasks,
 * locks, work queues, messages.
 */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "host.h"

static struct task_struct init_task = { .pid = 1, .comm = "init" };
static struct task_struct worker_task = {
	.flags = PF_KTHREAD | PF_WQ_WORKER, .pid = 2, .comm = "kworker",
};

struct task_struct *current_task = &init_task;

void vprintk(const char *fmt, va_list args)
{
	host_vprint(fmt, args);
}

void printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
}

void panic_at(const char *what, const char *file, int line)
{
	printk("%s at %s:%d\n", what, file, line);
	host_abort();
}

void warn_at(const char *what, const char *file, int line)
{
	printk("%s at %s:%d\n", what, file, line);
}

void schedule_timeout(long ticks)
{
}

void lock_acquire(const char **held_by, const char *who)
{
	if (*held_by) {
		printk("deadlock: %s waits for a lock that %s took\n", who, *held_by);
		BUG();
	}
	*held_by = who;
}

void lock_release(const char **held_by, const char *who)
{
	BUG_ON(!*held_by);
	*held_by = NULL;
}

struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags,
		int max_active)
{
	struct workqueue_struct *wq = kmalloc(sizeof(*wq), GFP_KERNEL);

	if (!wq)
		return NULL;
	wq->name = name;
	INIT_LIST_HEAD(&wq->pending);
	return wq;
}

/* A worker is another task: the scopes of who queued the work do not hold. */
static void run_work(struct work_struct *work)
{
	struct task_struct *caller = current_task;
	unsigned int flags = worker_task.flags;

	if (work->running) {
		printk("deadlock: a work item is waited for by itself\n");
		BUG();
	}
	list_del_init(&work->entry);
	work->running = true;
	current_task = &worker_task;
	work->func(work);
	BUG_ON(worker_task.flags != flags);
	current_task = caller;
	work->running = false;
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	if (!list_empty(&work->entry))
		return false;
	list_add_tail(&work->entry, &wq->pending);
	return true;
}

void flush_work(struct work_struct *work)
{
	if (work->running || !list_empty(&work->entry))
		run_work(work);
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	if (!wq)
		return;
	while (!list_empty(&wq->pending))
		run_work(list_first_entry(&wq->pending, struct work_struct, entry));
	kfree(wq);
}
