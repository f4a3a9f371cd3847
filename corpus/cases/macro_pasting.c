// SPDX-License-Identifier: MIT
/* The name of a wrapper made by pasting. */
#include "minfs.h"

#define CASE_GET(how, size)	kmem_##how(size, KM_NOFS)

void *
case_alloc(size_t size)
{
	return CASE_GET(zalloc, size);
}
