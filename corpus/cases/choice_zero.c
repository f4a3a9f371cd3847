// SPDX-License-Identifier: MIT
/* KM_ZERO by condition. */
#include "minfs.h"

void *
case_alloc(size_t size, bool clean)
{
	minfs_km_flags_t f = clean ? KM_ZERO : 0;

	return kmem_alloc(size, f);
}
