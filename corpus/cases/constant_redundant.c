// SPDX-License-Identifier: MIT
/* Flags with a 0, twice the same, in parentheses. */
#include "minfs.h"

void
case_alloc(void *p[3], size_t size)
{
	p[0] = kmem_alloc(size, 0 | KM_NOFS);
	p[1] = kmem_alloc(size, KM_NOFS | KM_NOFS);
	p[2] = kmem_alloc((size), (KM_NOFS | KM_MAYFAIL));
}
