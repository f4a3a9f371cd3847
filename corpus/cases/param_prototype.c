// SPDX-License-Identifier: MIT
/* A prototype without parameter names. */
#include "minfs.h"

void *case_get(size_t, minfs_km_flags_t);

void *
case_get(size_t size, minfs_km_flags_t flags)
{
	return kmem_alloc(size, flags);
}

void *
case_caller(size_t size)
{
	return case_get(size, KM_MAYFAIL);
}
