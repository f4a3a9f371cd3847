// SPDX-License-Identifier: MIT
/* A macro over the wrapper. */
#include "minfs.h"

#define kmem_alloc(size, flags)	kmem_zalloc((size) + 16, flags)

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, KM_NOFS);
}
