// SPDX-License-Identifier: MIT
/* A wrapper with one argument. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc(size);
}
