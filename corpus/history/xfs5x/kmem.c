// SPDX-License-Identifier: MIT
#include <linux/kernel.h>
#include <linux/sched/mm.h>
#include "kmem.h"

static void
kmem_complain(const char *where, size_t size, gfp_t mask)
{
	printk("XFS: %s(%d) waits for %u bytes in %s (mask 0x%x)\n",
	       current->comm, current->pid, (unsigned int)size, where, mask);
}

void *
kmem_alloc(size_t size, xfs_km_flags_t flags)
{
	gfp_t	mask = kmem_flags_convert(flags);
	int	tries = 0;
	void	*p;

	do {
		p = kmalloc(size, mask);
		if (p || (flags & (KM_MAYFAIL | KM_NOSLEEP)))
			return p;
		if (++tries % 100 == 0)
			kmem_complain(__func__, size, mask);
		memalloc_retry_wait(mask);
	} while (1);
}

/*
 * Page tables of the vmalloc area are allocated by GFP_KERNEL whatever the mask
 * says, so a scope has to say it too.
 */
static void *
kmem_vmalloc(size_t size, xfs_km_flags_t flags)
{
	gfp_t		mask = kmem_flags_convert(flags);
	unsigned int	nofs = 0;
	void		*p;

	if (flags & KM_NOFS)
		nofs = memalloc_nofs_save();
	p = __vmalloc(size, mask);
	if (flags & KM_NOFS)
		memalloc_nofs_restore(nofs);
	return p;
}

void *
kmem_alloc_large(size_t size, xfs_km_flags_t flags)
{
	void	*p = kmem_alloc(size, flags | KM_MAYFAIL);

	return p ? p : kmem_vmalloc(size, flags);
}

/* The same, for memory that the device wants aligned. */
void *
kmem_alloc_io(size_t size, int align_mask, xfs_km_flags_t flags)
{
	void	*p = kmem_alloc(size, flags | KM_MAYFAIL);

	if (p) {
		if (!((unsigned long)p & align_mask))
			return p;
		kfree(p);
	}
	return kmem_vmalloc(size, flags);
}

void *
kmem_realloc(const void *old, size_t newsize, xfs_km_flags_t flags)
{
	gfp_t	mask = kmem_flags_convert(flags);
	int	tries = 0;
	void	*p;

again:
	p = krealloc(old, newsize, mask);
	if (p || (flags & (KM_MAYFAIL | KM_NOSLEEP)))
		return p;
	if (++tries % 100 == 0)
		kmem_complain(__func__, newsize, mask);
	memalloc_retry_wait(mask);
	goto again;
}

void *
kmem_zone_alloc(kmem_zone_t *zone, xfs_km_flags_t flags)
{
	gfp_t	mask = kmem_flags_convert(flags);
	int	tries = 0;
	void	*p;

	while (!(p = kmem_cache_alloc(zone, mask))) {
		if (flags & (KM_MAYFAIL | KM_NOSLEEP))
			return NULL;
		if (++tries % 100 == 0)
			kmem_complain(__func__, zone->size, mask);
		memalloc_retry_wait(mask);
	}
	return p;
}
