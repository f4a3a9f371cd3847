/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_RADIX_TREE_H
#define _LINUX_RADIX_TREE_H

#include <linux/gfp.h>

/*
 * An index of pointers.  The mask given at initialisation is kept and used by
 * every insertion, whoever calls it.
 */
struct radix_tree_node {
	unsigned long		index;
	void			*item;
	struct radix_tree_node	*next;
};

struct radix_tree_root {
	gfp_t			xa_flags;
	struct radix_tree_node	*xa_head;
};

#define RADIX_TREE_INIT(name, mask)	{ .xa_flags = (mask), .xa_head = NULL }

#define RADIX_TREE(name, mask) \
	struct radix_tree_root name = RADIX_TREE_INIT(name, mask)

#define INIT_RADIX_TREE(root, mask) \
	do { \
		(root)->xa_flags = (mask); \
		(root)->xa_head = NULL; \
	} while (0)

int radix_tree_insert(struct radix_tree_root *root, unsigned long index, void *item);
void *radix_tree_lookup(const struct radix_tree_root *root, unsigned long index);
void *radix_tree_delete(struct radix_tree_root *root, unsigned long index);
unsigned int radix_tree_gang_lookup(const struct radix_tree_root *root,
		void **results, unsigned long first, unsigned int max_items);

#endif /* _LINUX_RADIX_TREE_H */
