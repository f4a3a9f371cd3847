"""Wrapper families of several projects and times, in our own words, for the tests."""

from __future__ import annotations

from collections.abc import Mapping

from convert.source.dialect import Dialect
from tests.semantics.trees import GFP_5, MemoryTree

DIALECT = Dialect(
    typedefs=frozenset(
        {"gfp_t", "size_t", "bool", "u8", "u32", "u64", "xfs_km_flags_t", "kmem_zone_t"}
    ),
    loop_macros=frozenset({"list_for_each_entry"}),
)

SCHED = """\
#define PF_MEMALLOC 0x00000800
#define PF_MEMALLOC_NOFS 0x00040000
#define PF_MEMALLOC_NOIO 0x00080000
#define PF_FSTRANS 0x00020000
"""

# Scopes whose restore puts the old value back.
SCHED_MM_OLD = """\
static inline gfp_t current_gfp_context(gfp_t flags)
{
	unsigned int pflags = READ_ONCE(current->flags);

	if (unlikely(pflags & (PF_MEMALLOC_NOIO | PF_MEMALLOC_NOFS))) {
		if (pflags & PF_MEMALLOC_NOIO)
			flags &= ~(__GFP_IO | __GFP_FS);
		else
			flags &= ~__GFP_FS;
	}
	return flags;
}
static inline unsigned int memalloc_nofs_save(void)
{
	unsigned int was = current->flags & PF_MEMALLOC_NOFS;
	current->flags |= PF_MEMALLOC_NOFS;
	return was;
}
static inline void memalloc_nofs_restore(unsigned int was)
{
	current->flags = (current->flags & ~PF_MEMALLOC_NOFS) | was;
}
static inline unsigned int memalloc_noio_save(void)
{
	unsigned int was = current->flags & PF_MEMALLOC_NOIO;
	current->flags |= PF_MEMALLOC_NOIO;
	return was;
}
static inline void memalloc_noio_restore(unsigned int was)
{
	current->flags = (current->flags & ~PF_MEMALLOC_NOIO) | was;
}
static inline unsigned int memalloc_noreclaim_save(void)
{
	unsigned int was = current->flags & PF_MEMALLOC;
	current->flags |= PF_MEMALLOC;
	return was;
}
static inline void memalloc_noreclaim_restore(unsigned int was)
{
	current->flags = (current->flags & ~PF_MEMALLOC) | was;
}
"""

# Scopes whose restore clears what the save has newly set.
SCHED_MM_NEW = """\
static inline gfp_t current_gfp_context(gfp_t flags)
{
	if (current->flags & PF_MEMALLOC_NOFS)
		flags &= ~__GFP_FS;
	return flags;
}
static inline unsigned memalloc_flags_save(unsigned flags)
{
	unsigned newly = ~current->flags & flags;
	current->flags |= flags;
	return newly;
}
static inline void memalloc_flags_restore(unsigned newly)
{
	current->flags &= ~newly;
}
static inline unsigned int memalloc_nofs_save(void)
{
	return memalloc_flags_save(PF_MEMALLOC_NOFS);
}
static inline void memalloc_nofs_restore(unsigned int cookie)
{
	memalloc_flags_restore(cookie);
}
"""

# The wrappers of Linux 6.1's shape: flags converted in the header, an endless loop in the source.
XFS_NEW_H = """\
typedef unsigned __bitwise xfs_km_flags_t;
#define KM_NOFS		((__force xfs_km_flags_t)0x0004u)
#define KM_MAYFAIL	((__force xfs_km_flags_t)0x0008u)
#define KM_ZERO		((__force xfs_km_flags_t)0x0010u)
static inline gfp_t to_gfp(xfs_km_flags_t flags)
{
	gfp_t mask;

	BUG_ON(flags & ~(KM_NOFS | KM_MAYFAIL | KM_ZERO));
	mask = GFP_KERNEL | __GFP_NOWARN;
	if (flags & KM_NOFS)
		mask &= ~__GFP_FS;
	if (flags & KM_MAYFAIL)
		mask |= __GFP_RETRY_MAYFAIL;
	if (flags & KM_ZERO)
		mask |= __GFP_ZERO;
	return mask;
}
extern void *kmem_alloc(size_t, xfs_km_flags_t);
static inline void *kmem_zalloc(size_t size, xfs_km_flags_t flags)
{
	return kmem_alloc(size, flags | KM_ZERO);
}
static inline void kmem_free(const void *ptr)
{
	kvfree(ptr);
}
"""
XFS_NEW_C = """\
void *kmem_alloc(size_t size, xfs_km_flags_t flags)
{
	int tries = 0;
	gfp_t mask = to_gfp(flags);
	void *ptr;

	trace_kmem_alloc(size, flags, _RET_IP_);
	do {
		ptr = kmalloc(size, mask);
		if (ptr || (flags & KM_MAYFAIL))
			return ptr;
		if (!(++tries % 100))
			xfs_err(NULL, "%s(%u) deadlock? size %u", current->comm,
				current->pid, (unsigned int)size);
		memalloc_retry_wait(mask);
	} while (1);
}
"""

# Linux 4.x and 5.x: sleeping is a flag, vmalloc under a scope of the wrapper's own.
XFS_5_H = """\
typedef unsigned __bitwise xfs_km_flags_t;
#define KM_SLEEP	((__force xfs_km_flags_t)0x0001u)
#define KM_NOSLEEP	((__force xfs_km_flags_t)0x0002u)
#define KM_NOFS		((__force xfs_km_flags_t)0x0004u)
#define KM_MAYFAIL	((__force xfs_km_flags_t)0x0008u)
#define KM_ZERO		((__force xfs_km_flags_t)0x0010u)
#define kmem_zone	kmem_cache
#define kmem_zone_t	struct kmem_cache
static inline gfp_t kmem_flags_convert(xfs_km_flags_t flags)
{
	gfp_t lflags;

	BUG_ON(flags & ~(KM_SLEEP|KM_NOSLEEP|KM_NOFS|KM_MAYFAIL|KM_ZERO));
	if (flags & KM_NOSLEEP) {
		lflags = GFP_ATOMIC | __GFP_NOWARN;
	} else {
		lflags = GFP_KERNEL | __GFP_NOWARN;
		if (flags & KM_NOFS)
			lflags &= ~__GFP_FS;
	}
	if (flags & KM_MAYFAIL)
		lflags |= __GFP_RETRY_MAYFAIL;
	if (flags & KM_ZERO)
		lflags |= __GFP_ZERO;
	return lflags;
}
static inline void *kmem_zone_zalloc(kmem_zone_t *zone, xfs_km_flags_t flags)
{
	return kmem_zone_alloc(zone, flags | KM_ZERO);
}
static inline void kmem_zone_free(kmem_zone_t *zone, void *ptr)
{
	kmem_cache_free(zone, ptr);
}
"""
XFS_5_C = """\
void *kmem_alloc(size_t size, xfs_km_flags_t flags)
{
	int retries = 0;
	gfp_t lflags = kmem_flags_convert(flags);
	void *ptr;

	for (;;) {
		ptr = kmalloc(size, lflags);
		if (ptr || (flags & (KM_MAYFAIL | KM_NOSLEEP)))
			break;
		if (!(++retries % 100))
			xfs_err(NULL, "possible deadlock");
		congestion_wait(BLK_RW_ASYNC, HZ/50);
	}
	return ptr;
}
void *kmem_alloc_large(size_t size, xfs_km_flags_t flags)
{
	unsigned nofs_flag = 0;
	void *ptr;
	gfp_t lflags;

	ptr = kmem_alloc(size, flags | KM_MAYFAIL);
	if (ptr)
		return ptr;
	if (flags & KM_NOFS)
		nofs_flag = memalloc_nofs_save();
	lflags = kmem_flags_convert(flags);
	ptr = __vmalloc(size, lflags, PAGE_KERNEL);
	if (flags & KM_NOFS)
		memalloc_nofs_restore(nofs_flag);
	return ptr;
}
void *kmem_realloc(const void *old, size_t newsize, xfs_km_flags_t flags)
{
	int retries = 0;
	gfp_t lflags = kmem_flags_convert(flags);
	void *ptr;

	do {
		ptr = krealloc(old, newsize, lflags);
		if (ptr || (flags & (KM_MAYFAIL | KM_NOSLEEP)))
			return ptr;
		retries++;
		congestion_wait(BLK_RW_ASYNC, HZ/50);
	} while (1);
}
void *kmem_zone_alloc(kmem_zone_t *zone, xfs_km_flags_t flags)
{
	gfp_t lflags = kmem_flags_convert(flags);
	void *ptr;

again:
	ptr = kmem_cache_alloc(zone, lflags);
	if (!ptr && !(flags & (KM_MAYFAIL | KM_NOSLEEP))) {
		congestion_wait(BLK_RW_ASYNC, HZ/50);
		goto again;
	}
	return ptr;
}
"""

# Linux 3.x: the wrapper itself looks whether the task is in a transaction; zeroing by hand.
XFS_3_C = """\
#define KM_SLEEP 0x0001u
#define KM_NOSLEEP 0x0002u
#define KM_NOFS 0x0004u
#define KM_MAYFAIL 0x0008u
static inline gfp_t kmem_flags_convert(unsigned int flags)
{
	gfp_t lflags;

	if (flags & KM_NOSLEEP) {
		lflags = GFP_ATOMIC | __GFP_NOWARN;
	} else {
		lflags = GFP_KERNEL | __GFP_NOWARN;
		if ((current->flags & PF_FSTRANS) || (flags & KM_NOFS))
			lflags &= ~__GFP_FS;
	}
	return lflags;
}
void *kmem_alloc(size_t size, unsigned int flags)
{
	int retries = 0;
	gfp_t lflags = kmem_flags_convert(flags);
	void *ptr;

	do {
		ptr = kmalloc(size, lflags);
		if (ptr || (flags & (KM_MAYFAIL|KM_NOSLEEP)))
			return ptr;
		if (!(++retries % 100))
			xfs_err(NULL, "possible deadlock");
		congestion_wait(BLK_RW_ASYNC, HZ/50);
	} while (1);
}
void *kmem_zalloc(size_t size, unsigned int flags)
{
	void *ptr;

	ptr = kmem_alloc(size, flags);
	if (ptr)
		memset((char *)ptr, 0, (int)size);
	return ptr;
}
void kmem_free(const void *ptr)
{
	if (!is_vmalloc_addr(ptr)) {
		kfree(ptr);
	} else {
		vfree(ptr);
	}
}
void *kmem_realloc(const void *ptr, size_t newsize, size_t oldsize, unsigned int flags)
{
	void *new;

	new = kmem_alloc(newsize, flags);
	if (ptr) {
		if (new)
			memcpy(new, ptr, ((oldsize < newsize) ? oldsize : newsize));
		kmem_free(ptr);
	}
	return new;
}
void *kmem_zalloc_greedy(size_t *size, size_t minsize, size_t maxsize)
{
	void *ptr;
	size_t kmsize = maxsize;

	while (!(ptr = vzalloc(kmsize))) {
		if ((kmsize >>= 1) <= minsize)
			kmsize = minsize;
	}
	if (ptr)
		*size = kmsize;
	return ptr;
}
"""

# f2fs: fault injection that some configurations lack, and a fallback to a promise.
F2FS_H = """\
#define F2FS_OPTION(sbi) ((sbi)->mount_opt)
enum { FAULT_KMALLOC, FAULT_SLAB, FAULT_MAX };
#ifdef CONFIG_F2FS_FAULT_INJECTION
static inline bool time_to_inject(struct f2fs_sb_info *sbi, int type)
{
	struct f2fs_fault_info *ffi = &F2FS_OPTION(sbi).fault_info;

	if (!ffi->inject_rate)
		return false;
	atomic_inc(&ffi->inject_ops);
	if (atomic_read(&ffi->inject_ops) >= ffi->inject_rate) {
		atomic_set(&ffi->inject_ops, 0);
		return true;
	}
	return false;
}
#define show_injection(sbi, type) printk("injected %d", type)
#else
static inline bool time_to_inject(struct f2fs_sb_info *sbi, int type)
{
	return false;
}
#define show_injection(sbi, type) do { } while (0)
#endif
static inline void *nofail_alloc(struct kmem_cache *cachep, gfp_t flags)
{
	void *entry;

	entry = kmem_cache_alloc(cachep, flags);
	if (!entry)
		entry = kmem_cache_alloc(cachep, flags | __GFP_NOFAIL);
	return entry;
}
static inline void *f2fs_cache_alloc(struct kmem_cache *cachep, gfp_t flags)
{
	return nofail_alloc(cachep, flags);
}
static inline void *f2fs_kmalloc(struct f2fs_sb_info *sbi, size_t size, gfp_t flags)
{
	if (time_to_inject(sbi, FAULT_KMALLOC)) {
		show_injection(sbi, FAULT_KMALLOC);
		return NULL;
	}
	return kmalloc(size, flags);
}
static inline void *f2fs_kvzalloc(struct f2fs_sb_info *sbi, size_t size, gfp_t flags)
{
	return kvmalloc(size, flags | __GFP_ZERO);
}
"""

# The SPL of OpenZFS: macros before functions, PF flags as scopes, a limit on the size.
SPL_H = """\
#define KM_SLEEP 0x0000
#define KM_NOSLEEP 0x0001
#define KM_PUSHPAGE 0x0004
#define KM_ZERO 0x1000
#define KM_VMEM 0x2000
#define SPL_FSTRANS (PF_MEMALLOC_NOIO)
#define kmem_alloc(sz, fl) spl_kmem_alloc((sz), (fl), __func__, __LINE__)
#define kmem_zalloc(sz, fl) spl_kmem_alloc((sz), (fl) | KM_ZERO, __func__, __LINE__)
#define vmem_alloc(sz, fl) spl_vmem_alloc((sz), (fl), __func__, __LINE__)
#define kmem_free(ptr, sz) spl_kmem_free((ptr), (sz))
static inline int spl_fstrans_check(void)
{
	return (current->flags & SPL_FSTRANS) == SPL_FSTRANS;
}
static inline gfp_t kmem_flags_convert(int flags)
{
	gfp_t lflags = __GFP_NOWARN | __GFP_COMP;

	if (flags & KM_NOSLEEP) {
		lflags |= GFP_ATOMIC | __GFP_NORETRY;
	} else {
		lflags |= GFP_KERNEL;
		if (spl_fstrans_check())
			lflags &= ~(__GFP_IO | __GFP_FS);
	}
	if (flags & KM_PUSHPAGE)
		lflags |= __GFP_HIGH;
	if (flags & KM_ZERO)
		lflags |= __GFP_ZERO;
	return lflags;
}
"""
SPL_C = """\
unsigned int spl_kmem_alloc_warn = 65536;
unsigned int spl_kmem_alloc_max = 4194304;
static void *spl_kmem_alloc_impl(size_t size, int flags, int node)
{
	gfp_t lflags = kmem_flags_convert(flags);
	void *ptr;

	if ((spl_kmem_alloc_warn > 0) && (size > spl_kmem_alloc_warn) &&
			!(flags & KM_VMEM)) {
		printk(KERN_WARNING "Large kmem_alloc(%lu, 0x%x)", size, flags);
		dump_stack();
	}
	do {
		if (flags & KM_VMEM) {
			ptr = kvmalloc(size, lflags | __GFP_HIGHMEM);
		} else {
			if (size > spl_kmem_alloc_max)
				return NULL;
			ptr = kmalloc_node(size, lflags, node);
		}
		if (likely(ptr) || (flags & KM_NOSLEEP))
			return ptr;
		lflags |= __GFP_RETRY_MAYFAIL;
		cond_resched();
	} while (1);
	return NULL;
}
void *spl_kmem_alloc(size_t size, int flags, const char *func, int line)
{
	ASSERT0(flags & ~KM_PUBLIC_MASK);
	return spl_kmem_alloc_impl(size, flags, NUMA_NO_NODE);
}
void *spl_vmem_alloc(size_t size, int flags, const char *func, int line)
{
	flags |= KM_VMEM;
	return spl_kmem_alloc_impl(size, flags, NUMA_NO_NODE);
}
void spl_kmem_free(const void *buf, size_t size)
{
	kvfree(buf);
}
"""


def tree(files: Mapping[str, str], gfp: str = GFP_5, sched_mm: str = SCHED_MM_OLD) -> MemoryTree:
    """A tree with gfp and scope headers and some files of a filesystem."""
    return MemoryTree(
        {
            "include/linux/gfp.h": gfp,
            "include/linux/sched.h": SCHED,
            "include/linux/sched/mm.h": sched_mm,
            **files,
        }
    )
