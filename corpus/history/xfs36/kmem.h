/* SPDX-License-Identifier: MIT */
#ifndef __XFS36_KMEM_H__
#define __XFS36_KMEM_H__

/*
 * The XFS wrappers as they were around Linux 3.6, told anew: the wrapper itself
 * looks whether the task is in a transaction (PF_FSTRANS), there was no scope
 * in the kernel yet.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#ifndef PF_FSTRANS
#define PF_FSTRANS	0x00020000	/* the task has a transaction */
#endif

typedef unsigned __bitwise xfs_km_flags_t;

#define KM_SLEEP	((__force xfs_km_flags_t)(1u << 0))
#define KM_NOSLEEP	((__force xfs_km_flags_t)(1u << 1))
#define KM_NOFS		((__force xfs_km_flags_t)(1u << 2))
#define KM_MAYFAIL	((__force xfs_km_flags_t)(1u << 3))

static inline gfp_t
kmem_flags_convert(xfs_km_flags_t flags)
{
	gfp_t	mask;

	BUG_ON(flags & ~(KM_SLEEP | KM_NOSLEEP | KM_NOFS | KM_MAYFAIL));

	if (flags & KM_NOSLEEP)
		return GFP_ATOMIC | __GFP_NOWARN;

	mask = GFP_KERNEL | __GFP_NOWARN;
	if ((flags & KM_NOFS) || (current->flags & PF_FSTRANS))
		mask &= ~__GFP_FS;
	return mask;
}

extern void *kmem_alloc(size_t, xfs_km_flags_t);
extern void *kmem_zalloc(size_t, xfs_km_flags_t);
extern void *kmem_realloc(const void *, size_t, size_t, xfs_km_flags_t);
extern void kmem_free(const void *);

/* Takes what it can get between two sizes. */
extern void *kmem_zalloc_greedy(size_t *, size_t, size_t);

static inline void *kmem_zalloc_large(size_t size)
{
	return vzalloc(size);
}

static inline void kmem_free_large(void *ptr)
{
	vfree(ptr);
}

typedef struct kmem_cache	kmem_zone_t;

#define KM_ZONE_HWALIGN	SLAB_HWCACHE_ALIGN
#define KM_ZONE_RECLAIM	SLAB_RECLAIM_ACCOUNT
#define KM_ZONE_SPREAD	SLAB_MEM_SPREAD

static inline kmem_zone_t *
kmem_zone_init(int size, char *name)
{
	return kmem_cache_create(name, size, 0, 0, NULL);
}

extern void *kmem_zone_alloc(kmem_zone_t *, xfs_km_flags_t);
extern void *kmem_zone_zalloc(kmem_zone_t *, xfs_km_flags_t);

static inline void
kmem_zone_free(kmem_zone_t *zone, void *ptr)
{
	kmem_cache_free(zone, ptr);
}

static inline void
kmem_zone_destroy(kmem_zone_t *zone)
{
	if (zone)
		kmem_cache_destroy(zone);
}

#endif /* __XFS36_KMEM_H__ */
