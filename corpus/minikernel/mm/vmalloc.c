// SPDX-License-Identifier: MIT
/*
 * The vmalloc area: whole pages, never from the direct mapping.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/vmalloc.h>
#include "internal.h"

/*
 * The pages, one by one, so that no request here is of a high order.  Page
 * tables are allocated on the way and take no mask: a scope speaks for it.
 */
static struct page *__vmalloc_area_node(unsigned long size, gfp_t gfp_mask)
{
	unsigned int flags = 0;
	struct page *page = NULL;

	if (!(gfp_mask & __GFP_FS))
		flags = memalloc_nofs_save();
	if (mm_may_allocate(PAGE_SIZE, gfp_mask))
		page = mm_take_pages(true, DIV_ROUND_UP(size, PAGE_SIZE));
	if (!(gfp_mask & __GFP_FS))
		memalloc_nofs_restore(flags);
	BUG_ON(!page && (gfp_mask & __GFP_NOFAIL));
	return page;
}

void *__vmalloc(unsigned long size, gfp_t gfp_mask)
{
	struct page *page = __vmalloc_area_node(size, gfp_mask);

	if (!page)
		return NULL;
	mm_trace("vmalloc", size, gfp_mask);
	return mm_prepare(page_address(page), size, gfp_mask);
}

void *vmalloc(unsigned long size)
{
	return __vmalloc(size, GFP_KERNEL);
}

void *vzalloc(unsigned long size)
{
	return __vmalloc(size, GFP_KERNEL | __GFP_ZERO);
}

void vfree(const void *addr)
{
	if (!addr)
		return;
	BUG_ON(!is_vmalloc_addr(addr));
	mm_nr_objects--;
	mm_give_pages(virt_to_page(addr));
}

struct page *vmalloc_to_page(const void *addr)
{
	BUG_ON(!is_vmalloc_addr(addr));
	return virt_to_page(addr);
}
