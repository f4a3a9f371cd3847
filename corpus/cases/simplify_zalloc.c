// SPDX-License-Identifier: MIT
/* Memory that is cleared at once. */
#include "minfs.h"

struct case_item {
	u64			start;
	u32			count;
};

struct case_item *
case_new(void)
{
	struct case_item	*item;

	item = kmem_alloc(sizeof(*item), KM_MAYFAIL);
	if (!item)
		return NULL;

	memset(item, 0, sizeof(*item));
	item->count = 1;
	return item;
}
