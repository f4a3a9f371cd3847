// SPDX-License-Identifier: MIT
/* Loop macros with a body that looks like an operand. */
#include "minfs.h"

struct case_item {
	struct list_head	list;
	int			*count;
};

void
case_all(struct list_head *head)
{
	struct case_item *item, *n;

	list_for_each_entry(item, head, list)
		*item->count = 1;
	list_for_each_entry(item, head, list)
		item->count = kmem_zalloc(sizeof(int), KM_NOFS);
	list_for_each_entry_safe(item, n, head, list)
		(void)kmem_alloc(1, 0);
	list_for_each_entry_safe(item, n, head, list)
		kmem_free(item);
}
