// SPDX-License-Identifier: MIT
/* A helper of the same header. */
#include "minfs.h"

struct page *
case_page(size_t size)
{
	void *p = kmem_alloc(size, KM_NOFS);

	return kmem_to_page(p);
}
