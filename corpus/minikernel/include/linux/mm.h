/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_MM_H
#define _LINUX_MM_H

#include <linux/kernel.h>
#include <linux/gfp.h>
#include <linux/slab.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))

#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)

/*
 * Memory is one array of pages.  The first part is mapped directly and serves
 * the page and slab allocators, the rest is the vmalloc area.
 */
struct page {
	unsigned int	nr_pages;	/* first page of a block: its length */
	unsigned int	obj_size;	/* page of small objects: their size */
	bool		used;
};

struct page *virt_to_page(const void *addr);
void *page_address(const struct page *page);
bool is_vmalloc_addr(const void *x);

static inline int get_order(size_t size)
{
	int order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

#endif /* _LINUX_MM_H */
