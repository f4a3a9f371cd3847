// SPDX-License-Identifier: MIT
#include <linux/kernel.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include "kmem.h"

/* In those days every loop waited for congestion to go away. */
static void
kmem_wait(void)
{
	schedule_timeout(HZ / 50);
}

void *
kmem_alloc(size_t size, xfs_km_flags_t flags)
{
	gfp_t	mask = kmem_flags_convert(flags);
	int	tries = 0;
	void	*p;

	for (;;) {
		p = kmalloc(size, mask);
		if (p)
			break;
		if (flags & (KM_MAYFAIL | KM_NOSLEEP))
			break;
		if (++tries % 100 == 0)
			printk("XFS: possible deadlock in %s, mask 0x%x\n",
			       __func__, mask);
		kmem_wait();
	}
	return p;
}

void *
kmem_zalloc(size_t size, xfs_km_flags_t flags)
{
	void	*p = kmem_alloc(size, flags);

	if (p)
		memset(p, 0, size);
	return p;
}

void *
kmem_zalloc_greedy(size_t *size, size_t minsize, size_t maxsize)
{
	size_t	want = maxsize;
	void	*p;

	while (!(p = kmem_zalloc_large(want))) {
		want /= 2;
		if (want < minsize)
			want = minsize;
	}
	*size = want;
	return p;
}

void
kmem_free(const void *ptr)
{
	if (is_vmalloc_addr(ptr))
		vfree(ptr);
	else
		kfree(ptr);
}

void *
kmem_realloc(const void *ptr, size_t newsize, size_t oldsize,
	     xfs_km_flags_t flags)
{
	void	*p = kmem_alloc(newsize, flags);

	if (ptr) {
		if (p)
			memcpy(p, ptr, min(oldsize, newsize));
		kmem_free(ptr);
	}
	return p;
}

void *
kmem_zone_alloc(kmem_zone_t *zone, xfs_km_flags_t flags)
{
	gfp_t	mask = kmem_flags_convert(flags);
	void	*p;

	do {
		p = kmem_cache_alloc(zone, mask);
		if (p || (flags & (KM_MAYFAIL | KM_NOSLEEP)))
			return p;
		kmem_wait();
	} while (1);
}

void *
kmem_zone_zalloc(kmem_zone_t *zone, xfs_km_flags_t flags)
{
	void	*p = kmem_zone_alloc(zone, flags);

	if (p)
		memset(p, 0, zone->size);
	return p;
}
