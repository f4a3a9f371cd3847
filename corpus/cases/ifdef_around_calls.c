// SPDX-License-Identifier: MIT
/* A call in each branch. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
#ifdef CONFIG_MINFS_DEBUG
	return kmem_zalloc(size, KM_MAYFAIL);
#else
	return kmem_alloc(size, KM_NOFS);
#endif
}
