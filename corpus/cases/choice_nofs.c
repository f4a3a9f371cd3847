// SPDX-License-Identifier: MIT
/* Flags by condition. */
#include "minfs.h"

void *
case_alloc(size_t size, bool locked)
{
	return kmem_alloc(size, locked ? KM_NOFS : 0);
}
