// SPDX-License-Identifier: MIT
/* A call in a macro body. */
#include "minfs.h"

#define case_zalloc(size)	kmem_zalloc((size), KM_NOFS)

void *
case_alloc(size_t size)
{
	return case_zalloc(size);
}
