// SPDX-License-Identifier: MIT
/*
 * The interface of a radix tree on a sorted list: a few dozen entries are all
 * that it will hold here.
 */
#include <linux/errno.h>
#include <linux/radix-tree.h>
#include <linux/slab.h>

static struct radix_tree_node **find_slot(struct radix_tree_root *root,
		unsigned long index)
{
	struct radix_tree_node **slot = &root->xa_head;

	while (*slot && (*slot)->index < index)
		slot = &(*slot)->next;
	return slot;
}

/* Allocates by the mask that was stored in the root. */
int radix_tree_insert(struct radix_tree_root *root, unsigned long index, void *item)
{
	struct radix_tree_node **slot, *node;

	node = kmalloc(sizeof(*node), root->xa_flags);
	if (!node)
		return -ENOMEM;
	slot = find_slot(root, index);
	if (*slot && (*slot)->index == index) {
		kfree(node);
		return -EEXIST;
	}
	node->index = index;
	node->item = item;
	node->next = *slot;
	*slot = node;
	return 0;
}

void *radix_tree_lookup(const struct radix_tree_root *root, unsigned long index)
{
	const struct radix_tree_node *node;

	for (node = root->xa_head; node; node = node->next) {
		if (node->index == index)
			return node->item;
	}
	return NULL;
}

void *radix_tree_delete(struct radix_tree_root *root, unsigned long index)
{
	struct radix_tree_node **slot = find_slot(root, index);
	struct radix_tree_node *node = *slot;
	void *item;

	if (!node || node->index != index)
		return NULL;
	*slot = node->next;
	item = node->item;
	kfree(node);
	return item;
}

unsigned int radix_tree_gang_lookup(const struct radix_tree_root *root,
		void **results, unsigned long first, unsigned int max_items)
{
	const struct radix_tree_node *node;
	unsigned int nr = 0;

	for (node = root->xa_head; node && nr < max_items; node = node->next) {
		if (node->index >= first)
			results[nr++] = node->item;
	}
	return nr;
}
