// SPDX-License-Identifier: MIT
/* Two flags added at once. */
#include "minfs.h"

void *
case_alloc(size_t size, bool locked)
{
	minfs_km_flags_t f = KM_MAYFAIL;

	if (locked)
		f |= KM_NOFS | KM_NOLOCKDEP;
	return kmem_alloc(size, f);
}
