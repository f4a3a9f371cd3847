// SPDX-License-Identifier: MIT
/* A static variable. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	static minfs_km_flags_t f;
	void *p = kmem_alloc(size, f);

	f |= KM_MAYFAIL;
	return p;
}
