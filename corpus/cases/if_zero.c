// SPDX-License-Identifier: MIT
/* Calls that are never compiled. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
#if 0
	minfs_km_flags_t f = KM_NOFS | KM_SLEEP;

	return kmem_alloc(size, f);
#endif
	return kmem_alloc(size, KM_NOFS);
}
