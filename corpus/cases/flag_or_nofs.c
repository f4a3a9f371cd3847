// SPDX-License-Identifier: MIT
/* A variable that starts without flags. */
#include "minfs.h"

void *
case_alloc(size_t size, bool locked)
{
	minfs_km_flags_t f = 0;

	if (locked)
		f |= KM_NOFS;
	return kmem_zalloc(size, f);
}
