// SPDX-License-Identifier: MIT
/* A macro that is defined inside of a function. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
#define CASE_HERE	KM_NOFS
	return kmem_alloc(size, CASE_HERE);
#undef CASE_HERE
}
