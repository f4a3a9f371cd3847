// SPDX-License-Identifier: MIT
/* Flags as a bare number. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, (__force minfs_km_flags_t)4);
}
