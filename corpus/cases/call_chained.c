// SPDX-License-Identifier: MIT
/* One allocation for two pointers. */
#include "minfs.h"

char *
case_alloc(size_t size)
{
	char *start, *end;

	end = start = kmem_alloc(size, KM_NOFS);
	*end++ = 0;
	return start;
}
