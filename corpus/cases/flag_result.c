// SPDX-License-Identifier: MIT
/* A function that returns flags. */
#include "minfs.h"

static minfs_km_flags_t
case_flags(bool locked)
{
	return locked ? KM_NOFS : 0;
}

void *
case_alloc(size_t size, bool locked)
{
	return kmem_zalloc(size, case_flags(locked));
}
