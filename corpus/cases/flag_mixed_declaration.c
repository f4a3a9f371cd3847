// SPDX-License-Identifier: MIT
/* An integer beside flags in one declaration. */
#include "minfs.h"

void *
case_alloc(size_t size, int nr)
{
	unsigned int f = KM_NOFS, bytes = nr * size;

	return kmem_alloc(bytes, f);
}
