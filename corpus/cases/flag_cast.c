// SPDX-License-Identifier: MIT
/* A cast to the flag type. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_zalloc(size, (minfs_km_flags_t)0);
}
