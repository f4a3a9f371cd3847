// SPDX-License-Identifier: MIT
/* Flags in a plain integer. */
#include "minfs.h"

void *
case_alloc(size_t size, bool locked)
{
	unsigned int f = KM_MAYFAIL;

	if (locked)
		f |= KM_NOFS;
	return kmem_alloc(size, f);
}
