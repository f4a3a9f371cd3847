// SPDX-License-Identifier: MIT
/* A conditional inside of the arguments. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_zalloc(size,
#ifdef CONFIG_MINFS_DEBUG
			KM_MAYFAIL
#else
			KM_NOFS
#endif
			);
}
