// SPDX-License-Identifier: MIT
/* The header of the wrappers, included directly. */
#include "minfs.h"
#include "kmem.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, KM_NOFS);
}
