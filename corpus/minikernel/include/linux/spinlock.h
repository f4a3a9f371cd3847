/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_SPINLOCK_H
#define _LINUX_SPINLOCK_H

#include <linux/kernel.h>

/*
 * There is one CPU and no preemption here: a lock that is taken twice would
 * never be released, so that is a bug and said at once.
 */
typedef struct {
	const char	*held_by;
} spinlock_t;

void lock_acquire(const char **held_by, const char *who);
void lock_release(const char **held_by, const char *who);

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->held_by = NULL;
}

#define spin_lock(lock)		lock_acquire(&(lock)->held_by, __func__)
#define spin_unlock(lock)	lock_release(&(lock)->held_by, __func__)

#endif /* _LINUX_SPINLOCK_H */
