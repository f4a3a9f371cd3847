// SPDX-License-Identifier: MIT
/* A function with flags, called through a pointer. */
#include "minfs.h"

typedef void *(*case_alloc_t)(size_t, minfs_km_flags_t);

static void *
case_get(size_t size, minfs_km_flags_t how)
{
	return kmem_alloc(size, how);
}

static case_alloc_t case_current = case_get;

void *
case_alloc(size_t size)
{
	return case_current(size, KM_NOFS);
}
