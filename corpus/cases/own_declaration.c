// SPDX-License-Identifier: MIT
/* A second declaration of the wrapper. */
#include "minfs.h"

void *kmem_alloc(size_t size, minfs_km_flags_t flags);

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, KM_NOFS);
}
