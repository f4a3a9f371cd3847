// SPDX-License-Identifier: MIT
/* Two sets of unknown flags combined. */
#include "minfs.h"

void *
case_alloc(size_t size, minfs_km_flags_t a, minfs_km_flags_t b)
{
	return kmem_alloc(size, a | b);
}

void *
case_caller(size_t size)
{
	return case_alloc(size, KM_NOFS, KM_MAYFAIL);
}
