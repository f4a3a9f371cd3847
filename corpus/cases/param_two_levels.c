// SPDX-License-Identifier: MIT
/* Flags handed through two functions. */
#include "minfs.h"

static void *
case_inner(size_t size, minfs_km_flags_t flags)
{
	return kmem_zalloc(size, flags);
}

static void *
case_outer(int nr, size_t size,
	   minfs_km_flags_t flags)
{
	return case_inner(nr * size, flags);
}

void *
case_caller(void)
{
	return case_outer(4, 16, KM_NOFS | KM_NOLOCKDEP);
}
