/* SPDX-License-Identifier: MIT */
#ifndef __SPL_KMEM_H__
#define __SPL_KMEM_H__

/*
 * Wrappers in the manner of the Solaris porting layer of OpenZFS, told anew:
 * KM_SLEEP always succeeds, frees know the size, and a task in a transaction is
 * marked (by the bit of a NOIO scope).
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define KM_SLEEP	0x0000	/* waits, never fails */
#define KM_NOSLEEP	0x0001	/* does not wait, may fail */
#define KM_PUSHPAGE	0x0004	/* may use reserves */
#define KM_ZERO		0x1000
#define KM_VMEM		0x2000	/* internal: vmem_*() */

#define KM_PUBLIC_MASK	(KM_SLEEP | KM_NOSLEEP | KM_PUSHPAGE)

#define SPL_FSTRANS	PF_MEMALLOC_NOIO

typedef unsigned long fstrans_cookie_t;

static inline fstrans_cookie_t
spl_fstrans_mark(void)
{
	return memalloc_noio_save();
}

static inline void
spl_fstrans_unmark(fstrans_cookie_t cookie)
{
	memalloc_noio_restore(cookie);
}

static inline int
spl_fstrans_check(void)
{
	return current->flags & SPL_FSTRANS;
}

static inline gfp_t
kmem_flags_convert(int flags)
{
	gfp_t mask;

	if (flags & KM_NOSLEEP)
		mask = GFP_ATOMIC | __GFP_NORETRY;
	else if (spl_fstrans_check())
		mask = GFP_NOIO;
	else
		mask = GFP_KERNEL;

	mask |= __GFP_NOWARN;
	if (!(flags & KM_VMEM))
		mask |= __GFP_COMP;
	if (flags & KM_PUSHPAGE)
		mask |= __GFP_HIGH;
	if (flags & KM_ZERO)
		mask |= __GFP_ZERO;
	return mask;
}

extern unsigned int spl_kmem_alloc_max;

extern void *spl_kmem_alloc(size_t size, int flags, const char *who, int line);
extern void *spl_kmem_zalloc(size_t size, int flags, const char *who,
			     int line);
extern void spl_kmem_free(const void *buf, size_t size);
extern void *spl_vmem_alloc(size_t size, int flags);

#define kmem_alloc(sz, fl)	spl_kmem_alloc((sz), (fl), __func__, __LINE__)
#define kmem_zalloc(sz, fl)	spl_kmem_zalloc((sz), (fl), __func__, __LINE__)
#define kmem_free(ptr, sz)	spl_kmem_free((ptr), (sz))

#define vmem_alloc(sz, fl)	spl_vmem_alloc((sz), (fl))
#define vmem_zalloc(sz, fl)	spl_vmem_alloc((sz), (fl) | KM_ZERO)
#define vmem_free(ptr, sz)	spl_kmem_free((ptr), (sz))

extern char *kmem_strdup(const char *s);

#endif /* __SPL_KMEM_H__ */
