/* SPDX-License-Identifier: MIT */
#ifndef _MM_INTERNAL_H
#define _MM_INTERNAL_H

#include <linux/mm.h>

/*
 * What a test may ask of the memory manager.  Each number n > 0 means: about
 * every n-th request that qualifies.
 */
struct mm_knobs {
	unsigned int	reclaim_every;	/* requests that may reclaim, do */
	unsigned int	fail_every;	/* __GFP_RETRY_MAYFAIL requests fail */
	unsigned int	retry_every;	/* requests without either flag fail */
	bool		trace;		/* print every request that succeeds */
};

extern struct mm_knobs mm_knobs;

struct page *mm_take_pages(bool vmalloc_area, unsigned int nr);
void mm_give_pages(struct page *page);

/* Reclaim and injected failures: whether a request may go on. */
bool mm_may_allocate(size_t size, gfp_t gfp);

/* Prints a request that was served, if tracing is on. */
void mm_trace(const char *what, size_t size, gfp_t gfp);

/* Fills new memory: with zeroes if asked for, otherwise with rubbish. */
void *mm_prepare(void *p, size_t size, gfp_t gfp);

/* Blocks of memory that are in use. */
extern long mm_nr_objects;

void shrink_slab(gfp_t gfp);

#endif /* _MM_INTERNAL_H */
