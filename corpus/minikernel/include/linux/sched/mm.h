/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_SCHED_MM_H
#define _LINUX_SCHED_MM_H

#include <linux/gfp.h>
#include <linux/sched.h>

/*
 * What a mask means in the context of the running task: the scopes below take
 * bits away.  NOIO is the stronger one and wins over NOFS.
 */
static inline gfp_t current_gfp_context(gfp_t mask)
{
	unsigned int scopes = READ_ONCE(current->flags);

	if (scopes & PF_MEMALLOC_NOIO)
		mask &= ~(__GFP_IO | __GFP_FS);
	else if (scopes & PF_MEMALLOC_NOFS)
		mask &= ~__GFP_FS;
	if (scopes & PF_MEMALLOC_PIN)
		mask &= ~__GFP_MOVABLE;
	return mask;
}

/*
 * Scopes nest: save returns the state before, restore puts that state back.
 * The cookie belongs to the task and to the innermost open scope.
 */
static inline unsigned int memalloc_nofs_save(void)
{
	unsigned int before = current->flags & PF_MEMALLOC_NOFS;

	current->flags |= PF_MEMALLOC_NOFS;
	return before;
}

static inline void memalloc_nofs_restore(unsigned int before)
{
	current->flags = (current->flags & ~PF_MEMALLOC_NOFS) | before;
}

static inline unsigned int memalloc_noio_save(void)
{
	unsigned int before = current->flags & PF_MEMALLOC_NOIO;

	current->flags |= PF_MEMALLOC_NOIO;
	return before;
}

static inline void memalloc_noio_restore(unsigned int before)
{
	current->flags = (current->flags & ~PF_MEMALLOC_NOIO) | before;
}

static inline unsigned int memalloc_noreclaim_save(void)
{
	unsigned int before = current->flags & PF_MEMALLOC;

	current->flags |= PF_MEMALLOC;
	return before;
}

static inline void memalloc_noreclaim_restore(unsigned int before)
{
	current->flags = (current->flags & ~PF_MEMALLOC) | before;
}

static inline unsigned int memalloc_pin_save(void)
{
	unsigned int before = current->flags & PF_MEMALLOC_PIN;

	current->flags |= PF_MEMALLOC_PIN;
	return before;
}

static inline void memalloc_pin_restore(unsigned int before)
{
	current->flags = (current->flags & ~PF_MEMALLOC_PIN) | before;
}

/* Wait before an open-coded retry of an allocation that failed. */
static inline void memalloc_retry_wait(gfp_t failed)
{
	gfp_t mask = current_gfp_context(failed);
	bool has_waited = gfpflags_allow_blocking(mask) && !(mask & __GFP_NORETRY);

	schedule_timeout(has_waited ? 1 : HZ / 50);
}

#endif /* _LINUX_SCHED_MM_H */
