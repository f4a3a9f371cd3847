// SPDX-License-Identifier: MIT
/* One value for two variables. */
#include "minfs.h"

void *
case_alloc(size_t size, void **other)
{
	minfs_km_flags_t a, b;

	a = b = KM_NOFS;
	*other = kmem_alloc(size, a);
	return kmem_alloc(size, b);
}
