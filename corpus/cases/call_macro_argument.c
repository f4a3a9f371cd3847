// SPDX-License-Identifier: MIT
/* A call as an argument of macros. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	void *p;

	BUG_ON(!(p = kmem_alloc(size, KM_NOFS)));
	if (unlikely(!kmem_zalloc(size, KM_MAYFAIL)))
		return NULL;
	return p;
}
