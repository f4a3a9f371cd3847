// SPDX-License-Identifier: MIT
#include "f2fs_mem.h"

/* Once without pressure, then for as long as it takes. */
static void *cache_alloc_nofail(struct kmem_cache *cachep, gfp_t flags)
{
	void *entry = kmem_cache_alloc(cachep, flags);

	if (!entry)
		entry = kmem_cache_alloc(cachep, flags | __GFP_NOFAIL);
	return entry;
}

void *f2fs_kmem_cache_alloc(struct kmem_cache *cachep, gfp_t flags, bool nofail,
		struct f2fs_sb_info *sbi)
{
	if (nofail)
		return cache_alloc_nofail(cachep, flags);
	if (time_to_inject(sbi, FAULT_SLAB_ALLOC))
		return NULL;
	return kmem_cache_alloc(cachep, flags);
}
