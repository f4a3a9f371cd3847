/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_MUTEX_H
#define _LINUX_MUTEX_H

#include <linux/spinlock.h>

struct mutex {
	const char	*held_by;
};

#define DEFINE_MUTEX(name)	struct mutex name = { NULL }

static inline void mutex_init(struct mutex *lock)
{
	lock->held_by = NULL;
}

static inline bool mutex_is_locked(struct mutex *lock)
{
	return lock->held_by != NULL;
}

#define mutex_lock(lock)	lock_acquire(&(lock)->held_by, __func__)
#define mutex_unlock(lock)	lock_release(&(lock)->held_by, __func__)

static inline bool mutex_trylock(struct mutex *lock)
{
	if (lock->held_by)
		return false;
	mutex_lock(lock);
	return true;
}

#endif /* _LINUX_MUTEX_H */
