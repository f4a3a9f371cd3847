// SPDX-License-Identifier: MIT
/* A macro without parentheses. */
#include "minfs.h"

#define CASE_FLAGS	KM_NOFS

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, CASE_FLAGS);
}
