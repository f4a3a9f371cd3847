"""A toy filesystem for reviews: a header with wrappers, and functions put into one file."""

from __future__ import annotations

from tests.verify.review.patches import TOY, TOY_HEADER, Files

HEADER = """\
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/sched/mm.h>
#include <linux/list.h>
#include <linux/radix-tree.h>
#include <linux/string.h>

typedef unsigned int toy_flags_t;

#define TOY_NOFS	((toy_flags_t)0x1u)
#define TOY_MAYFAIL	((toy_flags_t)0x2u)

struct toy_node {
	struct list_head	list;
	int			value;
	char			*name;
	struct toy_node		*child;
};

struct toy_mount {
	struct radix_tree_root	tree;
	char			*buffer;
	unsigned int		blocksize;
	unsigned int		flags;
};

static inline gfp_t toy_mask(toy_flags_t flags)
{
	gfp_t mask = GFP_KERNEL | __GFP_NOWARN;

	if (flags & TOY_NOFS)
		mask &= ~__GFP_FS;
	if (flags & TOY_MAYFAIL)
		mask |= __GFP_RETRY_MAYFAIL;
	return mask;
}

static inline void *toy_alloc(size_t size, toy_flags_t flags)
{
	void *p;

	do {
		p = kmalloc(size, toy_mask(flags));
		if (p || (flags & TOY_MAYFAIL))
			return p;
	} while (1);
}

static inline void *toy_large(size_t size)
{
	void *p = kmalloc(size, GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);

	if (!p)
		p = vmalloc(size);
	return p;
}

static inline void toy_free(const void *p)
{
	kvfree(p);
}

int toy_work(struct toy_mount *mp);
int toy_read(struct toy_mount *mp, char *buffer);
void toy_lock(struct toy_mount *mp);
void toy_unlock(struct toy_mount *mp);
"""

INCLUDE = '#include "toy.h"\n\n'


def toy(code: str, header: str = HEADER) -> Files:
    """The files of a toy filesystem whose only source file holds some functions."""
    return {TOY_HEADER: header, TOY: INCLUDE + code.lstrip("\n")}


def body(statements: str, head: str = "int f(struct toy_mount *mp)") -> Files:
    """The files of a toy filesystem with one function of these statements."""
    return toy(f"{head}\n{{\n{statements.strip(chr(10))}\n}}\n")
