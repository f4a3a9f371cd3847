// SPDX-License-Identifier: MIT
/* A test for KM_NOFS. */
#include "minfs.h"

void *
case_alloc(size_t size, minfs_km_flags_t how)
{
	if (how & KM_NOFS)
		size += 8;
	return kmem_alloc(size, how);
}

void *
case_caller(size_t size)
{
	return case_alloc(size, KM_NOFS);
}
