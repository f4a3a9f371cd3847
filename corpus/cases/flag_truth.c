// SPDX-License-Identifier: MIT
/* Whether there is any flag. */
#include "minfs.h"

void *
case_alloc(size_t size, minfs_km_flags_t how)
{
	if (how)
		size += 8;
	return kmem_alloc(size, how);
}

void *
case_caller(size_t size)
{
	return case_alloc(size, 0);
}
