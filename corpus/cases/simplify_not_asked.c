// SPDX-License-Identifier: MIT
/* A product, and nobody asked for a simplification. */
#include "minfs.h"

struct case_item {
	u64			start;
	u32			count;
};

struct case_item *
case_alloc(
	unsigned int		nr)
{
	struct case_item	*items;

	items = kmem_zalloc(nr * sizeof(struct case_item), KM_NOFS);
	return items;
}
