// SPDX-License-Identifier: MIT
/* A file that is no C. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	if (size
		return NULL;
	return kmem_alloc(size, KM_NOFS);
}

void *
case_other(size_t size)
{
	return kmem_alloc(size, KM_NOFS);
}
