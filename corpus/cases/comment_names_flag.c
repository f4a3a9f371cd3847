// SPDX-License-Identifier: MIT
/* Comments that name what goes away. */
#include "minfs.h"

/*
 * Like kmem_alloc(), but counted.
 */
void *
case_alloc(size_t size)
{
	/* KM_NOFS: called with the lock held */
	return kmem_alloc(size, /* not KM_MAYFAIL */ KM_NOFS);
}
