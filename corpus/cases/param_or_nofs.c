// SPDX-License-Identifier: MIT
/* A parameter with one flag more. */
#include "minfs.h"

static void *
case_alloc(size_t size, minfs_km_flags_t flags)
{
	return kmem_alloc(size, flags | KM_NOFS);
}

void *
case_must(size_t size)
{
	return case_alloc(size, 0);
}

void *
case_may(size_t size)
{
	return case_alloc(size, KM_MAYFAIL);
}
