// SPDX-License-Identifier: MIT
/*
 * Pages: one array of memory, first fit, nothing clever.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include "internal.h"

#define NR_DIRECT_PAGES		2048
#define NR_VMALLOC_PAGES	1024
#define NR_PAGES		(NR_DIRECT_PAGES + NR_VMALLOC_PAGES)

static u8 memory[NR_PAGES << PAGE_SHIFT] __aligned(1 << PAGE_SHIFT);
static struct page mem_map[NR_PAGES];

struct mm_knobs mm_knobs;
long mm_nr_objects;

struct page *virt_to_page(const void *addr)
{
	unsigned long pfn = ((const u8 *)addr - memory) >> PAGE_SHIFT;

	BUG_ON(pfn >= NR_PAGES);
	return &mem_map[pfn];
}

void *page_address(const struct page *page)
{
	return memory + ((size_t)(page - mem_map) << PAGE_SHIFT);
}

bool is_vmalloc_addr(const void *x)
{
	const u8 *area = memory + ((size_t)NR_DIRECT_PAGES << PAGE_SHIFT);

	return (const u8 *)x >= area && (const u8 *)x < memory + sizeof(memory);
}

static struct page *find_free_run(struct page *from, struct page *end, unsigned int nr)
{
	unsigned int run = 0;
	struct page *page;

	for (page = from; page < end; page++) {
		run = page->used ? 0 : run + 1;
		if (run == nr)
			return page - (nr - 1);
	}
	return NULL;
}

struct page *mm_take_pages(bool vmalloc_area, unsigned int nr)
{
	struct page *from = mem_map + (vmalloc_area ? NR_DIRECT_PAGES : 0);
	struct page *end = mem_map + (vmalloc_area ? NR_PAGES : NR_DIRECT_PAGES);
	struct page *page = find_free_run(from, end, nr);
	unsigned int i;

	if (!page)
		return NULL;
	for (i = 0; i < nr; i++)
		page[i].used = true;
	page->nr_pages = nr;
	page->obj_size = 0;
	return page;
}

void mm_give_pages(struct page *page)
{
	unsigned int i, nr = page->nr_pages;

	BUG_ON(!page->used || !nr);
	memset(page_address(page), 0x6b, (size_t)nr << PAGE_SHIFT);
	for (i = 0; i < nr; i++)
		page[i].used = false;
	page->nr_pages = 0;
}

/* About every n-th time, by chance, but the same chance in every run. */
static bool every(unsigned int n, unsigned int *state)
{
	if (!n)
		return false;
	*state = *state * 1103515245u + 12345u;
	return (*state >> 16) % n == 0;
}

bool mm_may_allocate(size_t size, gfp_t gfp)
{
	static unsigned int reclaimable, mayfail, plain;

	gfp = current_gfp_context(gfp);
	WARN_ON_ONCE((gfp & __GFP_NOFAIL) && get_order(size) > 1);

	if (gfpflags_allow_blocking(gfp) && !(current->flags & PF_MEMALLOC) &&
	    every(mm_knobs.reclaim_every, &reclaimable))
		shrink_slab(gfp);

	if (gfp & __GFP_NOFAIL)
		return true;
	if (gfp & __GFP_RETRY_MAYFAIL)
		return !every(mm_knobs.fail_every, &mayfail);
	return !every(mm_knobs.retry_every, &plain);
}

void mm_trace(const char *what, size_t size, gfp_t gfp)
{
	if (!mm_knobs.trace)
		return;
	gfp = current_gfp_context(gfp);
	printk("%s %u%s%s%s%s%s\n", what, (unsigned int)size,
	       gfp & __GFP_IO ? " io" : "", gfp & __GFP_FS ? " fs" : "",
	       gfp & __GFP_ZERO ? " zero" : "",
	       gfp & __GFP_RETRY_MAYFAIL ? " mayfail" : "",
	       gfp & __GFP_NOLOCKDEP ? " nolockdep" : "");
}

void *mm_prepare(void *p, size_t size, gfp_t gfp)
{
	mm_nr_objects++;
	return memset(p, gfp & __GFP_ZERO ? 0 : 0x5a, size);
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	size_t size = PAGE_SIZE << order;
	struct page *page = NULL;

	if (mm_may_allocate(size, gfp))
		page = mm_take_pages(false, 1U << order);
	if (!page) {
		BUG_ON(gfp & __GFP_NOFAIL);
		return NULL;
	}
	mm_trace("alloc_pages", size, gfp);
	mm_prepare(page_address(page), size, gfp);
	return page;
}

void __free_pages(struct page *page, unsigned int order)
{
	BUG_ON(page->nr_pages != 1U << order);
	mm_nr_objects--;
	mm_give_pages(page);
}
