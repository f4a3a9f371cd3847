// SPDX-License-Identifier: MIT
#include <linux/string.h>
#include "kmem.h"

unsigned int spl_kmem_alloc_max = 64 * PAGE_SIZE;

/*
 * Small memory from the slab, the rest from kvmalloc() if it may sleep.  More
 * than the limit is refused to everybody, which is a bug of the caller.
 */
static void *
spl_alloc_impl(size_t size, int flags)
{
	gfp_t mask = kmem_flags_convert(flags);
	void *p;

	if (size > spl_kmem_alloc_max && !(flags & KM_VMEM)) {
		WARN_ON_ONCE(1);
		return NULL;
	}

	do {
		if (flags & KM_NOSLEEP)
			p = kmalloc(size, mask);
		else
			p = kvmalloc(size, mask | __GFP_RETRY_MAYFAIL);
		if (p || (flags & KM_NOSLEEP))
			return p;
		schedule_timeout(1);
	} while (1);
}

void *
spl_kmem_alloc(size_t size, int flags, const char *who, int line)
{
	BUG_ON(flags & ~KM_PUBLIC_MASK);
	return spl_alloc_impl(size, flags);
}

void *
spl_kmem_zalloc(size_t size, int flags, const char *who, int line)
{
	BUG_ON(flags & ~KM_PUBLIC_MASK);
	return spl_alloc_impl(size, flags | KM_ZERO);
}

void *
spl_vmem_alloc(size_t size, int flags)
{
	BUG_ON(flags & ~(KM_PUBLIC_MASK | KM_ZERO));
	return spl_alloc_impl(size, flags | KM_VMEM);
}

void
spl_kmem_free(const void *buf, size_t size)
{
	kvfree(buf);
}

char *
kmem_strdup(const char *s)
{
	size_t len = strlen(s) + 1;
	char *p = kmem_alloc(len, KM_SLEEP);

	memcpy(p, s, len);
	return p;
}
