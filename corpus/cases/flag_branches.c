// SPDX-License-Identifier: MIT
/* A variable set in both branches. */
#include "minfs.h"

void *
case_alloc(size_t size, bool locked)
{
	minfs_km_flags_t f;

	if (locked)
		f = KM_NOFS;
	else
		f = 0;
	return kmem_zalloc(size, f);
}
