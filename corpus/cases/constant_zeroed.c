// SPDX-License-Identifier: MIT
/* Zeroed memory in three spellings. */
#include "minfs.h"

void
case_alloc(void *p[4], size_t size)
{
	p[0] = kmem_zalloc(size, KM_NOFS);
	p[1] = kmem_alloc(size, KM_ZERO);
	p[2] = kmem_alloc(size, KM_ZERO | KM_MAYFAIL);
	p[3] = kmem_zalloc(size, KM_ZERO | KM_NOFS);
}
