// SPDX-License-Identifier: MIT
/* A flag that is added in one configuration. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	minfs_km_flags_t f = KM_NOFS;

#ifdef CONFIG_MINFS_DEBUG
	f |= KM_ZERO;
#endif
	return kmem_alloc(size, f);
}
