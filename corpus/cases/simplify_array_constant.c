// SPDX-License-Identifier: MIT
/* A constant number of elements. */
#include "minfs.h"

struct case_item {
	uint64_t		start;
	uint32_t		count;
};

struct case_item *
case_alloc(
	void)
{
	struct case_item	*items;

	items = kmem_zalloc(4 * sizeof(struct case_item), KM_NOFS);
	return items;
}
