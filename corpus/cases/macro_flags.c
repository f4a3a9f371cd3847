// SPDX-License-Identifier: MIT
/* A macro that stands for flags. */
#include "minfs.h"

#define CASE_FLAGS	(KM_NOFS | KM_MAYFAIL)

void *
case_alloc(size_t size)
{
	return kmem_zalloc(size, CASE_FLAGS);
}
