// SPDX-License-Identifier: MIT
/* Flags set through a pointer. */
#include "minfs.h"

static void
case_set(minfs_km_flags_t *how)
{
	*how |= KM_NOFS;
}

void *
case_alloc(size_t size)
{
	minfs_km_flags_t f = 0;

	case_set(&f);
	return kmem_alloc(size, f);
}
