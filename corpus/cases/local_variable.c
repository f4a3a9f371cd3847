// SPDX-License-Identifier: MIT
/* A variable of the name of a wrapper. */
#include "minfs.h"

int
case_count(int kmem_alloc)
{
	int kmem_free = kmem_alloc + 1;

	return kmem_free;
}
