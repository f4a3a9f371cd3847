// SPDX-License-Identifier: MIT
/* A variable that takes its value from another one. */
#include "minfs.h"

void *
case_alloc(size_t size, minfs_km_flags_t how)
{
	minfs_km_flags_t f = how | KM_ZERO;

	return kmem_alloc(size, f);
}

void *
case_caller(size_t size)
{
	return case_alloc(size, KM_NOFS);
}
