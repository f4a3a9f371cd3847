// SPDX-License-Identifier: MIT
/* A file of another filesystem. */
#include "../minfs/kmem.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, KM_NOFS);
}
