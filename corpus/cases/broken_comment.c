// SPDX-License-Identifier: MIT
/* A comment that does not end. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, KM_NOFS); /* no end
}
