/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_KMEM_H__
#define __MINFS_KMEM_H__

#include <linux/slab.h>
#include <linux/sched.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

/*
 * Memory for the filesystem.  A request waits until there is memory, unless it
 * says KM_MAYFAIL.
 */
typedef unsigned __bitwise minfs_km_flags_t;

/* No reclaim in filesystems; NULL is handled; zeroed; lockdep is wrong here. */
#define KM_NOFS		((__force minfs_km_flags_t)(1u << 2))
#define KM_MAYFAIL	((__force minfs_km_flags_t)(1u << 3))
#define KM_ZERO		((__force minfs_km_flags_t)(1u << 4))
#define KM_NOLOCKDEP	((__force minfs_km_flags_t)(1u << 5))

#define KM_FLAGS_ALL	(KM_NOFS | KM_MAYFAIL | KM_ZERO | KM_NOLOCKDEP)

/*
 * The mask for a set of flags.  Warnings of the page allocator are off, because
 * kmem_alloc() has a message of its own.
 */
static inline gfp_t
kmem_flags_convert(minfs_km_flags_t flags)
{
	gfp_t	mask = GFP_KERNEL | __GFP_NOWARN;

	BUG_ON(flags & ~KM_FLAGS_ALL);

	if (flags & KM_NOFS)
		mask &= ~__GFP_FS;

	/* Small requests do not fail by themselves: say that this one may. */
	if (flags & KM_MAYFAIL)
		mask |= __GFP_RETRY_MAYFAIL;

	if (flags & KM_ZERO)
		mask |= __GFP_ZERO;

	if (flags & KM_NOLOCKDEP)
		mask |= __GFP_NOLOCKDEP;

	return mask;
}

extern void *kmem_alloc(size_t, minfs_km_flags_t);

static inline void
kmem_free(const void *ptr)
{
	kvfree(ptr);
}

static inline void *
kmem_zalloc(size_t size, minfs_km_flags_t flags)
{
	return kmem_alloc(size, flags | KM_ZERO);
}

/*
 * The page behind an address, wherever the memory came from.
 */
static inline struct page *
kmem_to_page(void *addr)
{
	return is_vmalloc_addr(addr) ? vmalloc_to_page(addr) :
				       virt_to_page(addr);
}

#endif /* __MINFS_KMEM_H__ */
