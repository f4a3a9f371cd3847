// SPDX-License-Identifier: MIT
/* Objects on lists. */
#include "minfs.h"

struct case_small {
	struct list_head	list;
};

struct case_large {
	struct list_head	list;
};

void
case_add(struct list_head *smalls, struct list_head *larges, size_t size)
{
	struct case_small	*small = kmem_alloc(sizeof(*small), KM_NOFS);
	struct case_large	*large = kvmalloc(size, GFP_KERNEL);

	list_add_tail(&small->list, smalls);
	list_add_tail(&large->list, larges);
}

void
case_drop(struct list_head *smalls, struct list_head *larges)
{
	struct case_small	*small;
	struct case_large	*large;

	small = list_first_entry(smalls, struct case_small, list);
	large = list_first_entry(larges, struct case_large, list);
	list_del_init(&small->list);
	list_del_init(&large->list);
	kmem_free(small);
	kmem_free(large);
}
