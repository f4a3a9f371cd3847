// SPDX-License-Identifier: MIT
/* A macro of flags that is or-ed in. */
#include "minfs.h"

#define CASE_EXTRA	(KM_NOFS | KM_NOLOCKDEP)

void *
case_alloc(size_t size, bool locked)
{
	minfs_km_flags_t f = KM_MAYFAIL;

	if (locked)
		f |= CASE_EXTRA;
	return kmem_alloc(size, f);
}
