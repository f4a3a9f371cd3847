// SPDX-License-Identifier: MIT
/* Flags over two lines. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_zalloc(size, KM_NOFS |
				 KM_MAYFAIL);
}
