/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_GFP_H
#define _LINUX_GFP_H

#include <linux/gfp_types.h>

struct page;

static inline bool gfpflags_allow_blocking(gfp_t mask)
{
	return (mask & __GFP_DIRECT_RECLAIM) != 0;
}

struct page *alloc_pages(gfp_t gfp, unsigned int order);
void __free_pages(struct page *page, unsigned int order);

#define alloc_page(gfp)		alloc_pages(gfp, 0)
#define __free_page(page)	__free_pages(page, 0)

#endif /* _LINUX_GFP_H */
