// SPDX-License-Identifier: MIT
/* A parameter that may fail from here on. */
#include "minfs.h"

static void *
case_alloc(size_t size, minfs_km_flags_t flags)
{
	return kmem_zalloc(size, flags | KM_MAYFAIL);
}

void *
case_caller(size_t size)
{
	return case_alloc(size, KM_NOFS);
}
