/* SPDX-License-Identifier: MIT */
#ifndef __F2FS_MEM_H__
#define __F2FS_MEM_H__

/*
 * Wrappers in the manner of f2fs, told anew: the mask is the caller's, the
 * wrapper only adds faults on purpose.  They stay; what may change is the mask.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

enum {
	FAULT_KMALLOC,
	FAULT_KVMALLOC,
	FAULT_SLAB_ALLOC,
	FAULT_MAX,
};

struct f2fs_fault_info {
	int			countdown;	/* requests until the next fault */
	unsigned int		types;		/* a bit for each FAULT_ */
};

struct f2fs_sb_info {
	struct f2fs_fault_info	fault_info;
};

static inline bool time_to_inject(struct f2fs_sb_info *sbi, int type)
{
	struct f2fs_fault_info *fault = &sbi->fault_info;

	if (!IS_ENABLED(CONFIG_F2FS_FAULT_INJECTION))
		return false;
	return (fault->types & (1u << type)) && --fault->countdown <= 0;
}

static inline void *f2fs_kmalloc(struct f2fs_sb_info *sbi,
		size_t size, gfp_t flags)
{
	return time_to_inject(sbi, FAULT_KMALLOC) ? NULL : kmalloc(size, flags);
}

static inline void *f2fs_kzalloc(struct f2fs_sb_info *sbi,
		size_t size, gfp_t flags)
{
	return f2fs_kmalloc(sbi, size, flags | __GFP_ZERO);
}

static inline void *f2fs_kvmalloc(struct f2fs_sb_info *sbi,
		size_t size, gfp_t flags)
{
	if (time_to_inject(sbi, FAULT_KVMALLOC))
		return NULL;

	return kvmalloc(size, flags);
}

static inline void *f2fs_kvzalloc(struct f2fs_sb_info *sbi,
		size_t size, gfp_t flags)
{
	return f2fs_kvmalloc(sbi, size, flags | __GFP_ZERO);
}

void *f2fs_kmem_cache_alloc(struct kmem_cache *cachep, gfp_t flags, bool nofail,
		struct f2fs_sb_info *sbi);

#endif /* __F2FS_MEM_H__ */
