// SPDX-License-Identifier: MIT
/* A flag that takes another one back. */
#include "minfs.h"

void *
case_alloc(size_t size, bool hurry)
{
	minfs_km_flags_t f;

	f = KM_NOFS;
	if (hurry)
		f |= KM_MAYFAIL;
	return kmem_alloc(size, f);
}
