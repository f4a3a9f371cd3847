// SPDX-License-Identifier: MIT
/* A condition inside of an or. */
#include "minfs.h"

void *
case_alloc(size_t size, bool x)
{
	return kmem_alloc(size, KM_NOFS | (x ? KM_MAYFAIL : 0));
}
