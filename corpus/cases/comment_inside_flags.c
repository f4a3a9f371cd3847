// SPDX-License-Identifier: MIT
/* A comment inside of the flags. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, KM_NOFS | /* checked */ KM_MAYFAIL);
}
