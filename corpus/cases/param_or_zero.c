// SPDX-License-Identifier: MIT
/* A parameter with KM_ZERO. */
#include "minfs.h"

static void *
case_alloc(size_t size, minfs_km_flags_t flags)
{
	return kmem_alloc(size, flags | KM_ZERO);
}

void *
case_caller(size_t size)
{
	return case_alloc(size, KM_NOFS);
}
