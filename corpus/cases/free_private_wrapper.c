// SPDX-License-Identifier: MIT
/* Memory of a private function that falls back to vmalloc. */
#include "minfs.h"

static void *
case_big(size_t size)
{
	void		*p = kmalloc(size, GFP_KERNEL | __GFP_NORETRY);

	if (!p)
		p = __vmalloc(size, GFP_KERNEL);
	return p;
}

static void *
case_little(size_t size)
{
	return kmem_alloc(size, KM_NOFS);
}

void
case_work(size_t size)
{
	void		*big = case_big(size);
	void		*little = case_little(size);

	kmem_free(big);
	kmem_free(little);
}
