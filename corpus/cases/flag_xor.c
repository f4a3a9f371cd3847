// SPDX-License-Identifier: MIT
/* A flag toggled. */
#include "minfs.h"

void *
case_alloc(size_t size, bool locked)
{
	minfs_km_flags_t f = KM_NOFS;

	if (!locked)
		f ^= KM_NOFS;
	return kmem_alloc(size, f);
}
