// SPDX-License-Identifier: MIT
/* Memory that comes through a parameter. */
#include "minfs.h"

static int
case_get(void **small, void **large, size_t size)
{
	*small = kmem_alloc(size, KM_NOFS);
	*large = kvmalloc(size, GFP_KERNEL);
	return 0;
}

void
case_work(size_t size)
{
	void		*small, *large;

	if (case_get(&small, &large, size))
		return;
	kmem_free(small);
	kmem_free(large);
}
