"""A small kernel in our own words, with all that the patches of the nofail scope touch."""

from __future__ import annotations

from collections.abc import Mapping

from convert.source.dialect import Dialect
from tests.semantics.trees import GFP_5, MemoryTree

DIALECT = Dialect(typedefs=frozenset({"gfp_t", "size_t", "bool", "u32"}), loop_macros=frozenset())

SCHED = """\
#define PF_VCPU			0x00000001	/* a virtual CPU */
#define PF_EXITING		0x00000004	/* going away */
#define PF_MEMALLOC		0x00000800	/* frees memory */
#define PF__HOLE__00004000	0x00004000
#define PF_MEMALLOC_NOFS	0x00040000	/* as GFP_NOFS */
#define PF_MEMALLOC_NOIO	0x00080000	/* as GFP_NOIO */

#define TASK_SIZE_SHIFT		3
"""

CONTEXT = """\
/*
 * Scopes and masks.
 * PF_MEMALLOC_NOIO implies GFP_NOIO
 * PF_MEMALLOC_NOFS implies GFP_NOFS
 */
static inline gfp_t current_gfp_context(gfp_t flags)
{
	unsigned int pflags = READ_ONCE(current->flags);

	if (unlikely(pflags & (PF_MEMALLOC_NOIO | PF_MEMALLOC_NOFS))) {
		if (pflags & PF_MEMALLOC_NOIO)
			flags &= ~(__GFP_IO | __GFP_FS);
		else if (pflags & PF_MEMALLOC_NOFS)
			flags &= ~__GFP_FS;
	}
	return flags;
}
"""
OLD_VALUE = """\

static inline unsigned int memalloc_nofs_save(void)
{
	unsigned int flags = current->flags & PF_MEMALLOC_NOFS;

	current->flags |= PF_MEMALLOC_NOFS;
	return flags;
}

static inline void memalloc_nofs_restore(unsigned int flags)
{
	current->flags = (current->flags & ~PF_MEMALLOC_NOFS) | flags;
}
"""
NEWLY_SET = """\

static inline unsigned memalloc_flags_save(unsigned flags)
{
	unsigned newly = ~current->flags & flags;

	current->flags |= flags;
	return newly;
}

static inline void memalloc_flags_restore(unsigned flags)
{
	current->flags &= ~flags;
}

static inline unsigned int memalloc_nofs_save(void)
{
	return memalloc_flags_save(PF_MEMALLOC_NOFS);
}

static inline void memalloc_nofs_restore(unsigned int flags)
{
	memalloc_flags_restore(flags);
}
"""
PAGE_ALLOC = """\
#include <linux/sched/mm.h>

static struct page *slowpath(gfp_t gfp, unsigned int order)
{
	if (gfp & __GFP_NOFAIL)
		WARN_ON_ONCE(order > 1);
	return NULL;
}

void fs_reclaim_acquire(gfp_t mask)
{
	mask = current_gfp_context(mask);
	enter(mask);
}

struct page *__alloc_pages(gfp_t gfp, unsigned int order, int nid)
{
	gfp = current_gfp_context(gfp);
	return slowpath(gfp, order);
}

int alloc_contig_range(unsigned long start, gfp_t gfp_mask)
{
	struct control cc = {
		.gfp_mask = current_gfp_context(gfp_mask),
	};

	return isolate(&cc, start);
}
"""
FAILSLAB = """\
#include <linux/slab.h>

bool __should_failslab(struct kmem_cache *s, gfp_t gfpflags)
{
	if (gfpflags & __GFP_NOFAIL)
		return false;
	return true;
}
"""
VMALLOC = """\
#include <linux/sched/mm.h>

void *__vmalloc_node_range(unsigned long size, gfp_t gfp_mask, int node)
{
	void *area;

	/* Nothing to do. */
	if (!size)
		return NULL;
again:
	area = get_area(size, gfp_mask);
	if (!area && (gfp_mask & __GFP_NOFAIL))
		goto again;
	return area;
}
"""
MEMCONTROL = """\
#include <linux/sched/mm.h>

#define OBJCGS_CLEAR_MASK (__GFP_ACCOUNT | __GFP_NOFAIL)

static int try_charge_memcg(struct mem_cgroup *memcg, gfp_t gfp_mask, int pages)
{
	if (charge(memcg, pages))
		return 0;
	if (!(gfp_mask & (__GFP_NOFAIL | __GFP_HIGH)))
		return -ENOMEM;
	return 0;
}
"""
BLOCK = """\
#include <linux/blkdev.h>

void submit_bio_noacct_nocheck(struct bio *bio)
{
	start(bio);
	submit(bio);
}

void __blk_flush_plug(struct blk_plug *plug, bool from_schedule)
{
	struct list_head *list = &plug->list;

	flush(list);
}
"""
DOCUMENT = """\
GFP masks
=========

Text.

What about __vmalloc(GFP_NOFS)
==============================

More text.
"""
KCONFIG = 'config OTHER\n\tbool "Other"\n\thelp\n\t  if you need it.\n'
FACTS = {"slowpath": "__alloc_pages_slowpath"}


def kernel(changed: Mapping[str, str | None] | None = None, style: str = OLD_VALUE) -> MemoryTree:
    """The kernel, with some files replaced or (None) left out."""
    texts: dict[str, str | None] = {
        "include/linux/gfp.h": GFP_5,
        "include/linux/sched.h": SCHED,
        "include/linux/sched/mm.h": CONTEXT + style,
        "mm/page_alloc.c": PAGE_ALLOC.replace("slowpath", FACTS["slowpath"]),
        "mm/failslab.c": FAILSLAB,
        "mm/vmalloc.c": VMALLOC,
        "mm/memcontrol.c": MEMCONTROL,
        "mm/Makefile": "obj-y += page_alloc.o\n",
        "mm/Kconfig.debug": KCONFIG,
        "block/blk-core.c": BLOCK,
        "Documentation/core-api/gfp_mask-from-fs-io.rst": DOCUMENT,
    }
    texts |= dict(changed or {})
    return MemoryTree({path: text for path, text in texts.items() if text is not None})
