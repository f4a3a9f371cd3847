// SPDX-License-Identifier: MIT
/* A variable whose name speaks of the old flags. */
#include "minfs.h"

void *
case_alloc(size_t size, bool read)
{
	minfs_km_flags_t	kmflag_mask = KM_NOFS;

	if (!read)
		kmflag_mask |= KM_ZERO;
	return kmem_alloc(size, kmflag_mask);
}
