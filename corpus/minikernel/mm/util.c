// SPDX-License-Identifier: MIT
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

/**
 * kvmalloc - memory from the slab if that is cheap, otherwise from vmalloc
 * @size: bytes
 * @flags: a mask that may block
 *
 * A large request tries the slab once and quietly; never failing is left to
 * vmalloc then.  Free with kvfree().
 */
void *kvmalloc(size_t size, gfp_t flags)
{
	gfp_t try = flags;
	void *p;

	if (size > PAGE_SIZE) {
		try |= __GFP_NOWARN | __GFP_NORETRY;
		try &= ~(__GFP_NOFAIL | __GFP_RETRY_MAYFAIL);
		/* The slab of this tree has no larger contiguous memory. */
		if (get_order(size) > 1)
			return __vmalloc(size, flags);
	}
	p = kmalloc(size, try);
	if (p || size <= PAGE_SIZE)
		return p;
	return __vmalloc(size, flags);
}

void kvfree(const void *addr)
{
	if (is_vmalloc_addr(addr))
		vfree(addr);
	else
		kfree(addr);
}

char *kstrdup(const char *s, gfp_t gfp)
{
	return s ? kmemdup(s, strlen(s) + 1, gfp) : NULL;
}

void *kmemdup(const void *src, size_t len, gfp_t gfp)
{
	void *p = kmalloc(len, gfp);

	if (p)
		memcpy(p, src, len);
	return p;
}
