// SPDX-License-Identifier: MIT
/* Two variables in one declaration. */
#include "minfs.h"

void *
case_alloc(size_t size, bool locked)
{
	minfs_km_flags_t a = KM_NOFS, b = 0;

	return kmem_alloc(size, locked ? a : b);
}
