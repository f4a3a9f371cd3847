/* SPDX-License-Identifier: MIT */
#ifndef __XFS5X_KMEM_H__
#define __XFS5X_KMEM_H__

/*
 * The XFS wrappers of the 5.x years, told anew: large and aligned memory, and
 * zones as another name of slab caches.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

typedef unsigned __bitwise xfs_km_flags_t;

#define KM_SLEEP	((__force xfs_km_flags_t)(1u << 0))
#define KM_NOSLEEP	((__force xfs_km_flags_t)(1u << 1))
#define KM_NOFS		((__force xfs_km_flags_t)(1u << 2))
#define KM_MAYFAIL	((__force xfs_km_flags_t)(1u << 3))
#define KM_ZERO		((__force xfs_km_flags_t)(1u << 4))

static inline gfp_t
kmem_flags_convert(xfs_km_flags_t flags)
{
	gfp_t	mask;

	BUG_ON(flags & ~(KM_SLEEP | KM_NOSLEEP | KM_NOFS | KM_MAYFAIL |
			 KM_ZERO));

	if (flags & KM_NOSLEEP) {
		mask = GFP_ATOMIC | __GFP_NOWARN;
	} else {
		mask = GFP_KERNEL | __GFP_NOWARN;
		if (flags & KM_NOFS)
			mask &= ~__GFP_FS;
		if (flags & KM_MAYFAIL)
			mask |= __GFP_RETRY_MAYFAIL;
	}
	if (flags & KM_ZERO)
		mask |= __GFP_ZERO;
	return mask;
}

extern void *kmem_alloc(size_t, xfs_km_flags_t);
extern void *kmem_alloc_io(size_t size, int align_mask, xfs_km_flags_t flags);
extern void *kmem_alloc_large(size_t size, xfs_km_flags_t);
extern void *kmem_realloc(const void *, size_t, xfs_km_flags_t);

static inline void
kmem_free(const void *ptr)
{
	kvfree(ptr);
}

static inline void *
kmem_zalloc(size_t size, xfs_km_flags_t flags)
{
	return kmem_alloc(size, flags | KM_ZERO);
}

static inline void *
kmem_zalloc_large(size_t size, xfs_km_flags_t flags)
{
	return kmem_alloc_large(size, flags | KM_ZERO);
}

#define kmem_zone	kmem_cache
#define kmem_zone_t	struct kmem_cache

#define KM_ZONE_HWALIGN	SLAB_HWCACHE_ALIGN
#define KM_ZONE_RECLAIM	SLAB_RECLAIM_ACCOUNT
#define KM_ZONE_SPREAD	SLAB_MEM_SPREAD
#define KM_ZONE_ACCOUNT	SLAB_ACCOUNT

static inline kmem_zone_t *
kmem_zone_init(unsigned int size, const char *name)
{
	return kmem_cache_create(name, size, 0, 0, NULL);
}

static inline kmem_zone_t *
kmem_zone_init_flags(unsigned int size, const char *name, unsigned int flags,
		     void (*construct)(void *))
{
	return kmem_cache_create(name, size, 0, flags, construct);
}

extern void *kmem_zone_alloc(kmem_zone_t *, xfs_km_flags_t);

static inline void *
kmem_zone_zalloc(kmem_zone_t *zone, xfs_km_flags_t flags)
{
	return kmem_zone_alloc(zone, flags | KM_ZERO);
}

static inline void
kmem_zone_free(kmem_zone_t *zone, void *ptr)
{
	kmem_cache_free(zone, ptr);
}

static inline void
kmem_zone_destroy(kmem_zone_t *zone)
{
	kmem_cache_destroy(zone);
}

#endif /* __XFS5X_KMEM_H__ */
