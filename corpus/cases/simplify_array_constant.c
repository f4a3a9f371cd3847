// SPDX-License-Identifier: MIT
/* A constant number of elements. */
#include "minfs.h"

struct case_item {
	u64			start;
	u32			count;
};

struct case_item *
case_alloc(
	void)
{
	struct case_item	*items;

	items = kmem_zalloc(4 * sizeof(struct case_item), KM_NOFS);
	return items;
}
